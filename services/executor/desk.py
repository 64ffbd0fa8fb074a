"""Where operators look and change: error classes, each change audited in its own transaction."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.executor import store
from services.executor.domain.classes import Classes, Override, Overrides, grouped
from shared.contracts.questions import AuditEntry, ChangeErrorClass, ErrorClass

REFRESH_S = 3.0  # so long a change may stay unknown to replicas that did not make it

LOAD = text("SELECT gateway_kind, code, outcome_class, retryable, advice FROM error_classes")
LOCK = text("LOCK TABLE error_classes IN SHARE ROW EXCLUSIVE MODE")
DELETE = text("DELETE FROM error_classes WHERE gateway_kind = :gateway_kind AND code = :code")
SAVE = text(
    "INSERT INTO error_classes (gateway_kind, code, outcome_class, retryable, advice)"
    " VALUES (:gateway_kind, :code, :outcome_class, :retryable, :advice) ON CONFLICT (gateway_kind, code) DO UPDATE SET"
    " outcome_class = excluded.outcome_class, retryable = excluded.retryable, advice = excluded.advice, changed_at = now()"
)
AUDIT = text("SELECT at, actor, action, subject, before, after, reason FROM audit ORDER BY id DESC LIMIT :most")


class Desk:
    """`classes` is what this replica reads answers by."""

    def __init__(self, engine: AsyncEngine, classes: Classes) -> None:
        self.engine, self.classes = engine, classes

    async def load(self) -> None:
        async with self.engine.connect() as connection:
            self.classes.by_kind = await _load(connection)

    @asynccontextmanager
    async def changing(self) -> "AsyncIterator[Change]":
        """All of it or nothing; then it is in force here."""
        async with self.engine.begin() as connection:
            await connection.execute(LOCK)
            yield Change(connection, await _load(connection))
        await self.load()

    async def audit(self, most: int) -> list[AuditEntry]:
        """Newest first."""
        async with self.engine.connect() as connection:
            return [AuditEntry.model_validate(dict(row)) for row in (await connection.execute(AUDIT, {"most": most})).mappings()]


@dataclass(frozen=True, slots=True)
class Change:
    """One transaction. `before` are the overrides that it found, which nobody else changes meanwhile."""

    connection: AsyncConnection
    before: Mapping[str, Overrides]

    async def save(self, asked: ChangeErrorClass, was: ErrorClass | None, now: ErrorClass | None) -> None:
        """The override, or its end, and a line of the audit."""
        where = {"gateway_kind": asked.gateway_kind, "code": asked.code}
        if asked.outcome_class is None:
            await self.connection.execute(DELETE, where)
        else:
            what = {"outcome_class": asked.outcome_class, "retryable": asked.retryable, "advice": asked.advice}
            await self.connection.execute(SAVE, where | what)
        line: dict[str, Any] = {"actor": asked.actor, "action": "change_error_class", "subject": f"{asked.gateway_kind}:{asked.code}"}
        line |= {"before": _json(was), "after": _json(now), "reason": asked.reason}
        await self.connection.execute(store.audit.insert().values(line))


def _json(view: ErrorClass | None) -> dict[str, Any] | None:
    return view.model_dump(mode="json") if view else None


async def _load(connection: AsyncConnection) -> dict[str, dict[str, Override]]:
    rows: Sequence[Any] = (await connection.execute(LOAD)).all()
    return grouped((row.gateway_kind, row.code, Override(row.outcome_class, row.retryable, row.advice)) for row in rows)
