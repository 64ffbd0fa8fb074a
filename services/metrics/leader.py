"""The one replica that folds, judges and broadcasts. What it knows is in its memory and, after every round, in the database: whoever comes
after it begins where it ended.

A lost leader costs five seconds at most: then its lease has ended, and the next replica to look takes over. One that is stopped costs none.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from services.metrics import history, ledger, rebuild, trials
from services.metrics.domain.guardrail import Limits
from services.metrics.domain.learner import Learner
from services.metrics.domain.learnt import Learnt
from services.metrics.domain.picture import picture_of
from services.metrics.facts import event_of
from shared.clock import monotonic_s, new_id, utc_now
from shared.contracts import OperatorsEvent
from shared.messaging.broadcast import say
from shared.messaging.rabbit import Broker
from shared.storage.transaction import Transaction, begin, single
from shared.storage.unit_of_work import Said
from shared.storage.work import Outgoing, Work
from shared.storage.writer import Writer

EVERY_S = 0.25
SAY_EVERY_S = 0.9  # at the latest with the fourth round, so that a picture is at most a second old
RENEW_EVERY_S = 1.5  # of a lease of five

log = structlog.get_logger()


class Leader:
    def __init__(
        self, engine: AsyncEngine, broker: Broker, writer: Writer, *, said: Said = lambda rows: None, limits: Limits | None = None
    ) -> None:
        self.engine, self.broker, self.writer, self.said = engine, broker, writer, said
        self.limits = limits or Limits()
        self.holder: UUID = new_id()
        self.epoch = 0
        self.learner: Learner | None = None
        self.renewed_s = self.told_s = float("-inf")
        self.minute: datetime | None = None

    async def round(self) -> None:
        """Once in a quarter of a second. What fails is forgotten and read again: memory never counts what was not committed."""
        try:
            await self._round()
        except BaseException:
            self.learner = None
            raise

    async def resign(self) -> None:
        """When there are no more rounds: whoever looks next leads."""
        async with begin(self.engine) as transaction:
            await transaction.fetch(ledger.RESIGN, self.holder)

    async def _round(self) -> None:
        async with single(self.engine) as transaction:
            glance = (await transaction.fetch(ledger.GLANCE, self.holder))[0]
        if not glance.ours:
            self.learner = None
            return
        moved = False
        if glance.fresh or glance.forced or self._due(glance.now):
            outgoing, moved = await self._fold()
            if outgoing:
                self.said(outgoing)
        if self.learner is not None and (moved or monotonic_s() - self.told_s >= SAY_EVERY_S):
            self.told_s = monotonic_s()
            await self._tell(self.learner, glance.now)

    def _due(self, now: datetime) -> bool:
        return self.learner is None or monotonic_s() - self.renewed_s >= RENEW_EVERY_S or self.learner.due(now)

    async def _fold(self) -> tuple[Sequence[Outgoing], bool]:
        """One transaction. Returns what is to be said, and whether the picture must be told at once."""
        async with begin(self.engine) as transaction:
            epoch = await ledger.lead(transaction, self.holder)
            if epoch is None:
                self.learner = None
                return (), False
            now: datetime = (await transaction.fetch("SELECT now() AS now"))[0].now
            learner = await self._learner(transaction, epoch, now)
            forced = await rebuild.load_unseen(transaction, learner)
            facts = learner.advance(now)
            learnt = learner.learn(await ledger.take(transaction), now)
            learnt.facts[:0] = facts
            await ledger.persist(transaction, learner, learnt, [*forced, *((one.gateway, one.method) for one in learnt.facts)], now)
            await self._each_minute(transaction, learner, now)
            outgoing = await self._speak(transaction, await self._events(transaction, learnt, now))
        self.renewed_s = monotonic_s()
        return outgoing, bool(learnt.facts or forced)

    async def _learner(self, transaction: Transaction, epoch: int, now: datetime) -> Learner:
        """What is in memory, if nobody else has folded since."""
        if self.learner is None or epoch != self.epoch:
            self.learner, self.epoch, self.minute = await rebuild.load(transaction, now), epoch, None
            log.info("leading", epoch=epoch, breakers=len(self.learner.breakers))
        return self.learner

    async def _each_minute(self, transaction: Transaction, learner: Learner, now: datetime) -> None:
        minute = now.replace(second=0, microsecond=0)
        if minute != self.minute:
            await history.snapshot(transaction, now, history.CATCH_UP_MIN if self.minute is None else history.AGAIN_MIN)
            self.minute = minute
            learner.tidy(now)

    async def _events(self, transaction: Transaction, learnt: Learnt, now: datetime) -> list[OperatorsEvent]:
        events = [event_of(fact) for fact in learnt.facts]
        if learnt.experiments:
            touched = {experiment_id for experiment_id, _, _ in learnt.experiments}
            events += await trials.harmed(transaction, touched, self.limits, now)
        return events

    async def _speak(self, transaction: Transaction, events: Sequence[OperatorsEvent]) -> Sequence[Outgoing]:
        if not events:
            return ()
        work = Work(utc_now())
        for event in events:
            log.info("operations_event", **event.model_dump(mode="json", exclude={"message_id", "correlation_id", "causation_id"}))
            work.publish(event)
        return await self.writer.speak(transaction, [work])

    async def _tell(self, learner: Learner, now: datetime) -> None:
        try:
            await say(self.broker, picture_of(learner, now, self.epoch), routing_key="health.picture")
        except Exception as error:  # transient by nature: the next round says a fresher one
            log.warning("broadcast_failed", error=type(error).__name__)
