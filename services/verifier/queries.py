"""What operators and merchants may see of the verifier, read outside a unit of work."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.verifier.domain.verdict import AWAITED, shown_state
from shared.contracts import Attempt
from shared.contracts.questions import AuditEntry, DiscrepancyView, GatewayEventView, RunView, VerificationView

VERIFICATIONS = (
    "SELECT attempt, state, reason, lookups, due_at, opened_at, changed_at, source, confirmed, gateway_reference FROM verifications"
)
EVENTS = (
    "SELECT evidence_id, gateway, event_id, event_type, body_sha256, operation, reference, gateway_reference, finding, amount_minor,"
    " currency, code, state, reason, attempt_id, payment_id, received_at, settled_at FROM gateway_events"
)
RUNS = (
    "SELECT run_id, gateway, since, until, covered_until, state, reason, asked_by, matched, expected, missing, unexpected,"
    " amount_mismatch, resolved, started_at, finished_at FROM reconciliation_runs"
)
DISCREPANCIES = (
    "SELECT discrepancy_id, gateway, comparison, reference, state, reason, difference, attempt_id, payment_id, run_id, found_at, seen_at,"
    " resolved_at, resolved_by, resolution FROM discrepancies"
)
AUDIT = 'SELECT at, actor, action, subject, "before", "after", reason FROM audit'
SEEDED = text("INSERT INTO reconciliation_schedule (gateway, due_at) VALUES (:gateway, now()) ON CONFLICT DO NOTHING")


# What is `open` in the table is shown as two states.
ONLY: Mapping[str | None, Sequence[str]] = {"awaited": (f"reason LIKE '%{AWAITED}'",), "open": (f"reason NOT LIKE '%{AWAITED}'",)}


class Queries:
    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def verifications(self, *, order: str, limit: int, state: str | None = None, **where: Any) -> list[VerificationView]:
        """`state` as people see it."""
        where["state"] = "open" if state == "awaited" else state
        rows = await self._rows(VERIFICATIONS, order=order, limit=limit, where=where, only=ONLY.get(state, ()))
        return [_verification(row) for row in rows]

    async def events(self, *, order: str, limit: int, **where: Any) -> list[GatewayEventView]:
        return [_event(row) for row in await self._rows(EVENTS, order=order, limit=limit, where=where)]

    async def runs(self, *, limit: int, **where: Any) -> list[RunView]:
        return [RunView(**row) for row in await self._rows(RUNS, order="started_at DESC, run_id", limit=limit, where=where)]

    async def discrepancies(self, *, limit: int, **where: Any) -> list[DiscrepancyView]:
        found = await self._rows(DISCREPANCIES, order="found_at DESC, discrepancy_id", limit=limit, where=where)
        return [DiscrepancyView.model_validate(row["difference"] | row) for row in found]

    async def audit(self, *, limit: int) -> list[AuditEntry]:
        return [AuditEntry(**row) for row in await self._rows(AUDIT, order="at DESC, id", limit=limit, where={})]

    async def schedule(self, gateways: list[str]) -> None:
        """Accounts that were not scheduled yet are due at once. One that is gone from the file keeps its row and is not taken."""
        async with self.engine.begin() as connection:
            for gateway in gateways:
                await connection.execute(SEEDED, {"gateway": gateway})

    async def _rows(
        self, select: str, *, order: str, limit: int, where: Mapping[str, Any], only: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        """`where`: column → value, or None for any; `only`: more conditions. Columns, conditions and order are this file's own words."""
        asked = {column: value for column, value in where.items() if value is not None}
        narrowed = " AND ".join(("true", *(f"{column} = :{column}" for column in asked), *only))
        sql = text(f"{select} WHERE {narrowed} ORDER BY {order} LIMIT :limit_")
        async with self.engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(sql, {**asked, "limit_": limit})).mappings()]


def _verification(row: Mapping[str, Any]) -> VerificationView:
    attempt, settled = Attempt.model_validate(row["attempt"]), row["state"] in ("succeeded", "failed")
    about = attempt.model_dump(include={"attempt_id", "payment_id", "gateway", "operation", "number", "amount"})
    kept = {name: row[name] for name in ("reason", "lookups", "opened_at", "changed_at", "source", "confirmed", "gateway_reference")}
    kept["state"] = shown_state(row["state"], row["reason"])
    return VerificationView(**about, **kept, next_lookup_at=row["due_at"], verdict=row["state"] if settled else None)


def _event(row: Mapping[str, Any]) -> GatewayEventView:
    amount = {"amount_minor": row["amount_minor"], "currency": row["currency"]} if row["currency"] else None
    return GatewayEventView.model_validate({**row, "confirmed": amount})
