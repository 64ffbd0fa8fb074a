"""What an endpoint asks for by its answer: to be left alone for a while, or, by 410, for good; what was still due is kept as skipped."""

from datetime import UTC, datetime, timedelta

import pytest

from services.notifier import store
from services.notifier.consumers import operations_changed
from services.notifier.desk import Desk
from services.notifier.domain.schedule import Answer, Gone, judge
from services.notifier.seed import seed
from services.notifier.sender import Sender
from shared.clock import utc_now
from shared.storage.unit_of_work import UnitOfWork
from tests.mesh.receiver import Receiver
from tests.servers import Database
from tests.services.notifier.asking import create, event, hear, listed
from tests.services.notifier.server import saying
from tests.services.notifier.test_operators import CLOSED, OPENED, endpoints, settled


async def test_gone_disables_and_retries_are_skipped(empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver) -> None:
    await seed(endpoints(receiver))
    receiver.failing = 1
    await operations_changed(OPENED, unit_of_work, sender)
    await settled(sender)
    (due,) = await taken(empty)
    verdict = judge(Answer(410), tries=2, schedule_s=[0, 1, 2], now=datetime.now(UTC), draw=0.5)
    assert isinstance(verdict, Gone)
    await operations_changed(CLOSED, unit_of_work, sender)
    await settled(sender)
    await unit_of_work.apply(
        lambda work: store.settle(work, due, verdict, Answer(410), at=work.now, latency_ms=1), loads=store.settling(due, verdict)
    )
    assert await empty.value("SELECT enabled FROM endpoints WHERE endpoint_id = 'we_ops'") is False
    assert await empty.value("SELECT state FROM deliveries WHERE type = 'circuit.opened'") == "parked"
    await empty.rows("UPDATE deliveries SET state = 'due', due_at = now()")
    assert await store.take_due(empty.engine, lease_s=30, most=10) == []
    rows = await empty.rows("SELECT DISTINCT state, reason, due_at FROM deliveries")
    assert [tuple(row) for row in rows] == [("skipped", "endpoint disabled", None)]


async def taken(empty: Database) -> list[store.Due]:
    await empty.rows("UPDATE deliveries SET due_at = now()")
    return await store.take_due(empty.engine, lease_s=30, most=10)


async def test_to_seed_it_again_is_to_forget_how_it_failed(empty: Database, sender: Sender, receiver: Receiver) -> None:
    await seed(endpoints(receiver))
    await empty.rows("UPDATE endpoints SET enabled = false, disabled_reason = 'x', failing_since = now(), failing_told_at = now()")
    await seed(endpoints(receiver))
    rows = await empty.rows("SELECT DISTINCT enabled, disabled_reason, failing_since, failing_told_at FROM endpoints")
    assert [tuple(row) for row in rows] == [(True, None, None, None)]


@pytest.mark.parametrize("status", [429, 503])
async def test_it_is_left_alone_for_as_long_as_it_asks(desk: Desk, unit_of_work: UnitOfWork, sender: Sender, status: int) -> None:
    """The schedule here says 1000 s."""
    async with saying(f"HTTP/1.1 {status} Later\r\nRetry-After: 7200\r\nContent-Length: 0\r\n\r\n".encode()) as server:
        await create(desk, server.url)
        began = utc_now()
        await hear(event(), unit_of_work, sender)
        await settled(sender)
    (delivery,) = await listed(desk)
    assert delivery.next_try_at is not None
    assert began + timedelta(seconds=7200) <= delivery.next_try_at <= utc_now() + timedelta(seconds=7200)


async def test_it_says_that_it_is_gone_and_hears_no_more(desk: Desk, empty: Database, unit_of_work: UnitOfWork, sender: Sender) -> None:
    async with saying(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n") as server:
        await create(desk, server.url)
        for _ in range(2):
            await hear(event(), unit_of_work, sender)
            await settled(sender)
    assert len(server.requests) == 1
    assert [one.state for one in await listed(desk)] == ["skipped", "parked"]
    assert await empty.value("SELECT disabled_reason FROM endpoints") == "it answered 410"
    assert await empty.value("SELECT count(DISTINCT message_id) FROM outbox WHERE kind = 'endpoint.disabled.v1'") == 1
