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

log = structlog.get_logger()


class Told(Frozen):
    """All that a waiter needs of a payment event, of whatever kind and version."""

    payment: PaymentSnapshot


class Live:
    def __init__(self, broker: Broker) -> None:
        self.ear = Ear(broker, EVENTS, self.hear)
        self.contracts = TypeAdapter(list[Told])
        self.waiters: dict[UUID, set[asyncio.Queue[PaymentSnapshot]]] = defaultdict(set)
        self.bound = False
        self.binding = asyncio.Lock()
        self.unbind_at: asyncio.TimerHandle | None = None
        self.unbinding: asyncio.Task[None] | None = None

    async def open(self) -> None:
        await self.ear.open()

    def hear(self, body: bytes) -> None:
        if not self.waiters:
            return
        for told in self.contracts.validate_json(body):
            for queue in self.waiters.get(told.payment.payment_id, ()):
                queue.put_nowait(told.payment)

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
            if not self.waiters:
                self._unbind_later()

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
        if self.unbind_at:
            self.unbind_at.cancel()
        self.unbind_at = asyncio.get_running_loop().call_later(LINGER_S, self._start_unbinding)

    def _start_unbinding(self) -> None:
        self.unbinding = asyncio.ensure_future(self._unbind())

    async def _unbind(self) -> None:
        async with self.binding:
            if self.waiters or not self.bound:
                return
            self.bound = False  # first: one that is half unbound must be bound anew
            try:
                for event in TOLD:
                    await self.ear.unbind(event.kind_of())
            except Exception as error:
                log.warning("still_listening", error=type(error).__name__)
