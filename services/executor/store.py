"""The executor's tables. An attempt's row is its arbiter: who inserts it decides, and nobody calls twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Boolean, Column, DateTime, Index, Table, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import JSONB

from services.executor.domain.testimony import Ours, State
from shared.contracts import (
    Attempt,
    AttemptActionRequired,
    AttemptEvent,
    AttemptExpired,
    AttemptFailed,
    AttemptObserved,
    AttemptSucceeded,
    AttemptUnknown,
    Money,
)
from shared.storage.bulk import insert_claim, update
from shared.storage.tables import audit_table, inbox_table, new_metadata, outbox_table
from shared.storage.unit_of_work import UnitOfWork
from shared.storage.work import Claim, Load, Rows, Work

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
error_classes = Table(
    "error_classes",
    metadata,
    Column("gateway_kind", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("outcome_class", Text, nullable=False),
    Column("retryable", Boolean, nullable=False),
    Column("advice", Text, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
audit = audit_table(metadata)

START = insert_claim(
    attempts, "attempt_id", "payment_id", "gateway", "operation", "state", "token", "attempt", "due_at",
    key="attempt_id", again="attempts.token = excluded.token",
)  # fmt: skip
CONCLUDE = update(attempts, "state", "outcome", "due_at", "concluded_at", key="attempt_id")
PREPARE = update(attempts, "outcome", key="attempt_id")
ATTEMPT = Rows(
    "SELECT attempt_id AS key, state, outcome, attempt FROM attempts WHERE attempt_id = ANY(cast(:keys AS uuid[]))"
    " ORDER BY attempt_id FOR UPDATE",
    rank=1,
)
TAKE_OVERDUE = (
    "UPDATE attempts SET due_at = now() + interval '30 seconds' WHERE attempt_id IN"
    " (SELECT attempt_id FROM attempts WHERE due_at < now() ORDER BY due_at LIMIT 100 FOR UPDATE SKIP LOCKED)"
    " RETURNING attempt_id, attempt, outcome"
)


@dataclass(frozen=True, slots=True)
class AttemptRow:
    state: State
    outcome: dict[str, Any] | None
    stored: dict[str, Any]

    @property
    def attempt(self) -> Attempt:
        """Read only where it is asked for: every outcome loads the row, and knows its attempt already."""
        return Attempt.model_validate(self.stored)

    @property
    def known(self) -> str | None:
        """What the gateway has called it so far: a prepared order's id, then the charge's."""
        return (self.outcome or {}).get("gateway_reference")

    @property
    def ours(self) -> Ours:
        return ours_of(self.attempt, self.state, self.outcome)


def ours_of(attempt: Attempt, state: State, outcome: dict[str, Any] | None) -> Ours:
    said = outcome or {}
    confirmed = Money.model_validate(said["confirmed"]) if "confirmed" in said else None
    return Ours(attempt.gateway, attempt.operation, state, confirmed, said.get("gateway_reference"))


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


def prepared(work: Work, attempt: Attempt, reference: str) -> None:
    """The gateway has a harmless object by which the charge can be found, whatever happens next."""
    work.write(PREPARE, attempt_id=attempt.attempt_id, outcome=orjson.dumps({"gateway_reference": reference}).decode())


def conclude(work: Work, event: AttemptEvent, *, known: str | None = None) -> None:
    """Store an outcome. What is sent to the mesh is the caller's to say, in the same change. `known` is the gateway's name for it, kept
    where the outcome brings none."""
    include = {"confirmed", "refusal", "reason", "gateway_reference", "action_url", "latency_ms"}
    outcome = event.model_dump(mode="json", include=include, exclude_none=True)
    said = orjson.dumps({"gateway_reference": known, **outcome} if known else outcome).decode()
    work.write(CONCLUDE, attempt_id=event.attempt.attempt_id, state=state_of(event), outcome=said, due_at=None, concluded_at=work.now)


def read(work: Work, attempt_id: UUID) -> AttemptRow | None:
    row = work.row(ATTEMPT, attempt_id)
    return AttemptRow(row.state, row.outcome, row.attempt) if row else None


async def look(unit_of_work: UnitOfWork, attempt: Attempt) -> AttemptRow | None:
    seen: list[AttemptRow | None] = []
    await unit_of_work.apply(lambda work: seen.append(read(work, attempt.attempt_id)), loads=load_of(attempt))
    return seen[-1]
