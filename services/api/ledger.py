"""Operations as rows: captures, refunds, voids and reversals."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

import orjson

from services.api.domain.operations import Movement
from services.api.store import seen_of
from services.api.tables import operations
from shared.contracts import Money
from shared.storage.bulk import insert, update
from shared.storage.work import Load, Rows, Work

FIXED = (
    "operation_id", "payment_id", "merchant_id", "kind", "origin", "does", "gateway", "target_reference", "charge_id", "method",
    "closes", "releases", "created_at",
)  # fmt: skip
CHANGING = ("status", "number", "evidence", "reason", "error", "updated_at", "due_at")
COLUMNS = ", ".join((*FIXED, "amount_minor", "currency", *CHANGING))

OPERATION = Rows(
    f"SELECT operation_id AS key, {COLUMNS} FROM operations WHERE operation_id = ANY(cast(:keys AS uuid[]))"
    " ORDER BY operation_id FOR UPDATE",
    rank=2,  # after its payment's
)
BEGIN = insert(operations, *FIXED, "amount_minor", "currency", *CHANGING, tail="ON CONFLICT (operation_id) DO NOTHING")
CHANGE = update(operations, *CHANGING, key="operation_id")
TAKE_OVERDUE = (
    "UPDATE operations SET due_at = now() + make_interval(secs => :again_s) WHERE operation_id IN"
    " (SELECT operation_id FROM operations WHERE due_at < now() ORDER BY due_at LIMIT 100 FOR UPDATE SKIP LOCKED)"
    f" RETURNING {COLUMNS}"
)


def load_of(operation_id: UUID) -> Sequence[Load]:
    return [Load(OPERATION, operation_id)]


def movement_of(row: Any) -> Movement:
    """A row of `COLUMNS`, whoever read it."""
    named = {one.name: getattr(row, one.name) for one in fields(Movement) if one.name not in ("amount", "evidence")}
    evidence = {name: seen_of(seen) for name, seen in row.evidence.items()}
    return Movement(**named, amount=Money(amount_minor=row.amount_minor, currency=row.currency), evidence=evidence)


def read(work: Work, operation_id: UUID) -> Movement | None:
    row = work.row(OPERATION, operation_id)
    return movement_of(row) if row else None


def begin(work: Work, movement: Movement) -> None:
    """There is one operation of an id, whoever begins it."""
    fixed = {name: getattr(movement, name) for name in FIXED}
    amount = {"amount_minor": movement.amount.amount_minor, "currency": movement.amount.currency}
    work.write(BEGIN, **fixed, **amount, **_changing(movement))


def change(work: Work, movement: Movement) -> None:
    work.write(CHANGE, operation_id=movement.operation_id, **_changing(movement))


def _changing(movement: Movement) -> dict[str, Any]:
    written = {name: getattr(movement, name) for name in CHANGING}
    written["evidence"] = orjson.dumps(movement.evidence).decode()
    written["error"] = orjson.dumps(movement.error).decode() if movement.error else None
    return written
