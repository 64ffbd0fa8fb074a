"""Payments that succeed, as the notifier hears of them: events on the broker, without the payments."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import aio_pika
from pydantic import TypeAdapter

from shared.clock import new_id, utc_now
from shared.contracts import Money, PaymentSnapshot, PaymentSucceeded
from shared.topology import EVENTS

PER_MESSAGE = 20  # events in one AMQP message, as the relay packs them under load
SEVERAL = TypeAdapter(list[PaymentSucceeded])
Publish = Callable[[Sequence[str]], Awaitable[None]]


@asynccontextmanager
async def publishing(rabbitmq_url: str) -> AsyncIterator[Publish]:
    """A function that publishes one event for each merchant named."""
    connection = await aio_pika.connect(rabbitmq_url)
    async with connection:
        channel = await connection.channel(publisher_confirms=True)
        exchange = await channel.get_exchange(EVENTS, ensure=False)

        async def publish(merchants: Sequence[str]) -> None:
            for start in range(0, len(merchants), PER_MESSAGE):
                body = SEVERAL.dump_json([_event(one) for one in merchants[start : start + PER_MESSAGE]], exclude_none=True)
                message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT, content_type="application/json")
                await exchange.publish(message, routing_key=PaymentSucceeded.kind_of())

        yield publish


async def publish_all(rabbitmq_url: str, merchants: Sequence[str]) -> None:
    async with publishing(rabbitmq_url) as publish:
        await publish(merchants)


def _event(merchant_id: str) -> PaymentSucceeded:
    now, payment_id = utc_now(), new_id()
    payment = PaymentSnapshot(
        payment_id=payment_id,
        merchant_id=merchant_id,
        status="succeeded",
        sequence=2,
        amount=Money(amount_minor=50_000, currency="INR"),
        method="UPI",
        gateway="alpha",
        order_id=f"order-{payment_id.hex[-12:]}",
        customer_id="cust_17",
        instrument="s***@sandbox",
        metadata={"cart": "17", "channel": "web"},
        captured_minor=50_000,
        created_at=now,
        updated_at=now,
    )
    return PaymentSucceeded(correlation_id=payment_id, payment=payment, previous_event_id=new_id())
