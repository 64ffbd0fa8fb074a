"""An endpoint that hangs, however much is due to it, keeps nobody else waiting: not for a place, a slot, a row or a name."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from services.notifier import sender as module
from services.notifier import store
from services.notifier.consumers import payment_changed
from services.notifier.domain.share import share
from services.notifier.names import Names
from services.notifier.secrets import Secrets
from services.notifier.seed import seed
from services.notifier.sender import PER_ENDPOINT_MAX, Sender
from shared.clock import new_id
from shared.contracts import PaymentSucceeded
from shared.storage.unit_of_work import UnitOfWork
from tests.contracts.samples import snapshot
from tests.mesh.receiver import Receiver
from tests.servers import Database
from tests.services.notifier.conftest import KEY
from tests.services.notifier.server import saying
from tests.services.notifier.test_operators import settled
from tests.services.notifier.test_sender import silence

HANGS = "we_000"
OWE = (
    "INSERT INTO deliveries (delivery_id, event_id, endpoint_id, merchant_id, type, body, state, due_at)"
    " SELECT gen_random_uuid(), gen_random_uuid(), :endpoint_id, 'm', 'x', '{}', 'due', now() - make_interval(secs => :late_s)"
    " FROM generate_series(1, :count)"
)


@pytest_asyncio.fixture
async def patient(monkeypatch: pytest.MonkeyPatch, empty: Database, unit_of_work: UnitOfWork) -> AsyncIterator[Sender]:
    """Gives up no try while a test goes on."""
    for name in ("FIRST_BYTE_TIMEOUT_S", "TIMEOUT_S", "WAIT_MAX_S"):
        monkeypatch.setattr(module, name, 300.0)
    found = Sender(empty.engine, unit_of_work, Secrets(KEY), schedule_s=[0], allow_loopback=True)
    await found.open()
    yield found
    await found.close()


async def endpoint(empty: Database, sender: Sender, endpoint_id: str, url: str) -> None:
    secret = sender.secrets.seal(endpoint_id, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    await store.seed_endpoint(empty.engine, endpoint_id=endpoint_id, merchant_id="m", url=url, secret_sealed=secret)


@asynccontextmanager
async def running(sender: Sender) -> AsyncIterator[None]:
    task = asyncio.create_task(sender.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_backlog_of_one_that_hangs_fills_no_hand(
    monkeypatch: pytest.MonkeyPatch, empty: Database, patient: Sender, receiver: Receiver
) -> None:
    monkeypatch.setattr(module, "IN_HAND_MAX", 200)
    async with saying(silence) as hanging:
        await endpoint(empty, patient, HANGS, hanging.url)
        await empty.rows(OWE, endpoint_id=HANGS, late_s=1000, count=2000)
        for number in range(1, 20):
            await endpoint(empty, patient, f"we_{number:03}", receiver.url)
            await empty.rows(OWE, endpoint_id=f"we_{number:03}", late_s=1, count=20)
        async with running(patient):
            await receiver.count(19 * 20)  # of the 2,000, none has ended
            assert patient.lanes[HANGS].held <= share(0, 200)
            assert 0 < hanging.connections <= PER_ENDPOINT_MAX


async def test_what_happens_now_passes_by_an_endpoint_that_hangs(
    monkeypatch: pytest.MonkeyPatch, empty: Database, unit_of_work: UnitOfWork, patient: Sender, receiver: Receiver
) -> None:
    """Events of one merchant whose first endpoint hangs: the second hears all, and what the first cannot take is due in the table."""
    monkeypatch.setattr(module, "IN_HAND_MAX", 100)
    async with saying(silence) as hanging:
        for endpoint_id, url in ((HANGS, hanging.url), ("we_001", receiver.url)):
            await seed({"merchant": {"id": "m_001"}, "endpoint": {"id": endpoint_id, "url": url, "secret": receiver.secret}})
        async with running(patient):
            for _ in range(15):
                events = [PaymentSucceeded(correlation_id=UUID(int=1), payment=snapshot("succeeded")) for _ in range(10)]
                await asyncio.gather(*(payment_changed(one, unit_of_work, patient) for one in events))
            await receiver.count(150)
            assert patient.lanes[HANGS].held < 50
    assert await empty.value("SELECT count(*) FROM deliveries WHERE endpoint_id = :id AND due_at IS NOT NULL", id=HANGS) == 150


async def test_each_gets_what_makes_up_its_share_and_the_emptiest_first(empty: Database, sender: Sender) -> None:
    for name, count in (("a", 100), ("b", 100), ("c", 3)):
        await endpoint(empty, sender, name, "https://shop.example")
        await empty.rows(OWE, endpoint_id=name, late_s=1, count=count)

    async def taken(**more: Any) -> dict[str, int]:
        due = await store.take_due(empty.engine, lease_s=30, **more)
        names = [one.endpoint_id for one in due]
        return {name: names.count(name) for name in "abc"}

    assert await taken(most=500, each=10, held={"a": 4, "b": 10}) == {"a": 6, "b": 0, "c": 3}
    assert await taken(most=10, each=10, held={"a": 4}) == {"a": 0, "b": 10, "c": 0}
    assert await taken(most=500) == {"a": 94, "b": 90, "c": 0}


async def test_the_oldest_of_an_endpoint_comes_first(empty: Database, sender: Sender) -> None:
    await endpoint(empty, sender, "a", "https://shop.example")
    for late_s in (5, 500, 50):
        await empty.rows(OWE, endpoint_id="a", late_s=late_s, count=1)
    (oldest,) = await store.take_due(empty.engine, lease_s=30, most=1)
    late = await empty.rows("SELECT delivery_id FROM deliveries WHERE due_at <= now() ORDER BY due_at")
    assert len(late) == 2
    assert oldest.delivery_id not in {row.delivery_id for row in late}
    assert (await store.take_due(empty.engine, lease_s=30, most=1))[0].delivery_id == late[0].delivery_id


async def test_nothing_is_kept_of_endpoints_with_nothing_in_hand(empty: Database, sender: Sender, receiver: Receiver) -> None:
    for name in "abc":
        await endpoint(empty, sender, name, receiver.url)
        await empty.rows(OWE, endpoint_id=name, late_s=1, count=5)
    sender.offer(await store.take_due(empty.engine, lease_s=30, most=100))
    assert {name: lane.held for name, lane in sender.lanes.items()} == {"a": 5, "b": 5, "c": 5}
    await settled(sender)
    assert sender.lanes == {}


async def test_a_try_that_might_outlive_its_lease_is_not_begun(
    monkeypatch: pytest.MonkeyPatch, empty: Database, sender: Sender, receiver: Receiver
) -> None:
    monkeypatch.setattr(module, "WAIT_MAX_S", -1.0)
    await endpoint(empty, sender, "a", receiver.url)
    await empty.rows(OWE, endpoint_id="a", late_s=1, count=1)
    sender.offer(await store.take_due(empty.engine, lease_s=30, most=100))
    await settled(sender)
    assert receiver.all == []
    assert await empty.value("SELECT count(*) FROM deliveries WHERE state = 'due' AND tries = 0 AND due_at > now()") == 1


async def test_names_that_nobody_answers_for_hold_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    answered, look_up = threading.Event(), socket.getaddrinfo

    def tarpit(host: str, *arguments: Any, **more: Any) -> Any:
        if host.endswith(".tar.example"):
            answered.wait(60)
        return look_up("127.0.0.1", *arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", tarpit)
    names = Names()
    stuck = [asyncio.ensure_future(names.resolve(f"{new_id().hex}.tar.example")) for _ in range(40)]
    try:
        async with asyncio.timeout(30):
            assert [one["host"] for one in await names.resolve("shop.example", 443)] == ["127.0.0.1"]
        assert not any(one.done() for one in stuck)
    finally:
        answered.set()
        await asyncio.gather(*stuck)
        await names.close()
