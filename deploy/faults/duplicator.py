"""Delivers some messages again, as a broker may: copies what passes the exchanges and publishes a share of it a second time, later."""

import asyncio
from random import Random

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from deploy.faults.leftovers import AWAY
from shared.topology import COMMANDS, EVENTS, inlets

PAUSE_S_MAX = 3.0
RECONNECT_PAUSE_S = 0.5
MARK = "x-duplicate"
WAITING_MAX = 500
TRIES_MAX = 10


class Duplicator:
    """`share` of what is published comes again. `made` counts the copies. A broker restart ends its connection, and it begins anew."""

    def __init__(self, url: str, gateways: list[str], *, share: float, draw: Random) -> None:
        self.url, self.share, self.draw = url, share, draw
        self.bindings = {(inlet.exchange, key) for inlet in inlets(gateways) for key in inlet.routing_keys}
        self.made = 0
        self.exchanges: dict[str, aio_pika.abc.AbstractExchange] = {}
        self.waiting: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._listen()
            except AWAY:
                await asyncio.sleep(RECONNECT_PAUSE_S)

    async def finish(self) -> None:
        """Hear nothing more, and publish what was heard: returns when the last copy is out."""
        self.share = 0.0
        await asyncio.gather(*self.waiting)

    async def _listen(self) -> None:
        """Until the connection is lost."""
        async with await aio_pika.connect(self.url, timeout=5) as connection:
            channel = await connection.channel()
            self.exchanges = {name: await channel.get_exchange(name) for name in (COMMANDS, EVENTS)}
            queue = await channel.declare_queue("", exclusive=True, arguments={"x-max-length": 5_000, "x-overflow": "drop-head"})
            for exchange, key in sorted(self.bindings):
                await queue.bind(exchange, key)
            await queue.consume(self._hear, no_ack=True)
            await connection.closed()

    async def _hear(self, message: AbstractIncomingMessage) -> None:
        if MARK in message.headers or self.draw.random() >= self.share or len(self.waiting) >= WAITING_MAX:
            return
        again = asyncio.ensure_future(self._again(message))
        self.waiting.add(again)
        again.add_done_callback(self.waiting.discard)

    async def _again(self, message: AbstractIncomingMessage) -> None:
        """A broker that is away gets it when it is back."""
        await asyncio.sleep(self.draw.uniform(0, PAUSE_S_MAX))
        headers = {**message.headers, MARK: 1}
        copy = aio_pika.Message(message.body, headers=headers, delivery_mode=2, message_id=message.message_id, type=message.type)
        for _ in range(TRIES_MAX):
            try:
                await self.exchanges[message.exchange or ""].publish(copy, message.routing_key or "", timeout=5)
            except Exception:  # a connection that is lost in the middle of a write is a bare one
                await asyncio.sleep(RECONNECT_PAUSE_S)
            else:
                self.made += 1
                return
