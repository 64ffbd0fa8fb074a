"""The verifier's one table: what is in doubt, what has been seen of it, and when it is asked about next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Column, DateTime, Index, Integer, SmallInteger, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from shared.contracts import Attempt, AttemptEvent
from shared.storage.bulk import insert, update
from shared.storage.tables import inbox_table, new_metadata, outbox_table
from shared.storage.work import Load, Rows, Work

State = Literal["open", "succeeded", "failed", "exhausted"]

metadata = new_metadata()
inbox, outbox = inbox_table(metadata), outbox_table(metadata)
verifications = Table(
    "verifications",
    metadata,
    Column("attempt_id", Uuid, primary_key=True),
    Column("payment_id", Uuid, nullable=False),
    Column("gateway", Text, nullable=False),
    Column("attempt", JSONB, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("lookups", Integer, nullable=False),
    Column("not_found", SmallInteger, nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True)),  # the next lookup; null when settled or exhausted
    Index("verifications_payment", "payment_id"),
    Index("verifications_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    Index("verifications_exhausted", "changed_at", postgresql_where=text("state = 'exhausted'")),
)

VERIFICATION = Rows(
    "SELECT attempt_id AS key, state, lookups, not_found, opened_at FROM verifications"
    " WHERE attempt_id = ANY(cast(:keys AS uuid[])) ORDER BY attempt_id FOR UPDATE",
    rank=1,
)
OPEN = insert(
    verifications, "attempt_id", "payment_id", "gateway", "attempt", "state", "reason", "lookups", "not_found", "opened_at",
    "changed_at", "due_at",
)  # fmt: skip
CHANGE = update(verifications, "state", "reason", "not_found", "changed_at", "due_at", key="attempt_id")
ASK = update(verifications, "lookups", "changed_at", key="attempt_id")
# A lookup that is not answered in a minute (its executor is away) is sent again.
TAKE_DUE = (
    "UPDATE verifications SET due_at = now() + interval '60 seconds' WHERE attempt_id IN"
    " (SELECT attempt_id FROM verifications WHERE due_at <= now() ORDER BY due_at LIMIT 100 FOR UPDATE SKIP LOCKED)"
    " RETURNING attempt_id, attempt, lookups"
)


@dataclass(frozen=True, slots=True)
class Verification:
    state: State
    lookups: int
    not_found: int
    opened_at: datetime


def verification_of(event: AttemptEvent) -> Sequence[Load]:
    return [Load(VERIFICATION, event.attempt.attempt_id)]


def read(work: Work, attempt_id: UUID) -> Verification | None:
    row = work.row(VERIFICATION, attempt_id)
    return Verification(row.state, row.lookups, row.not_found, row.opened_at) if row else None


def open_one(work: Work, attempt: Attempt, *, reason: str, due_at: datetime | None, state: State = "open", not_found: int = 0) -> None:
    row: dict[str, Any] = {"attempt_id": attempt.attempt_id, "payment_id": attempt.payment_id, "gateway": attempt.gateway}
    row |= {"attempt": attempt.model_dump_json(exclude_none=True), "state": state, "reason": reason, "lookups": 0, "not_found": not_found}
    work.write(OPEN, **row, opened_at=work.now, changed_at=work.now, due_at=due_at)


def change(work: Work, attempt_id: UUID, *, state: State, reason: str, not_found: int, due_at: datetime | None) -> None:
    work.write(CHANGE, attempt_id=attempt_id, state=state, reason=reason, not_found=not_found, changed_at=work.now, due_at=due_at)


def asked(work: Work, attempt_id: UUID, *, lookups: int) -> None:
    work.write(ASK, attempt_id=attempt_id, lookups=lookups, changed_at=work.now)
