"""What was sent is listed, shown with every try, and sent again on request."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
import pytest

from services.notifier import answers, store
from services.notifier.desk import TRIES_MAX, Desk
from services.notifier.sender import Sender
from shared.clock import new_id, utc_now
from shared.contracts import PaymentFailed
from shared.contracts.questions import (
    DeleteEndpoint,
    DeliveryView,
    ReplayDeliveries,
    ReplayedView,
    RetryDelivery,
    ShowDelivery,
)
from shared.contracts.questions import notifier as contract
from shared.ids import derived
from shared.messaging.answers import Refused
from shared.storage.unit_of_work import UnitOfWork
from tests.mesh.receiver import Receiver
from tests.servers import Database
from tests.services.notifier.asking import BY, MERCHANT, change, create, event, hear, listed, settled, until_none_is_due

BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def retry(desk: Desk, delivery: DeliveryView, *, merchant_id: str = MERCHANT) -> DeliveryView:
    return await answers.retry_delivery(RetryDelivery(merchant_id=merchant_id, delivery_id=delivery.delivery_id, **BY), desk)


async def replay(desk: Desk, endpoint_id: str, **more: object) -> ReplayedView:
    question = {"merchant_id": MERCHANT, "endpoint_id": endpoint_id, "since": BEGINNING, "until": utc_now() + HOUR, **BY, **more}
    return await answers.replay_deliveries(ReplayDeliveries.model_validate(question), desk)


async def test_a_list_has_ones_own_newest_first_and_goes_on_where_it_was(
    desk: Desk, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    made = await create(desk, receiver.url)
    await create(desk, receiver.url, merchant_id="m_002")
    for _ in range(3):
        await hear(event(), unit_of_work, sender)
    await hear(event(PaymentFailed, "failed"), unit_of_work, sender)
    await settled(sender)
    every = await listed(desk)
    assert [one.type for one in every] == ["payment.failed", *["payment.succeeded"] * 3]
    assert sorted(every, key=lambda one: (one.created_at, one.delivery_id), reverse=True) == every
    assert await listed(desk, limit=2) == every[:2]
    assert await listed(desk, limit=2, before=(every[1].created_at, every[1].delivery_id)) == every[2:]
    assert await listed(desk, merchant_id="m_002") == []
    for filters, found in (
        ({"type": "payment.failed"}, every[:1]),
        ({"payment_id": every[1].payment_id}, every[1:2]),
        ({"endpoint_id": made.endpoint.endpoint_id}, every),
        ({"endpoint_id": "we_none"}, []),
        ({"state": "delivered"}, every),
        ({"state": "parked"}, []),
        ({"since": every[0].created_at}, every[:1]),
        ({"until": every[0].created_at}, every[1:]),
    ):
        assert await listed(desk, **filters) == found, filters


async def test_a_delivery_is_shown_to_the_byte_with_every_try(
    desk: Desk, empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    await create(desk, receiver.url)
    receiver.failing = 1
    await hear(event(), unit_of_work, sender)
    await settled(sender)
    (delivery,) = await listed(desk)
    assert (delivery.state, delivery.tries, delivery.reason) == ("due", 1, "answered 500")
    await empty.rows("UPDATE deliveries SET due_at = now()")
    await until_none_is_due(empty, sender)
    shown = await answers.show_delivery(ShowDelivery(merchant_id=MERCHANT, delivery_id=delivery.delivery_id), desk)
    assert shown.body == receiver.all[0].body.decode() == receiver.all[1].body.decode()
    assert (shown.state, shown.next_try_at) == ("delivered", None)
    assert [(one.number, one.status, one.error, one.response) for one in shown.attempts] == [(1, 500, None, ""), (2, 204, None, "")]
    with pytest.raises(Refused, match="nothing"):
        await answers.show_delivery(ShowDelivery(merchant_id="m_002", delivery_id=delivery.delivery_id), desk)


async def test_what_is_parked_is_tried_again_by_the_whole_schedule(
    desk: Desk, empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    """The schedule here has two tries. The log goes on counting."""
    await create(desk, receiver.url)
    receiver.failing = 3
    await hear(event(), unit_of_work, sender)
    await settled(sender)
    await empty.rows("UPDATE deliveries SET due_at = now()")
    await until_none_is_due(empty, sender)
    (parked,) = await listed(desk)
    assert (parked.state, parked.tries) == ("parked", 2)
    with pytest.raises(Refused, match="nothing"):
        await retry(desk, parked, merchant_id="m_002")
    again = await retry(desk, parked)
    assert (again.state, again.reason, again.next_try_at is not None) == ("due", "retried by asha", True)
    sender.offer(await store.take_due(empty.engine, lease_s=30, most=10))
    await settled(sender)
    (tried,) = await listed(desk)
    assert (tried.state, tried.tries) == ("due", 3)
    await empty.rows("UPDATE deliveries SET due_at = now()")
    await until_none_is_due(empty, sender)
    assert [(one.state, one.tries) for one in await listed(desk)] == [("delivered", 4)]
    assert [row.number for row in await empty.rows("SELECT number FROM delivery_attempts ORDER BY 1")] == [1, 2, 3, 4]
    assert len({one.headers["webhook-id"] for one in receiver.all}) == 1


async def test_what_arrived_is_sent_again_on_request(
    desk: Desk, empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    await create(desk, receiver.url)
    await hear(event(), unit_of_work, sender)
    await settled(sender)
    (delivery,) = await listed(desk)
    await retry(desk, delivery)
    await until_none_is_due(empty, sender)
    first, second = receiver.all
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])


async def test_nothing_is_sent_again_to_who_is_disabled_or_gone(
    desk: Desk, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    made = await create(desk, receiver.url)
    await hear(event(), unit_of_work, sender)
    await settled(sender)
    (delivery,) = await listed(desk)
    await change(desk, made.endpoint.endpoint_id, enabled=False)
    for asked in (lambda: retry(desk, delivery), lambda: replay(desk, made.endpoint.endpoint_id)):
        with pytest.raises(Refused, match="disabled"):
            await asked()
    await answers.delete_endpoint(DeleteEndpoint(merchant_id=MERCHANT, endpoint_id=made.endpoint.endpoint_id, **BY), desk)
    with pytest.raises(Refused, match="deleted"):
        await retry(desk, delivery)
    assert [one.state for one in await listed(desk)] == ["delivered"]


async def test_a_replay_sends_what_a_disabled_endpoint_has_missed(
    desk: Desk, empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    made = await create(desk, receiver.url)
    await hear(event(), unit_of_work, sender)
    await settled(sender)
    await change(desk, made.endpoint.endpoint_id, enabled=False)
    for _ in range(2):
        await hear(event(), unit_of_work, sender)
    await change(desk, made.endpoint.endpoint_id, enabled=True)
    missed = await listed(desk, state="skipped")
    replayed = await replay(desk, made.endpoint.endpoint_id, states=["skipped"])
    assert replayed == ReplayedView(deliveries=2, continue_from=None)
    await until_none_is_due(empty, sender)
    assert {one.headers["webhook-id"] for one in receiver.all[1:]} == {str(one.delivery_id) for one in missed}
    assert {one.state for one in await listed(desk)} == {"delivered"}
    assert (await replay(desk, made.endpoint.endpoint_id)).deliveries == 3
    assert (await replay(desk, made.endpoint.endpoint_id)).deliveries == 0, "they are due already"


async def test_a_replay_is_of_a_range_and_an_endpoint(desk: Desk, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver) -> None:
    made = await create(desk, receiver.url)
    other = await create(desk, receiver.url)
    for _ in range(3):
        await hear(event(), unit_of_work, sender)
    await settled(sender)
    third, second, first = await listed(desk, endpoint_id=made.endpoint.endpoint_id)
    assert (await replay(desk, made.endpoint.endpoint_id, since=second.created_at, until=third.created_at)).deliveries == 1
    assert {one.delivery_id for one in await listed(desk, state="due")} == {second.delivery_id}
    assert first.state == "delivered"
    assert {one.state for one in await listed(desk, endpoint_id=other.endpoint.endpoint_id)} == {"delivered"}
    with pytest.raises(Refused):
        await replay(desk, made.endpoint.endpoint_id, since=utc_now(), until=BEGINNING)


async def test_a_large_replay_says_where_to_go_on(
    desk: Desk, empty: Database, unit_of_work: UnitOfWork, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "REPLAY_MAX", 2)
    assert contract.REPLAY_MAX == 10_000
    made = await create(desk)
    for minute in range(3):
        await empty.rows(
            "INSERT INTO deliveries (delivery_id, event_id, endpoint_id, merchant_id, type, body, state, created_at)"
            " VALUES (:id, :id, :endpoint, :merchant, 'x', '', 'parked', now() - make_interval(mins => :minute))",
            id=new_id(),
            endpoint=made.endpoint.endpoint_id,
            merchant=MERCHANT,
            minute=minute,
        )
    newest, middle, oldest = await listed(desk)
    replayed = await replay(desk, made.endpoint.endpoint_id)
    assert replayed == ReplayedView(deliveries=2, continue_from=middle.created_at)
    assert await replay(desk, made.endpoint.endpoint_id, since=replayed.continue_from) == ReplayedView(deliveries=1, continue_from=None)
    assert {one.state for one in await listed(desk)} == {"due"}
    due_at = {one.delivery_id: one.next_try_at for one in await listed(desk)}
    assert due_at[oldest.delivery_id] < due_at[middle.delivery_id] <= due_at[newest.delivery_id]  # type: ignore[operator]


async def test_what_was_disabled_while_it_was_under_way_and_arrived_has_arrived(
    desk: Desk, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    made = await create(desk, receiver.url)
    async with receiver.held():
        await hear(event(), unit_of_work, sender)
        await receiver.count(1)
        await change(desk, made.endpoint.endpoint_id, enabled=False)
        assert [one.state for one in await listed(desk)] == ["skipped"]
    await settled(sender)
    (delivery,) = await listed(desk)
    assert (delivery.state, orjson.loads(receiver.all[0].body)["type"]) == ("delivered", "payment.succeeded")


async def test_a_try_that_failed_after_it_was_skipped_is_in_the_log_beside_the_next(
    desk: Desk, empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    """It counts, so that the next has a number of its own."""
    made = await create(desk, receiver.url)
    receiver.failing = 1
    async with receiver.held():
        await hear(event(), unit_of_work, sender)
        await receiver.count(1)
        await change(desk, made.endpoint.endpoint_id, enabled=False)
    await settled(sender)
    (delivery,) = await listed(desk)
    assert (delivery.state, delivery.reason, delivery.tries, delivery.next_try_at) == ("skipped", "endpoint disabled", 1, None)
    await change(desk, made.endpoint.endpoint_id, enabled=True)
    await retry(desk, delivery)
    await until_none_is_due(empty, sender)
    shown = await answers.show_delivery(ShowDelivery(merchant_id=MERCHANT, delivery_id=delivery.delivery_id), desk)
    assert (shown.state, [(one.number, one.status) for one in shown.attempts]) == ("delivered", [(1, 500), (2, 204)])


async def test_a_delivery_is_not_tried_for_ever(
    desk: Desk, empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    made = await create(desk, receiver.url)
    await hear(event(), unit_of_work, sender)
    await settled(sender)
    await empty.rows("UPDATE deliveries SET tries = :tries", tries=TRIES_MAX)
    (delivery,) = await listed(desk)
    with pytest.raises(Refused) as raised:
        await retry(desk, delivery)
    assert raised.value.complaint.code == "CONFLICT"
    assert (await replay(desk, made.endpoint.endpoint_id)).deliveries == 0
    await empty.rows("UPDATE deliveries SET tries = tries - 1")
    assert (await retry(desk, delivery)).state == "due"


async def test_old_deliveries_are_forgotten_with_their_tries_unless_somebody_may_still_hear_them(
    desk: Desk, empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "PRUNED_MAX", 2)
    made = await create(desk, receiver.url)
    await hear(event(), unit_of_work, sender)
    await settled(sender)
    for state in ("delivered", "skipped", "parked", "due"):
        for cause, days in ((31, 31), (29, 29), (31, 29)):  # an event may come long after what its id follows from
            begun, at = utc_now() - timedelta(days=cause), utc_now() - timedelta(days=days)
            named = {"id": derived(UUID(int=int(begun.timestamp() * 1000) << 80), f"{state} {days}"), "at": at}
            await empty.rows(
                "INSERT INTO deliveries (delivery_id, event_id, endpoint_id, merchant_id, type, body, state, created_at)"
                " VALUES (:id, :id, :endpoint, 'm_001', 'x', '', :state, :at)",
                endpoint=made.endpoint.endpoint_id,
                state=state,
                **named,
            )
            await empty.rows("INSERT INTO delivery_attempts (delivery_id, number, at, latency_ms) VALUES (:id, 1, :at, 1)", **named)
    assert await store.prune(empty.engine, keep_days=30) == 2
    old = "SELECT state FROM deliveries WHERE created_at < now() - interval '30 days' ORDER BY state"
    assert [row.state for row in await empty.rows(old)] == ["due", "parked"]
    assert len(await listed(desk)) == await empty.value("SELECT count(*) FROM delivery_attempts") == 11
    assert await store.prune(empty.engine, keep_days=7) == 4
