"""Where an endpoint wants it, the events of one payment come one after another, and no payment waits for another."""

from uuid import UUID

import orjson
import pytest

from services.notifier import store
from services.notifier.desk import Desk
from services.notifier.sender import Sender
from shared.clock import new_id
from shared.contracts import PaymentEvent, PaymentFailed, PaymentPendingVerification, PaymentRefunded, PaymentSucceeded
from shared.storage.unit_of_work import UnitOfWork
from tests.mesh.receiver import Receiver
from tests.servers import Database
from tests.services.notifier.asking import create, event, hear, listed, settled, until_none_is_due

KINDS: tuple[tuple[type[PaymentEvent], str], ...] = (
    (PaymentPendingVerification, "pending_verification"),
    (PaymentSucceeded, "succeeded"),
    (PaymentRefunded, "refunded"),
)


def story(payment_id: UUID) -> list[PaymentEvent]:
    """Three events of a payment, each with the one before it."""
    told: list[PaymentEvent] = []
    for sequence, (kind, status) in enumerate(KINDS, 1):
        before = told[-1].message_id if told else None
        told.append(event(kind, status, payment_id=payment_id, sequence=sequence, previous_event_id=before))
    return told


def sequences(receiver: Receiver) -> list[tuple[int, int]]:
    """(sequence, answered) of what was heard."""
    return [(orjson.loads(one.body)["data"]["sequence"], one.answered) for one in receiver.all]


async def taken(empty: Database) -> list[int]:
    """The sequences of what is due and may go now."""
    return [orjson.loads(one.body)["data"]["sequence"] for one in await store.take_due(empty.engine, lease_s=30, most=10)]


async def test_heard_out_of_order_told_in_order(
    desk: Desk, empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    await create(desk, receiver.url, ordered=True)
    for one in reversed(story(new_id())):
        await hear(one, unit_of_work, sender)
    await until_none_is_due(empty, sender)
    assert sequences(receiver) == [(1, 204), (2, 204), (3, 204)]


async def test_the_next_waits_until_the_one_before_has_arrived(
    desk: Desk, empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    await create(desk, receiver.url, ordered=True)
    first, second, _ = story(new_id())
    receiver.failing = 1
    await hear(first, unit_of_work, sender)
    sender.offer(await store.take_due(empty.engine, lease_s=30, most=10))
    await settled(sender)
    await hear(second, unit_of_work, sender)
    other = event(PaymentFailed, "failed", sequence=9)
    await hear(other, unit_of_work, sender)
    assert await taken(empty) == [9], "another payment goes at once"
    _, held, failed = await listed(desk)
    assert held.next_try_at is not None
    assert failed.next_try_at is not None
    assert held.next_try_at >= failed.next_try_at, "it is looked at again when the one before it is"
    await empty.rows("UPDATE deliveries SET due_at = now() WHERE payment_id = :id", id=first.payment.payment_id)
    assert await taken(empty) == [1]


@pytest.mark.parametrize("failing", [0, 2], ids=["delivered", "parked"])
async def test_an_end_lets_the_next_go_at_once(
    desk: Desk, empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver, failing: int
) -> None:
    """The schedule here has two tries, the second after 1000 s."""
    await create(desk, receiver.url, ordered=True)
    receiver.failing = failing
    first, second, _ = story(new_id())
    for one in (first, second):
        await hear(one, unit_of_work, sender)
    for _ in range(2 if failing else 1):
        sender.offer(await store.take_due(empty.engine, lease_s=30, most=10))
        await settled(sender)
        assert await empty.value("SELECT count(*) FROM deliveries WHERE state = 'due' AND sequence = 2") == 1
        if failing and receiver.failing:
            await empty.rows("UPDATE deliveries SET due_at = now() WHERE sequence = 1")
    assert await taken(empty) == [2]


async def test_an_unheard_event_is_waited_for_but_not_for_ever(
    desk: Desk, empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    await create(desk, receiver.url, ordered=True)
    _, second, _ = story(new_id())
    await hear(second, unit_of_work, sender)
    assert await taken(empty) == []
    await empty.rows("UPDATE deliveries SET due_at = now(), created_at = now() - make_interval(secs => :s)", s=store.UNHEARD_MAX_S)
    assert await taken(empty) == [2]


async def test_an_event_that_the_filter_leaves_out_is_not_waited_for(
    desk: Desk, empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    await create(desk, receiver.url, ordered=True, events=("payment.succeeded",))
    first, second, _ = story(new_id())
    for one in (first, second):
        await hear(one, unit_of_work, sender)
    assert await taken(empty) == [2]


async def test_without_the_option_nobody_waits(desk: Desk, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver) -> None:
    await create(desk, receiver.url)
    receiver.failing = 1
    for one in story(new_id()):
        await hear(one, unit_of_work, sender)
        await settled(sender)
    assert sequences(receiver) == [(1, 500), (2, 204), (3, 204)]
