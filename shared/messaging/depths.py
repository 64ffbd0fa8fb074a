"""How much waits in queues and who is there to take it, as the broker says at this moment."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aio_pika.exceptions import ChannelNotFoundEntity

from shared.messaging.ask import AWAY, Unreachable
from shared.messaging.rabbit import Broker

PATIENCE_S = 5.0  # one queue takes about a millisecond


@dataclass(frozen=True, slots=True)
class Depth:
    """`waiting` envelopes that no consumer holds yet; one envelope carries up to a batch of messages."""

    waiting: int
    consumers: int


async def depths(broker: Broker, queues: Iterable[str]) -> dict[str, Depth | None]:
    """None for a queue that is not there. Raises Unreachable where the broker does not answer."""
    connection: Any = broker._connection
    if connection is None or not connection.connected.is_set():
        raise Unreachable("the broker is away")
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await _asked(connection, queues)
    except (*AWAY, TimeoutError) as error:
        raise Unreachable("the broker is away") from error


async def _asked(connection: Any, queues: Iterable[str]) -> dict[str, Depth | None]:
    found: dict[str, Depth | None] = {}
    channel = await connection.channel()
    try:
        for name in queues:
            try:
                said = (await channel.declare_queue(name, passive=True)).declaration_result
                found[name] = Depth(said.message_count or 0, said.consumer_count or 0)
            except ChannelNotFoundEntity:  # it closes the channel too
                found[name] = None
                await channel.close()
                channel = await connection.channel()
    finally:
        await channel.close()
    return found
