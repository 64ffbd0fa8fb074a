"""Queues of a test's own on a broker, and a way to look into them past the code under test."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage
from pydantic import TypeAdapter

from shared import topology
from shared.clock import new_id
from shared.contracts import Message
from shared.messaging.declare import declare
from shared.messaging.envelope import REASON, RUNG, pack
from shared.messaging.rabbit import connect
from shared.topology import Inlet
from tests.kernel import toy
from tests.kernel.waiting import until


class Queues:
    """Every name is new, so that tests beside us on this broker never meet; what was made is deleted at the end."""

    def __init__(self, url: str, connection: AbstractConnection) -> None:
        self.url, self.connection = url, connection
        self.made: list[Inlet] = []

    async def reconnect(self) -> None:
        """Needed where the broker was away."""
        self.connection = await aio_pika.connect(self.url)

    async def declare(self, template: Inlet = toy.LEDGER) -> Inlet:
        """The template's queue and its dead letters for a gateway that is nobody else's, declared as a deploy does."""
        inlet = template.of(new_id().hex)
        await self.declare_again(inlet)
        self.made.append(inlet)
        return inlet

    async def declare_again(self, inlet: Inlet) -> None:
        """As the next deploy does, by a client that remembers nothing."""
        broker = connect(self.url, service="test")
        await broker.connect()
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(topology, "inlets", lambda gateways: [inlet])
            await declare(broker, [])
        await broker.stop()

    async def channel(self) -> Any:
        return await self.connection.channel()

    async def put(self, inlet: Inlet, *envelopes: Sequence[Message], rung: int = 0) -> None:
        """Each envelope is one AMQP message, straight into the queue."""
        for envelope in envelopes:
            await self.put_raw(inlet, pack([one.model_dump_json().encode() for one in envelope]), rung=rung)

    async def put_raw(self, inlet: Inlet, body: bytes, *, rung: int = 0) -> None:
        channel = await self.channel()
        message = aio_pika.Message(body, headers={RUNG: rung}, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, routing_key=inlet.queue, mandatory=True)
        await channel.close()

    async def take(self, queue: str) -> AbstractIncomingMessage | None:
        """The first message there is, taken out of the queue."""
        channel = await self.channel()
        found: AbstractIncomingMessage | None = await (await channel.get_queue(queue)).get(no_ack=True, fail=False)
        await channel.close()
        return found

    async def taken(self, queue: str, count: int) -> list[AbstractIncomingMessage]:
        """Wait until `count` messages have come, and take them."""
        found: list[AbstractIncomingMessage] = []

        async def more() -> bool:
            if one := await self.take(queue):
                found.append(one)
            return len(found) >= count

        await until(more)
        return found

    async def length(self, queue: str) -> int:
        """Messages that nobody holds."""
        channel = await self.channel()
        count: int = (await channel.declare_queue(queue, passive=True)).declaration_result.message_count
        await channel.close()
        return count

    async def consumers(self, queue: str) -> int:
        channel = await self.channel()
        count: int = (await channel.declare_queue(queue, passive=True)).declaration_result.consumer_count
        await channel.close()
        return count

    async def unbind(self, inlet: Inlet) -> None:
        await self._each_binding(inlet, "unbind")

    async def bind(self, inlet: Inlet) -> None:
        await self._each_binding(inlet, "bind")

    async def _each_binding(self, inlet: Inlet, what: str) -> None:
        channel = await self.channel()
        queue = await channel.get_queue(inlet.queue)
        for key in inlet.routing_keys:
            await getattr(queue, what)(inlet.exchange, key)
        await channel.close()

    async def delete(self) -> None:
        channel = await self.channel()
        for inlet in self.made:
            for name in (inlet.queue, inlet.dead_queue):
                await channel.queue_delete(name)
        await channel.close()


def contracts(found: AbstractIncomingMessage, kind: type[Message]) -> list[Any]:
    """What an envelope carries."""
    return TypeAdapter(list[kind]).validate_json(found.body)  # type: ignore[valid-type]


def rung_and_reason(found: AbstractIncomingMessage) -> tuple[Any, Any]:
    return found.headers[RUNG], found.headers[REASON]


@asynccontextmanager
async def queues_at(url: str) -> AsyncIterator[Queues]:
    queues = Queues(url, await aio_pika.connect(url))
    try:
        yield queues
    finally:
        await queues.delete()
        await queues.connection.close()
