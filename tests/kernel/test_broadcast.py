"""A current picture reaches every replica's own queue, whoever is connected now; nobody waits for the deaf."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from faststream.rabbit import RabbitQueue
from structlog.testing import capture_logs

from shared.clock import new_id
from shared.contracts import Frozen
from shared.messaging import rabbit
from shared.messaging.broadcast import Ear, say
from shared.messaging.rabbit import Broker, connect
from shared.topology import BROADCAST
from tests.kernel.proxy import wire_to
from tests.kernel.waiting import until


class Picture(Frozen):
    number: int


class Listener:
    """A replica: it keeps the numbers it heard."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.heard: list[int] = []
        self.ear = Ear(broker, BROADCAST, self._hear)

    def _hear(self, body: bytes) -> None:
        self.heard.append(Picture.model_validate_json(body).number)


@asynccontextmanager
async def listener(url: str, *keys: str) -> AsyncIterator[Listener]:
    broker = connect(url, service="toy")
    await broker.connect()
    one = Listener(broker)
    await one.ear.open(keys)
    try:
        yield one
    finally:
        await broker.stop()


@asynccontextmanager
async def speaker(url: str) -> AsyncIterator[Broker]:
    broker = connect(url, service="toy")
    await broker.connect()
    try:
        yield broker
    finally:
        await broker.stop()


async def test_every_replica_hears_it_on_a_queue_of_its_own(rabbitmq_url: str) -> None:
    key = f"toy.{new_id()}"
    async with speaker(rabbitmq_url) as mouth, listener(rabbitmq_url, key) as one, listener(rabbitmq_url, key) as other:
        for number in range(3):
            await say(mouth, Picture(number=number), routing_key=key)
        await until(lambda: len(one.heard) == len(other.heard) == 3)
        assert one.heard == other.heard == [0, 1, 2]


async def test_it_is_heard_while_it_is_bound(rabbitmq_url: str) -> None:
    first, second = f"toy.{new_id()}", f"toy.{new_id()}"
    async with speaker(rabbitmq_url) as mouth, listener(rabbitmq_url, first) as one:
        await say(mouth, Picture(number=1), routing_key=second)
        await one.ear.bind(second)
        await say(mouth, Picture(number=2), routing_key=second)
        await until(lambda: one.heard == [2])
        await one.ear.unbind(second)
        await say(mouth, Picture(number=3), routing_key=second)
        await say(mouth, Picture(number=4), routing_key=first)
        await until(lambda: 4 in one.heard)
        assert one.heard == [2, 4]


async def test_nobody_needs_to_hear(rabbitmq_url: str) -> None:
    async with speaker(rabbitmq_url) as mouth:
        await say(mouth, Picture(number=1), routing_key=f"toy.{new_id()}")


async def test_it_survives_the_loss_of_its_connection(rabbitmq_url: str) -> None:
    """Queue and bindings were the connection's: the next connection has them again, those bound later too and those unbound not."""
    first, second, third = (f"toy.{new_id()}" for _ in range(3))
    async with wire_to(rabbitmq_url) as wire, speaker(rabbitmq_url) as mouth, listener(wire.url(rabbitmq_url), first, third) as one:
        await one.ear.bind(second)
        await one.ear.unbind(third)
        wire.cut()
        numbers = iter(range(10_000))

        async def both_heard() -> bool:
            """Said again and again, as pictures are."""
            for key, kind in ((first, 0), (second, 1), (third, 2)):
                await say(mouth, Picture(number=3 * next(numbers) + kind), routing_key=key)
            return {number % 3 for number in one.heard} >= {0, 1}

        await until(both_heard)
        assert {number % 3 for number in one.heard} == {0, 1}


async def test_it_survives_a_connection_that_the_broker_still_believes_in(rabbitmq_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client has given the line up, the broker has not: an exclusive queue stays the dead connection's until the broker notices."""
    monkeypatch.setattr(rabbit, "HEARTBEAT_S", 1)
    key = f"toy.{new_id()}"
    async with wire_to(rabbitmq_url) as wire, speaker(rabbitmq_url) as mouth, listener(wire.url(rabbitmq_url), key) as one:
        wire.cut_clients()

        async def heard() -> bool:
            await say(mouth, Picture(number=1), routing_key=key)
            return bool(one.heard)

        await until(heard)


async def test_a_picture_that_cannot_be_read_is_reported_and_forgotten(rabbitmq_url: str) -> None:
    key = f"toy.{new_id()}"

    class Newer(Frozen):
        numbers: tuple[int, ...]

    async with speaker(rabbitmq_url) as mouth, listener(rabbitmq_url, key) as one:
        with capture_logs() as said:
            await say(mouth, Newer(numbers=(1, 2)), routing_key=key)
            await say(mouth, Picture(number=3), routing_key=key)
            await until(lambda: one.heard == [3])
    assert [(line["event"], line["routing_key"]) for line in said] == [("unreadable_broadcast", key)]


async def test_what_a_deaf_replica_leaves_lying_is_bounded_and_goes_with_it(rabbitmq_url: str) -> None:
    key = f"toy.{new_id()}"
    async with speaker(rabbitmq_url) as mouth:
        async with listener(rabbitmq_url, key) as one:
            queue = one.ear.queue
            assert queue is not None
            assert {"x-max-length": 10_000, "x-overflow": "drop-head"}.items() <= (queue.arguments or {}).items()
            assert queue.exclusive
        with pytest.raises(Exception, match="NOT_FOUND"):
            await mouth.declare_queue(RabbitQueue(queue.name, declare=False))
