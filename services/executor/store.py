"""The executor's one table. An attempt's row is its arbiter: who inserts it decides, and nobody calls twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Column, DateTime, Index, Table, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import JSONB

from shared.contracts import (
    Attempt,
    AttemptActionRequired,
    AttemptEvent,
    AttemptExpired,
    AttemptFailed,
    AttemptObserved,
    AttemptSucceeded,
    AttemptUnknown,
)
from shared.storage.bulk import insert_claim, update
from shared.storage.tables import inbox_table, new_metadata, outbox_table
from shared.storage.unit_of_work import UnitOfWork
from shared.storage.work import Claim, Load, Rows, Work

State = Literal["started", "expired", "succeeded", "failed", "unknown", "action_required"]

metadata = new_metadata()
inbox, outbox = inbox_table(metadata), outbox_table(metadata)
attempts = Table(
    "attempts",
    metadata,
    Column("attempt_id", Uuid, primary_key=True),
    Column("payment_id", Uuid, nullable=False),
    Column("gateway", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("token", Uuid, nullable=False),  # tells a winner whose COMMIT answer got lost that it won
    Column("attempt", JSONB, nullable=False),
    Column("outcome", JSONB),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("due_at", DateTime(timezone=True)),  # past it, an attempt without outcome is unknown
    Column("concluded_at", DateTime(timezone=True)),
    Index("attempts_payment", "payment_id"),
    Index("attempts_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
)

START = insert_claim(
    attempts, "attempt_id", "payment_id", "gateway", "operation", "state", "token", "attempt", "due_at",
    key="attempt_id", again="attempts.token = excluded.token",
)  # fmt: skip
CONCLUDE = update(attempts, "state", "outcome", "due_at", "concluded_at", key="attempt_id")
ATTEMPT = Rows(
    "SELECT attempt_id AS key, state, outcome, due_at FROM attempts WHERE attempt_id = ANY(cast(:keys AS uuid[]))"
    " ORDER BY attempt_id FOR UPDATE",
    rank=1,
)
TAKE_OVERDUE = (
    "UPDATE attempts SET due_at = now() + interval '30 seconds' WHERE attempt_id IN"
    " (SELECT attempt_id FROM attempts WHERE due_at < now() ORDER BY due_at LIMIT 100 FOR UPDATE SKIP LOCKED)"
    " RETURNING attempt_id, attempt"
)


@dataclass(frozen=True, slots=True)
class AttemptRow:
    state: State
    outcome: dict[str, Any] | None


def load_of(attempt: Attempt) -> Sequence[Load]:
    return [Load(ATTEMPT, attempt.attempt_id)]


def claim(attempt: Attempt, *, token: UUID, state: State, due_at: datetime | None) -> Claim:
    row = {
        "attempt_id": attempt.attempt_id,
        "payment_id": attempt.payment_id,
        "gateway": attempt.gateway,
        "operation": attempt.operation,
        "state": state,
        "token": token,
        "attempt": attempt.model_dump_json(exclude_none=True),
        "due_at": due_at,
    }
    return Claim(START, attempt.attempt_id, row)


def state_of(event: AttemptEvent) -> State:
    match event:
        case AttemptSucceeded():
            return "succeeded"
        case AttemptFailed():
            return "failed"
        case AttemptActionRequired():
            return "action_required"
        case AttemptExpired():
            return "expired"
        case AttemptObserved(finding="succeeded"):
            return "succeeded"
        case AttemptObserved(finding="failed"):
            return "failed"
        case AttemptUnknown() | AttemptObserved():
            return "unknown"
    raise TypeError(f"{event.kind} is no outcome")


def conclude(work: Work, event: AttemptEvent) -> None:
    """Store an outcome. What is sent to the mesh is the caller's to say, in the same change."""
    include = {"confirmed", "refusal", "reason", "gateway_reference", "action_url", "latency_ms"}
    outcome = event.model_dump_json(include=include, exclude_none=True)
    work.write(CONCLUDE, attempt_id=event.attempt.attempt_id, state=state_of(event), outcome=outcome, due_at=None, concluded_at=work.now)


def read(work: Work, attempt: Attempt) -> AttemptRow | None:
    row = work.row(ATTEMPT, attempt.attempt_id)
    return AttemptRow(row.state, row.outcome) if row else None


async def look(unit_of_work: UnitOfWork, attempt: Attempt) -> AttemptRow | None:
    seen: list[AttemptRow | None] = []
    await unit_of_work.apply(lambda work: seen.append(read(work, attempt)), loads=load_of(attempt))
    return seen[-1]
