"""Where operators look and force breakers, at whichever replica they ask."""

from collections.abc import Sequence
from datetime import datetime
from json import dumps
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from services.metrics import ledger, rebuild, store, trials
from services.metrics.domain.breaker import LIMITS, Breaker, Forced
from services.metrics.domain.estimates import ARM_HALF_LIFE_S, Fading
from services.metrics.domain.experiment import results
from services.metrics.domain.figures import figures_of
from services.metrics.facts import event_of
from shared.clock import utc_now
from shared.contracts import ArmHealth
from shared.contracts.questions import AuditEntry, BreakerView, GatewayFigures, ResultsView
from shared.storage.transaction import Transaction, begin
from shared.storage.unit_of_work import Said
from shared.storage.work import Outgoing, Work
from shared.storage.writer import Writer

NOW = "SELECT now() AS now"
# The leader's row is its lock: it folds nothing between our reading of a breaker and our writing.
LOCK = "SELECT id FROM leader FOR UPDATE"
BREAKER = "SELECT * FROM breakers WHERE gateway = $1 AND method = $2 FOR UPDATE"
HISTORY = (
    "SELECT at, method, attributable, succeeded, latency_ms_p95 FROM history WHERE gateway = $1 AND at > now() - interval '1 day'"
    " ORDER BY at DESC, method LIMIT 500"
)
AUDIT = "SELECT at, actor, action, subject, before, after, reason FROM audit ORDER BY id DESC LIMIT $1"


class Desk:
    def __init__(self, engine: AsyncEngine, writer: Writer, *, said: Said = lambda rows: None) -> None:
        self.engine, self.writer, self.said = engine, writer, said

    async def figures(self, gateway: str) -> GatewayFigures:
        async with begin(self.engine) as transaction:
            now = await _now(transaction)
            windows, latencies = await rebuild.load_windows(transaction, gateway, now)
            history = [dict(row) for row in await transaction.fetch(HISTORY, gateway)]
        return GatewayFigures(gateway=gateway, as_of=now, windows=figures_of(windows, latencies, gateway), history=tuple(history))

    async def breakers(self) -> list[BreakerView]:
        async with begin(self.engine) as transaction:
            now = await _now(transaction)
            return [view_of(rebuild.breaker_of(row), now) for row in await transaction.fetch(rebuild.BREAKERS)]

    async def force(
        self, gateway: str, method: str, to: Forced | None, *, expires_in_s: int | None, actor: str, reason: str
    ) -> BreakerView:
        """Decided and said here; the leader reads the row with its next round, a quarter of a second later, and broadcasts it."""
        outgoing: Sequence[Outgoing] = ()
        async with begin(self.engine) as transaction:
            await transaction.fetch(LOCK)
            now = await _now(transaction)
            rows = await transaction.fetch(BREAKER, gateway, method)
            breaker = rebuild.breaker_of(rows[0]) if rows else Breaker(gateway, method, since_s=now.timestamp())
            before = view_of(breaker, now)
            moved = breaker.force(to, now.timestamp(), actor=actor, reason=reason, expires_in_s=expires_in_s)
            after = view_of(breaker, now)
            if moved is not None:
                row = ledger.breaker_row(breaker, rows[0].dropped_from if rows else None, unseen=True)
                await store.SAVE_BREAKERS.run(transaction, [row])
                work = Work(utc_now())
                work.write(
                    store.INSERT_AUDIT,
                    actor=actor,
                    action=f"breaker.{to or 'release'}",
                    subject=f"{gateway}/{method}",
                    before=dumps(before.model_dump(mode="json")),
                    after=dumps(after.model_dump(mode="json")),
                    reason=reason,
                )
                work.publish(event_of(moved))
                await self.writer.write(transaction, [work])
                outgoing = await self.writer.speak(transaction, [work])
        if outgoing:
            self.said(outgoing)
        return after

    async def arms(self, segment: str | None) -> list[ArmHealth]:
        arms: Fading[tuple[str, str]] = Fading(ARM_HALF_LIFE_S)
        async with begin(self.engine) as transaction:
            now = await _now(transaction)
            await rebuild.load_arms(transaction, arms)
        return [
            ArmHealth(segment=where, gateway=gateway, alpha=1 + successes, beta=1 + failures)
            for (where, gateway), successes, failures in arms.all(now.timestamp())
            if segment in (None, where)
        ]

    async def results(self, experiment_id: str, control_pct: int) -> ResultsView:
        async with begin(self.engine) as transaction:
            arms = await trials.arms_of(transaction, [experiment_id])
            guardrail = await trials.guardrail_of(transaction, experiment_id)
        control, treatment = (arms.get((experiment_id, arm), trials.NOBODY) for arm in trials.ARMS)
        return results(experiment_id, control, treatment, control_pct=control_pct, guardrail=guardrail)

    async def audit(self, limit: int) -> list[AuditEntry]:
        async with begin(self.engine) as transaction:
            rows = await transaction.fetch(AUDIT, limit)
        return [AuditEntry(**dict(row)) for row in rows]


def view_of(breaker: Breaker, now: datetime) -> BreakerView:
    shares: dict[str, float | None] = {}
    for name, span in (("fail_2m", breaker.fail_2m), ("timeout_5m", breaker.timeout_5m)):
        samples, share = span.read(now.timestamp())
        shares[name] = round(share, 4) if samples >= LIMITS.samples_min else None
    row: dict[str, Any] = ledger.breaker_row(breaker, None)
    return BreakerView(**{name: row[name] for name in BreakerView.model_fields if name in row}, **shares)


async def _now(transaction: Transaction) -> datetime:
    now: datetime = (await transaction.fetch(NOW))[0].now
    return now
