"""What operators are told: by the same way as merchants, and nobody else is."""

import json

from aio_pika import Message

from shared import topology
from shared.clock import new_id
from shared.contracts import CircuitOpened
from tests.mesh.inside import Inside
from tests.mesh.outside import Outside
from tests.mesh.waiting import until

COPIES = 2


async def test_a_breaker_that_opens_reaches_an_operators_endpoint_once(inside: Inside, outside: Outside) -> None:
    event = CircuitOpened(
        correlation_id=new_id(),
        gateway="gamma",
        method="NETBANKING",
        state="open",
        previous="closed",
        epoch=1,
        reason="9 of 10 failed within two minutes",
    )
    envelope = Message(f"[{event.model_dump_json()}]".encode(), content_type="application/json")
    async with inside.exchange(topology.EVENTS) as exchange:
        for _ in range(COPIES):
            await exchange.publish(envelope, event.kind)
    [heard] = await until(lambda: outside.operators(event.message_id), within_s=60, what="an operators' webhook")
    body = json.loads(heard["body"])
    assert (heard["type"], body["data"]["gateway"], body["data"]["reason"]) == ("circuit.opened", "gamma", event.reason)

    deliveries = "SELECT delivery_id, merchant_id, payment_id, endpoint_id, body, state FROM deliveries WHERE event_id = $1"
    [row] = await until(
        lambda: inside.fetch("notifier", deliveries, event.message_id),
        within_s=60,
        what="a settled delivery",
        accept=lambda rows: all(row["state"] == "delivered" for row in rows),
    )
    assert (row["merchant_id"], row["payment_id"], row["endpoint_id"]) == ("@operators", None, "we_operators")
    assert (str(row["delivery_id"]), row["body"].decode()) == (heard["webhook_id"], heard["body"])
    assert await inside.count("notifier", "delivery_attempts WHERE delivery_id = $1", row["delivery_id"]) == 1
