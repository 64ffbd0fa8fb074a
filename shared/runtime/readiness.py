"""Readiness that means something: the database answers, our queues have a consumer, and what we say leaves."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.messaging.rabbit import Broker
from shared.ops import NotReady, Probe
from shared.topology import Inlet

OUTBOX_AGE_READY_S = 60.0  # an older undelivered row means that nobody hears this service


def probes_of(engine: AsyncEngine, ears: Broker, mouth: Broker, bound: Callable[[], Sequence[Inlet]]) -> Mapping[str, Probe]:
    oldest = text(
        "SELECT coalesce(extract(epoch FROM now() - min(due_at)), 0) FROM"
        " (SELECT due_at FROM outbox WHERE parked_at IS NULL ORDER BY due_at LIMIT 1) AS first"
    )

    async def database() -> str:
        async with engine.connect() as connection:
            overdue_s = float((await connection.execute(oldest)).scalar_one())
        if overdue_s > OUTBOX_AGE_READY_S:
            raise NotReady(f"the oldest outbox row is {overdue_s:.0f} s overdue")
        return "answers"

    async def consumers() -> str:
        channel = await (await _connection(ears)).channel()
        try:
            for inlet in bound():
                queue = await channel.declare_queue(inlet.queue, passive=True)
                if not queue.declaration_result.consumer_count:
                    raise NotReady(f"{inlet.queue} has no consumer")
        finally:
            await channel.close()
        return f"{len(bound())} queues consumed"

    async def publisher() -> str:
        if not await mouth.ping(timeout=1.0):
            raise NotReady("the publishing connection is down")
        return "connected"

    return {"database": database, "consumers": consumers, "publisher": publisher}


async def _connection(broker: Broker) -> Any:
    connection = broker._connection
    if connection is None or not connection.connected.is_set():
        raise NotReady("not connected to the broker")
    return connection
