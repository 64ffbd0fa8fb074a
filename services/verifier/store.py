"""What is in doubt, what has been seen of it, and when it is asked about next. Webhooks and reconciliation have files of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from services.verifier.domain.verdict import Charge, State
from services.verifier.tables import audit, inbox, metadata, outbox, verifications
from shared.clock import new_id
from shared.contracts import Attempt, AttemptEvent, Money, Source
from shared.storage.bulk import insert, update
from shared.storage.work import Load, Rows, Work

__all__ = ["inbox", "metadata", "outbox"]

VERIFICATION = Rows(
    "SELECT attempt_id AS key, attempt, state, reason, lookups, not_found, opened_at, source, confirmed, gateway_reference"
    " FROM verifications WHERE attempt_id = ANY(cast(:keys AS uuid[])) ORDER BY attempt_id FOR UPDATE",
    rank=1,
)
OPEN = insert(
    verifications, "attempt_id", "payment_id", "gateway", "attempt", "state", "reason", "lookups", "not_found", "opened_at",
    "changed_at", "due_at", "source", "confirmed", "gateway_reference",
)  # fmt: skip
CHANGE = update(
    verifications, "state", "reason", "not_found", "changed_at", "due_at", "source", "confirmed", "gateway_reference", key="attempt_id"
)
ASK = update(verifications, "lookups", "changed_at", key="attempt_id")
ACT = insert(audit, "id", "at", "actor", "action", "subject", "before", "after", "reason")
# A lookup that is not answered in a minute (its executor is away) is sent again.
TAKE_DUE = (
    "UPDATE verifications SET due_at = now() + interval '60 seconds' WHERE attempt_id IN"
    " (SELECT attempt_id FROM verifications WHERE due_at <= now() ORDER BY due_at LIMIT 100 FOR UPDATE SKIP LOCKED)"
    " RETURNING attempt_id, attempt, lookups"
)


@dataclass(frozen=True, slots=True)
class Verification:
    attempt: Attempt
    state: State
    reason: str
    lookups: int
    not_found: int
    opened_at: datetime
    source: Source | None = None
    charge: Charge | None = None

    @property
    def waits(self) -> bool:
        """When it was last asked, the gateway had it and waited for somebody: a payer may act at any time."""
        return self.state in ("open", "exhausted") and self.reason.endswith("pending")


@dataclass(frozen=True, slots=True)
class Word:
    """Whose word settled it, and what it said was taken."""

    source: Source | None = None
    confirmed: Money | None = None
    gateway_reference: str | None = None


def verification_of(event: AttemptEvent) -> Sequence[Load]:
    return [Load(VERIFICATION, event.attempt.attempt_id)]


def read(work: Work, attempt_id: UUID) -> Verification | None:
    row = work.row(VERIFICATION, attempt_id)
    if row is None:
        return None
    attempt = Attempt.model_validate(row.attempt)
    # A success that was settled before amounts were kept confirmed exactly what was asked.
    confirmed = Money.model_validate(row.confirmed) if row.confirmed else attempt.amount
    charge = Charge(confirmed, row.gateway_reference) if row.state == "succeeded" else None
    return Verification(attempt, row.state, row.reason, row.lookups, row.not_found, row.opened_at, row.source, charge)


def open_one(
    work: Work,
    attempt: Attempt,
    *,
    reason: str,
    due_at: datetime | None,
    state: State = "open",
    not_found: int = 0,
    word: Word = Word(),
) -> None:
    row: dict[str, Any] = {"attempt_id": attempt.attempt_id, "payment_id": attempt.payment_id, "gateway": attempt.gateway}
    row |= {"attempt": attempt.model_dump_json(exclude_none=True), "state": state, "reason": reason, "lookups": 0, "not_found": not_found}
    work.write(OPEN, **row, opened_at=work.now, changed_at=work.now, due_at=due_at, **_said(word))


def change(
    work: Work,
    attempt_id: UUID,
    *,
    state: State,
    reason: str,
    not_found: int,
    due_at: datetime | None,
    word: Word = Word(),
) -> None:
    row: dict[str, Any] = {"attempt_id": attempt_id, "state": state, "reason": reason, "not_found": not_found}
    work.write(CHANGE, **row, changed_at=work.now, due_at=due_at, **_said(word))


def asked(work: Work, attempt_id: UUID, *, lookups: int) -> None:
    work.write(ASK, attempt_id=attempt_id, lookups=lookups, changed_at=work.now)


def act(work: Work, *, actor: str, action: str, subject: str, before: Any, after: Any, reason: str) -> None:
    """A line of the audit: what an operator did, and what it was before."""
    row = {"actor": actor, "action": action, "subject": subject, "reason": reason}
    work.write(ACT, id=new_id(), at=work.now, before=orjson.dumps(before).decode(), after=orjson.dumps(after).decode(), **row)


def _said(word: Word) -> dict[str, Any]:
    confirmed = word.confirmed.model_dump_json() if word.confirmed else None
    return {"source": word.source, "confirmed": confirmed, "gateway_reference": word.gateway_reference}
