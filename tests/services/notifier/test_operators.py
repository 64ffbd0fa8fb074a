"""Operators' endpoints: seeded, filtered by type, told once, signed, and apart from merchants'."""

import asyncio
import json
from uuid import UUID

import pytest
from standardwebhooks import Webhook

from services.notifier.consumers import operations_changed, payment_changed
from services.notifier.seed import seed
from services.notifier.sender import Sender
from shared.contracts import CircuitClosed, CircuitOpened, PaymentSucceeded
from shared.storage.unit_of_work import UnitOfWork
from shared.storage.work import AlreadyHandled
from tests.contracts.samples import snapshot
from tests.mesh.receiver import Receiver
from tests.servers import Database

MOVED = {"correlation_id": UUID(int=1), "gateway": "alpha", "method": "CARD", "epoch": 2, "reason": "because"}
OPENED = CircuitOpened(**MOVED, state="open", previous="closed")
CLOSED = CircuitClosed(**MOVED, state="closed", previous="half_open")


async def settled(sender: Sender) -> None:
    """Every try that is under way has ended, and its row says how."""
    async with asyncio.timeout(60):
        while sender.sending:
            await asyncio.wait(sender.sending)


def endpoints(receiver: Receiver, **operators: object) -> dict[str, object]:
    """What the seed command reads: a merchant's endpoint and the operators' at the same receiver."""
    one = {"url": receiver.url, "secret": receiver.secret}
    return {"merchant": {"id": "m_001"}, "endpoint": {"id": "we_shop", **one}, "operators": {"id": "we_ops", **one, **operators}}


async def deliveries(empty: Database) -> list[tuple[object, ...]]:
    rows = await empty.rows("SELECT endpoint_id, merchant_id, payment_id, type, state FROM deliveries ORDER BY created_at, type")
    return [tuple(row) for row in rows]


async def test_operators_are_told_once_and_nobody_else_is(
    empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    await seed(endpoints(receiver))
    await operations_changed(OPENED, unit_of_work, sender)
    with pytest.raises(AlreadyHandled):
        await operations_changed(OPENED, unit_of_work, sender)
    await settled(sender)
    assert await deliveries(empty) == [("we_ops", "@operators", None, "circuit.opened", "delivered")]
    (heard,) = receiver.all
    body = Webhook(receiver.secret).verify(heard.body, heard.headers)
    assert (body["type"], body["event_id"], body["data"]["gateway"]) == ("circuit.opened", str(OPENED.message_id), "alpha")


async def test_operators_hear_of_no_payment(empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver) -> None:
    await seed(endpoints(receiver))
    event = PaymentSucceeded(correlation_id=UUID(int=2), payment=snapshot("succeeded"))
    await payment_changed(event, unit_of_work, sender)
    await settled(sender)
    assert await deliveries(empty) == [("we_shop", "m_001", event.payment.payment_id, "payment.succeeded", "delivered")]


async def test_a_filter_is_seeded_kept_and_replaced(empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver) -> None:
    await seed(endpoints(receiver, events=["circuit.closed"]))
    await seed(endpoints(receiver))  # without a filter: the one that is there stays
    for event in (OPENED, CLOSED):
        await operations_changed(event, unit_of_work, sender)
    await settled(sender)
    assert [row[3] for row in await deliveries(empty)] == ["circuit.closed"]
    await seed(endpoints(receiver, events=[]))
    assert await empty.value("SELECT events FROM endpoints WHERE endpoint_id = 'we_ops'") == []


async def test_what_an_operators_endpoint_refuses_is_tried_again_from_its_row(
    empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    receiver.failing = 1
    await seed(endpoints(receiver))
    await operations_changed(OPENED, unit_of_work, sender)
    await settled(sender)
    assert [row[4] for row in await deliveries(empty)] == ["due"]
    await empty.rows("UPDATE deliveries SET due_at = now()")
    running = asyncio.create_task(sender.run())
    try:
        await receiver.count(2)
        await settled(sender)
    finally:
        running.cancel()
    assert [row[4] for row in await deliveries(empty)] == ["delivered"]
    assert [(one.answered, json.loads(one.body)["type"]) for one in receiver.all] == [(500, "circuit.opened"), (204, "circuit.opened")]
