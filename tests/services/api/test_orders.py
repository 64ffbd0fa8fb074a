"""An order over two replicas and PostgreSQL: one payment at a time, and none after one that took its money or may have."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.api import orders
from services.api.http.paying.edge import Accepted
from services.api.orders import Order
from shared import ids
from shared.clock import new_id, utc_now
from shared.contracts import AttemptSucceeded, Event
from shared.storage.transaction import Transaction
from tests.mesh.waiting import until
from tests.servers import Database
from tests.services.api.replica import Replica
from tests.services.api.test_quota import AMOUNT, ask, attempt, exhausted, failed, succeeded

Replicas = tuple[Replica, Replica]
TAKEN = "ORDER_HAS_LIVE_PAYMENT"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def make(one: Replica) -> str:
    """An order of the caller's, by its public id."""
    now = utc_now()
    made = Order(new_id(), "m_001", None, AMOUNT, None, {}, now, now.replace(year=now.year + 1))
    await one.edge.unit_of_work.apply(lambda work: orders.insert_order(work, made))
    return made.public_id


async def pay(one: Replica, order_id: str) -> UUID | str:
    """The payment, or the code of the refusal."""
    answer = await ask(one, None, order_id=order_id)
    return answer.payment.payment_id if isinstance(answer, Accepted) else answer


async def paid(one: Replica, order_id: str, *words: Any) -> UUID:
    """A payment of which these words have been heard."""
    payment_id = await pay(one, order_id)
    assert isinstance(payment_id, UUID), payment_id
    for word in words:
        await one.hear(word(payment_id))
    return payment_id


def charged_otherwise(payment_id: UUID) -> AttemptSucceeded:
    """Of another amount than was asked: a conflict."""
    confirmed = AMOUNT.model_copy(update={"amount_minor": 1})
    named: dict[str, Any] = {"correlation_id": payment_id, "attempt": attempt(payment_id), "confirmed": confirmed}
    return AttemptSucceeded(**named, gateway_reference="ch_1", latency_ms=1)


def meanwhile(one: Replica, monkeypatch: pytest.MonkeyPatch, event: Event) -> None:
    """This is heard between the moment at which the edge has looked at the order and the one at which it writes the payment."""
    look = one.edge.queries.order

    async def and_then(merchant_id: str, order_id: UUID) -> Order | None:
        found = await look(merchant_id, order_id)
        await one.hear(event)
        return found

    monkeypatch.setattr(one.edge.queries, "order", and_then)


async def test_one_that_becomes_a_conflict_meanwhile_lets_no_other_in(replicas: Replicas, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id = await make(replicas[0])
    first = await paid(replicas[0], order_id, failed, exhausted)
    meanwhile(replicas[1], monkeypatch, charged_otherwise(first))
    assert await pay(replicas[1], order_id) == TAKEN


async def test_one_that_fails_meanwhile_lets_another_in(replicas: Replicas, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id = await make(replicas[0])
    first = await paid(replicas[0], order_id, failed)
    await replicas[0].hear(exhausted(first))
    assert isinstance(await pay(replicas[1], order_id), UUID)


async def test_an_order_in_conflict_is_refused_whatever_came_after(database: Database, replicas: Replicas) -> None:
    """The first is found to have charged while a second pays; the second fails, and the first has the money all the same."""
    order_id = await make(replicas[0])
    first = await paid(replicas[0], order_id, failed, exhausted)
    second = await paid(replicas[0], order_id, failed)
    await replicas[1].hear(charged_otherwise(first))
    assert await pay(replicas[1], order_id) == TAKEN
    await replicas[1].hear(exhausted(second))
    shown = await replicas[0].edge.queries.order("m_001", ids.private(ids.ORDER, order_id))
    assert shown
    assert (shown.payment_id, shown.status(utc_now())) == (first, "conflicted")
    assert await pay(replicas[1], order_id) == TAKEN


async def test_who_waits_for_the_order_sees_what_was_done_with_it(database: Database, replicas: Replicas) -> None:
    """Another replica has the order: when it lets go, there is a payment, in conflict already."""
    order_id = await make(replicas[0])
    own_id = ids.private(ids.ORDER, order_id)
    async with database.engine.connect() as other:
        await other.execute(text("SELECT 1 FROM orders WHERE order_id = :id FOR NO KEY UPDATE"), {"id": own_id})
        waiting = asyncio.ensure_future(pay(replicas[0], order_id))

        async def is_waiting() -> bool:
            return bool(await database.value(WAITING))

        await until(is_waiting, within_s=30, what="the order is waited for")
        await other.execute(
            text(
                "INSERT INTO payments (payment_id, merchant_id, status, sequence, amount_minor, currency, method, capture, metadata,"
                " evidence, created_at, updated_at, for_order) VALUES (:id, 'm_001', 'conflicted', 1, 50000, 'INR', 'UPI', 'automatic',"
                " '{}', '{}', now(), now(), :order)"
            ),
            {"id": new_id(), "order": own_id},
        )
        await other.commit()
    assert await waiting == TAKEN


async def test_fifty_at_once_are_one(replicas: Replicas) -> None:
    order_id = await make(replicas[0])
    answers = await asyncio.gather(*(pay(replicas[n % 2], order_id) for n in range(50)))
    assert Counter(one for one in answers if isinstance(one, str)) == {TAKEN: 49}
    [first] = [one for one in answers if isinstance(one, UUID)]
    await replicas[0].hear(succeeded(first))
    assert await pay(replicas[1], order_id) == TAKEN


async def test_a_payment_without_an_order_asks_nothing_about_orders(replicas: Replicas, monkeypatch: pytest.MonkeyPatch) -> None:
    """Claim, payment, timeline and outbox are its statements; an order is two more."""
    fetch, said = Transaction.fetch, list[str]()

    async def counted(self: Transaction, sql: str, *arguments: Any) -> Any:
        said.append(sql)
        return await fetch(self, sql, *arguments)

    monkeypatch.setattr(Transaction, "fetch", counted)
    assert isinstance(await ask(replicas[0], None), Accepted)
    assert len(said) == 4
    order_id = await make(replicas[0])
    said.clear()
    assert isinstance(await pay(replicas[0], order_id), UUID)
    assert len(said) == 6
