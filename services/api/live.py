"""Who waits for a payment hears of its next state: this replica's own queue on the events, bound while anybody waits."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import structlog
from pydantic import TypeAdapter

from shared.contracts import EVENT_OF, MONEY_EVENTS, Frozen, PaymentSnapshot
from shared.messaging.broadcast import Ear
from shared.messaging.rabbit import Broker
from shared.topology import EVENTS

TOLD = (*EVENT_OF.values(), *MONEY_EVENTS)
LINGER_S = 5.0  # bound a little longer than the last waiter: binding costs the broker more than a few unheard events
WAITERS_MAX = 2_000
BUFFER_MAX = 256  # events that one listener may be behind

log = structlog.get_logger()


class Told(Frozen):
    """All that a waiter needs of a payment event, of whatever kind and version."""

    kind: str
    payment: PaymentSnapshot


class Stream:
    """What one listener has not yet been sent, at most `BUFFER_MAX` events; None is the end, and `ended` says why."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Told | None] = asyncio.Queue()
        self.ended: str | None = None

    def offer(self, told: Told) -> None:
        if self.ended:
            return
        if self.queue.qsize() >= BUFFER_MAX:
            self.end("too_slow")
        else:
            self.queue.put_nowait(told)

    def end(self, reason: str) -> None:
        self.ended = self.ended or reason
        while not self.queue.empty():  # it may resume: what it was not sent it will be
            self.queue.get_nowait()
        self.queue.put_nowait(None)


class Live:
    def __init__(self, broker: Broker) -> None:
        self.ear = Ear(broker, EVENTS, self.hear)
        self.contracts = TypeAdapter(list[Told])
        self.waiters: dict[UUID, set[asyncio.Queue[PaymentSnapshot]]] = defaultdict(set)
        self.streams: dict[str, set[Stream]] = defaultdict(set)
        self.bound = False
        self.binding = asyncio.Lock()
        self.unbind_at: asyncio.TimerHandle | None = None
        self.unbinding: asyncio.Task[None] | None = None

    async def open(self) -> None:
        await self.ear.open()

    def hear(self, body: bytes) -> None:
        if not self.waiters and not self.streams:
            return
        for told in self.contracts.validate_json(body):
            for queue in self.waiters.get(told.payment.payment_id, ()):
                queue.put_nowait(told.payment)
            for stream in self.streams.get(told.payment.merchant_id, ()):
                stream.offer(told)

    def full(self) -> bool:
        return len(self.waiters) >= WAITERS_MAX

    @asynccontextmanager
    async def watching(self, payment_id: UUID) -> "AsyncIterator[asyncio.Queue[PaymentSnapshot]]":
        """Bound before the body runs: read the state inside, then wait on the queue, and nothing falls between."""
        queue: asyncio.Queue[PaymentSnapshot] = asyncio.Queue()
        self.waiters[payment_id].add(queue)
        try:
            await self._bind()
            yield queue
        finally:
            self.waiters[payment_id].discard(queue)
            if not self.waiters[payment_id]:
                del self.waiters[payment_id]
            self._unbind_later()

    @asynccontextmanager
    async def listening(self, merchant_id: str) -> "AsyncIterator[Stream]":
        """Everything that is told of a merchant's payments, from before the body runs. Its `ended` is set where nothing can be heard."""
        stream = Stream()
        self.streams[merchant_id].add(stream)
        try:
            await self._bind()
            if not self.bound:
                stream.end("broker_away")
            yield stream
        finally:
            self.streams[merchant_id].discard(stream)
            if not self.streams[merchant_id]:
                del self.streams[merchant_id]
            self._unbind_later()

    def listeners(self, merchant_id: str) -> int:
        return len(self.streams.get(merchant_id, ()))

    def all_listeners(self) -> int:
        return sum(len(streams) for streams in self.streams.values())

    def end(self) -> None:
        """This replica stops: its listeners go to another."""
        for streams in self.streams.values():
            for stream in streams:
                stream.end("stopping")

    async def _bind(self) -> None:
        """With the broker away this waits for it, or fails: then nothing is heard, and the waiter's time runs out."""
        async with self.binding:
            if self.bound:
                return
            try:
                for event in TOLD:
                    await self.ear.bind(event.kind_of())
            except Exception as error:
                log.warning("not_listening", error=type(error).__name__)
            else:
                self.bound = True

    def _unbind_later(self) -> None:
        if self.waiters or self.streams:
            return
        if self.unbind_at:
            self.unbind_at.cancel()
        self.unbind_at = asyncio.get_running_loop().call_later(LINGER_S, self._start_unbinding)

    def _start_unbinding(self) -> None:
        self.unbinding = asyncio.ensure_future(self._unbind())

    async def _unbind(self) -> None:
        async with self.binding:
            if self.waiters or self.streams or not self.bound:
                return
            self.bound = False  # first: one that is half unbound must be bound anew
            try:
                for event in TOLD:
                    await self.ear.unbind(event.kind_of())
            except Exception as error:
                log.warning("still_listening", error=type(error).__name__)
