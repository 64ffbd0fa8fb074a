"""Outbox to broker, at least once: a row is deleted only after the broker has acknowledged it."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import structlog
from aio_pika.exceptions import PublishError
from pamqp.commands import Basic
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from shared import measures
from shared.clock import monotonic_s
from shared.messaging.envelope import REASON, RUNG, envelopes, pack
from shared.messaging.failure import reason_of
from shared.messaging.rabbit import EXCHANGES, Broker
from shared.storage.blame import Blame, blame
from shared.storage.transaction import Transaction, single
from shared.storage.work import Outgoing
from shared.storage.writer import IN_HAND_S

PUBLISH_TIMEOUT_S = 5.0  # the client's own timeout does not bound its wait for a reconnect
REFUSALS_MAX = 60  # an unroutable row is tried this often, a little later each time, then parked and reported
OFFERED_MAX = 20_000  # rows in hand; more wait in the table until they are due
FORGET_EVERY_S = 0.1  # rows the broker has are deleted together: under load a third of all transactions were deletions

log = structlog.get_logger()


class Relay:
    """Moves what this process has just committed, from memory, and what is due in the table: the ladder, and what a crash left.

    Any number of relays may run: due rows are taken under `SKIP LOCKED` and a lease, and a row moved twice is one message id.
    That is why its engine need not be durable: a lease or a deletion that a crash of the server forgets makes a row move again.
    """

    def __init__(self, engine: AsyncEngine, outbox: Table, broker: Broker, *, batch_max: int = 500, idle_s: float = 0.25) -> None:
        self.engine, self.broker = engine, broker
        self.batch_max, self.idle_s = batch_max, idle_s
        self.offered: list[Outgoing] = []
        self.sent: list[UUID] = []  # the broker has them; still in the table
        self.forgot_at = 0.0
        self.spoken = asyncio.Event()
        self.at_rest = asyncio.Event()  # nothing in hand; a stop waits for it
        self.at_rest.set()
        self.polled_at = 0.0
        name = outbox.name
        self.take = (
            f"UPDATE {name} SET due_at = now() + interval '{IN_HAND_S} seconds' WHERE id IN (SELECT id FROM {name} WHERE due_at <= now()"
            f" AND parked_at IS NULL ORDER BY due_at LIMIT {batch_max} FOR UPDATE SKIP LOCKED)"
            " RETURNING id, message_id, exchange, routing_key, kind, body, rung, reason"
        )
        self.delete = f"DELETE FROM {name} WHERE id = ANY(cast($1 AS uuid[]))"
        self.postpone = f"UPDATE {name} SET due_at = now() + interval '1 second' WHERE id = ANY(cast($1 AS uuid[]))"
        self.refuse = (
            f"UPDATE {name} SET refusals = refusals + 1, due_at = now() + make_interval(secs => least(60, refusals + 1)),"
            f" parked_at = CASE WHEN refusals + 1 >= {REFUSALS_MAX} THEN now() END, reason = coalesce(reason, $2)"
            " WHERE id = ANY(cast($1 AS uuid[])) RETURNING id, parked_at"
        )

    def offer(self, rows: Sequence[Outgoing]) -> None:
        """Rows just committed by this process, due only when its grace is over: until then they are ours to move."""
        room = OFFERED_MAX - len(self.offered)
        self.offered.extend(rows[:room])
        self.at_rest.clear()
        self.spoken.set()

    async def run(self) -> None:
        while True:
            self.spoken.clear()
            try:
                full = await self.move()
            except Exception as error:
                if blame(error) is not Blame.AWAY:
                    raise
                full = False
                await asyncio.sleep(self.idle_s)
            if not full and not self.offered:
                if not self.sent:
                    self.at_rest.set()
                try:
                    async with asyncio.timeout(FORGET_EVERY_S if self.sent else self.idle_s):
                        await self.spoken.wait()
                except TimeoutError:
                    pass

    async def move(self) -> bool:
        """One round. True where there is surely more."""
        rows, self.offered = self.offered[: self.batch_max], self.offered[self.batch_max :]
        if rows:
            await self._publish_all(rows)
        if self.sent and monotonic_s() - self.forgot_at >= FORGET_EVERY_S:
            await self._forget()
        if monotonic_s() - self.polled_at < self.idle_s:
            return bool(self.offered)
        due = await self._take_due()
        if due:
            await self._publish_all(due)
        if len(due) < self.batch_max:
            self.polled_at = monotonic_s()
        return len(due) == self.batch_max

    async def _take_due(self) -> list[Outgoing]:
        async with single(self.engine) as connection:
            rows = await connection.fetch(self.take)
        return [
            Outgoing(row.message_id, row.exchange, row.routing_key, row.kind, row.body, row.rung, row.reason, id=row.id) for row in rows
        ]

    async def _publish_all(self, rows: Sequence[Outgoing]) -> None:
        packed = list(envelopes(rows))
        outcomes = await asyncio.gather(*map(self._publish, packed), return_exceptions=True)
        # "No exception" is not enough: a cancelled publish has neither an exception here nor an acknowledgement.
        sent = [row.id for one, outcome in zip(packed, outcomes, strict=True) if isinstance(outcome, Basic.Ack) for row in one]
        refused = [(one, outcome) for one, outcome in zip(packed, outcomes, strict=True) if not isinstance(outcome, Basic.Ack)]
        measures.CONTRACTS.inc(len(sent))
        measures.ENVELOPES.inc(len(packed) - len(refused))
        self.sent += sent
        if refused:
            async with single(self.engine) as connection:
                for one, outcome in refused:
                    await self._keep(connection, [row.id for row in one], one[0], outcome)

    async def _forget(self) -> None:
        """Until this has succeeded the rows are taken again when they fall due, and their messages are repeats."""
        async with single(self.engine) as connection:
            await connection.fetch(self.delete, self.sent)
        self.sent = []
        self.forgot_at = monotonic_s()

    async def _keep(self, connection: Transaction, ids: list[Any], first: Outgoing, outcome: object) -> None:
        """One unroutable row neither blocks nor replays its neighbours; a broker that is away, or a queue that is full (a nack, which is
        a DeliveryError but no PublishError), is nobody's fault and counts nothing."""
        why = reason_of(outcome) if isinstance(outcome, BaseException) else f"not acknowledged: {outcome!r}"
        where = {"exchange": first.exchange, "routing_key": first.routing_key, "kind": first.kind, "rows": len(ids)}
        if not isinstance(outcome, PublishError):
            log.warning("publish_failed", **where, reason=why)
            await connection.fetch(self.postpone, ids)
            return
        parked = [row.id for row in await connection.fetch(self.refuse, ids, why) if row.parked_at]
        measures.PARKED.inc(len(parked))
        log.error("unroutable" if not parked else "unroutable_parked", **where, reason=why, parked=len(parked))

    async def _publish(self, rows: Sequence[Outgoing]) -> Any:
        first = rows[0]
        async with asyncio.timeout(PUBLISH_TIMEOUT_S):
            return await self.broker.publish(
                pack([row.body for row in rows]),
                exchange=EXCHANGES[first.exchange],
                routing_key=first.routing_key,
                message_id=str(first.id),  # the client tells returned publishes apart by this: two rows may carry one message
                message_type=first.kind,
                headers={RUNG: first.rung, REASON: first.reason or ""},
                content_type="application/json",
                persist=True,
                mandatory=True,
            )
