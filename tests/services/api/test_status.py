"""Queue depths and consumers over a real broker: what is there is counted, and what is not is said to be missing."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aio_pika.abc import AbstractIncomingMessage
from faststream.rabbit import RabbitQueue

from services.api.http.about import status
from services.api.http.about.status import Jobs, QueueStatus, show_jobs, summed
from services.api.http.layer import Code, Problem
from shared.clock import new_id
from shared.messaging.depths import Depth, depths
from shared.messaging.rabbit import Broker, connect
from shared.topology import Inlet
from tests.services.api.conftest import Client


@pytest.fixture
async def broker(rabbitmq_url: str) -> AsyncIterator[Broker]:
    found = connect(rabbitmq_url, service="test")
    await found.connect()
    yield found
    await found.stop()


@pytest.fixture
async def inlet(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Inlet:
    """One queue and its dead letters, which go with this connection."""
    made = Inlet(queue=f"test.{new_id()}", exchange="", hears=(), prefetch=1)
    for name in (made.queue, made.dead_queue):
        await broker.declare_queue(RabbitQueue(name, exclusive=True, durable=False))
    monkeypatch.setattr(status, "inlets", lambda gateways: [made])
    return made


async def test_what_waits_is_counted_and_who_listens(broker: Broker, inlet: Inlet) -> None:
    jobs = Jobs(broker, [])
    assert (await show_jobs(jobs)).worker_status == "stopped"
    for name, times in ((inlet.queue, 3), (inlet.dead_queue, 2)):
        for _ in range(times):
            await broker.publish(b"[]", queue=name)
    found = await show_jobs(jobs)
    assert found.queues == [QueueStatus(queue=inlet.queue, service="test", waiting=3, consumers=0, dead=2)]
    assert (found.waiting, found.dead) == (3, 2)
    queue = await broker.declare_queue(RabbitQueue(inlet.queue, exclusive=True, durable=False))

    async def take(message: AbstractIncomingMessage) -> None:
        await message.ack()

    await queue.consume(take)
    found = await show_jobs(jobs)
    assert (found.worker_status, found.queues[0].consumers) == ("running", 1)


async def test_a_queue_that_is_missing_hides_no_other(broker: Broker, inlet: Inlet) -> None:
    found = await depths(broker, ["test.missing.1", inlet.queue, "test.missing.2", inlet.dead_queue])
    assert found == {"test.missing.1": None, inlet.queue: Depth(0, 0), "test.missing.2": None, inlet.dead_queue: Depth(0, 0)}


async def test_a_broker_that_is_away_is_a_503(rabbitmq_url: str) -> None:
    with pytest.raises(Problem) as raised:
        await show_jobs(Jobs(connect(rabbitmq_url, service="test"), ["alpha"]))
    assert raised.value.code is Code.TEMPORARILY_UNAVAILABLE


def test_one_queue_without_consumer_is_degraded() -> None:
    one = QueueStatus(queue="a.b", service="a", waiting=1, consumers=1, dead=0)
    found = summed([one, one.model_copy(update={"consumers": 0, "waiting": None, "dead": None})])
    assert (found.worker_status, found.waiting, found.dead) == ("degraded", 1, 0)


async def test_it_is_the_operators(operator: Client, merchant: Client) -> None:
    answer = await operator.get("/api/v1/test/jobs/status")
    assert answer.status == 200
    assert {"api.evidence", "router.commands", "notifier.events"} <= {one["queue"] for one in answer.body["queues"]}
    assert (await merchant.get("/test/jobs/status")).status == 403


async def test_a_replica_has_its_measures_for_operators(operator: Client, http: aiohttp.ClientSession) -> None:
    async with http.get("/metrics", headers=operator.keys) as answer:
        assert (answer.status, answer.content_type) == (200, "text/plain")
        assert "\npaymesh_" in await answer.text()
    assert (await Client(http, {}).get("/api/v1/metrics")).status == 401
