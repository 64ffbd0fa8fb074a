"""Delivers some messages again, as a broker may: copies what passes the exchanges and publishes a share of it a second time, later."""

import asyncio
from random import Random

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from shared.topology import COMMANDS, EVENTS, inlets

PAUSE_S_MAX = 3.0
MARK = "x-duplicate"
WAITING_MAX = 500


class Duplicator:
    """Transient: a broker restart ends its connection, and it begins anew. `made` counts the copies."""

    def __init__(self, url: str, gateways: list[str], *, share: float, draw: Random) -> None:
        self.url, self.share, self.draw = url, share, draw
        self.bindings = {(inlet.exchange, key) for inlet in inlets(gateways) for key in inlet.routing_keys}
        self.made = 0
        self.waiting: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._listen()
            except (TimeoutError, aio_pika.exceptions.AMQPException, ConnectionError, OSError):
                await asyncio.sleep(0.5)

    async def _listen(self) -> None:
        connection = await aio_pika.connect(self.url, timeout=5)
        async with connection:
            channel = await connection.channel()
            exchanges = {name: await channel.get_exchange(name) for name in (COMMANDS, EVENTS)}
            queue = await channel.declare_queue("", exclusive=True, arguments={"x-max-length": 5_000, "x-overflow": "drop-head"})
            for exchange, key in sorted(self.bindings):
                await queue.bind(exchange, key)

            async def hear(message: AbstractIncomingMessage) -> None:
                if MARK in message.headers or self.draw.random() >= self.share or len(self.waiting) >= WAITING_MAX:
                    return
                again = asyncio.ensure_future(self._again(exchanges[message.exchange or ""], message))
                self.waiting.add(again)
                again.add_done_callback(self.waiting.discard)

            await queue.consume(hear, no_ack=True)
            await connection.closed()
        raise ConnectionError("the broker went away")

    async def _again(self, exchange: aio_pika.abc.AbstractExchange, message: AbstractIncomingMessage) -> None:
        await asyncio.sleep(self.draw.uniform(0, PAUSE_S_MAX))
        headers = {**message.headers, MARK: 1}
        copy = aio_pika.Message(message.body, headers=headers, delivery_mode=2, message_id=message.message_id, type=message.type)
        try:
            await exchange.publish(copy, message.routing_key or "", timeout=5)
            self.made += 1
        except (TimeoutError, aio_pika.exceptions.AMQPException, ConnectionError, OSError):
            return
