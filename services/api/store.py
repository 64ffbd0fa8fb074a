"""Payments, their timelines and the keys that were used, as rows. Operations have a file of their own."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from services.api.domain.evidence import Evidence, Seen
from services.api.domain.lifecycle import Standing
from services.api.domain.sums import SUMS, Sums
from services.api.tables import idempotency, inbox, metadata, outbox, payments, timeline
from shared.clock import new_id
from shared.contracts import Money, PaymentSnapshot, RoutePayment, Status
from shared.storage.bulk import insert, insert_claim, update
from shared.storage.work import Claim, Load, Rows, Work

__all__ = ["inbox", "metadata", "outbox"]

COLUMNS = (
    "payment_id, merchant_id, status, sequence, amount_minor, currency, method, gateway, order_id, customer_id, instrument, metadata,"
    " payment_url, error, evidence, last_event_id, created_at, updated_at, due_at, subscription_id, " + ", ".join(SUMS)
)
# No key of a payment changes. FOR UPDATE would hold up whoever has an operation of it: the sweeper, which then holds that operation,
# while who has the payment waits for it.
PAYMENT = Rows(
    f"SELECT payment_id AS key, {COLUMNS} FROM payments WHERE payment_id = ANY(cast(:keys AS uuid[]))"
    " ORDER BY payment_id FOR NO KEY UPDATE",
    rank=1,
)
CLAIM = insert_claim(idempotency, "claim", "fingerprint", "payment_id", "operation_id", key="claim")
INSERT_PAYMENT = insert(
    payments, "payment_id", "merchant_id", "status", "sequence", "amount_minor", "currency", "method", "capture", "order_id",
    "customer_id", "instrument", "metadata", "evidence", "created_at", "updated_at", "due_at", "for_order",
    "subscription_id",
)  # fmt: skip
ENTER = update(
    payments, "status", "sequence", "gateway", "payment_url", "error", "evidence", "last_event_id", "updated_at", "due_at", *SUMS,
    key="payment_id",
)  # fmt: skip
LEARN = update(payments, "evidence", key="payment_id")
LOOK_AGAIN = update(payments, "due_at", key="payment_id")
TELL = insert(timeline, "id", "payment_id", "at", "event", "detail")
TAKE_OVERDUE = (
    "UPDATE payments SET due_at = now() + make_interval(secs => :again_s) WHERE payment_id IN"
    " (SELECT payment_id FROM payments WHERE due_at < now() ORDER BY due_at LIMIT 200 FOR UPDATE SKIP LOCKED)"
    f" RETURNING {COLUMNS}"
)


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment's row, as far as the lifecycle needs it."""

    snapshot: PaymentSnapshot
    evidence: Evidence
    last_event_id: UUID | None
    sums: Sums = field(default_factory=Sums)
    due_at: datetime | None = None
    subscription_id: str | None = None


def load_of(payment_id: UUID) -> Sequence[Load]:
    return [Load(PAYMENT, payment_id)]


def snapshot_of(row: Any) -> PaymentSnapshot:
    """A row of `COLUMNS`, whoever read it."""
    return PaymentSnapshot(
        payment_id=row.payment_id,
        merchant_id=row.merchant_id,
        status=row.status,
        sequence=row.sequence,
        amount=Money(amount_minor=row.amount_minor, currency=row.currency),
        method=row.method,
        gateway=row.gateway,
        order_id=row.order_id,
        customer_id=row.customer_id,
        instrument=row.instrument,
        payment_url=row.payment_url,
        error=row.error,
        metadata=row.metadata,
        authorized_minor=row.authorized_minor,
        captured_minor=row.captured_minor,
        refunded_minor=row.refunded_minor,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def payment_of(row: Any) -> Payment:
    """A row of `COLUMNS`, whoever read it."""
    sums = Sums(**{name: getattr(row, name) for name in SUMS})
    return Payment(snapshot_of(row), evidence_of(row.evidence), row.last_event_id, sums, row.due_at, row.subscription_id)


def read(work: Work, payment_id: UUID) -> Payment | None:
    row = work.row(PAYMENT, payment_id)
    return payment_of(row) if row else None


def evidence_of(stored: dict[str, Any]) -> Evidence:
    attempts = {name: seen_of(seen) for name, seen in stored.get("attempts", {}).items()}
    return Evidence(attempts, stored.get("exhausted"), stored.get("kept"), tuple(stored.get("reversing", ())))


def seen_of(stored: dict[str, Any]) -> Seen:
    return Seen(**{**stored, "refused": tuple(map(tuple, stored["refused"])), "charged": tuple(map(tuple, stored["charged"]))})


def claim(merchant_id: str, operation: str, key: str, *, fingerprint: str, payment_id: UUID, operation_id: UUID | None = None) -> Claim:
    name = f"{merchant_id}\n{operation}\n{key}"
    row = {"claim": name, "fingerprint": fingerprint, "payment_id": payment_id, "operation_id": operation_id}
    return Claim(CLAIM, name, row)


def insert_payment(
    work: Work,
    command: RoutePayment,
    snapshot: PaymentSnapshot,
    *,
    due_at: datetime,
    for_order: UUID | None = None,
    subscription_id: str | None = None,
) -> None:
    work.write(
        INSERT_PAYMENT,
        payment_id=snapshot.payment_id,
        merchant_id=snapshot.merchant_id,
        status=snapshot.status,
        sequence=snapshot.sequence,
        amount_minor=snapshot.amount.amount_minor,
        currency=snapshot.amount.currency,
        method=snapshot.method,
        capture=command.capture,
        order_id=snapshot.order_id,
        customer_id=snapshot.customer_id,
        instrument=snapshot.instrument,
        metadata=orjson.dumps(snapshot.metadata).decode(),
        evidence="{}",
        created_at=snapshot.created_at,
        updated_at=snapshot.updated_at,
        due_at=due_at,
        for_order=for_order,
        subscription_id=subscription_id,
    )


def enter(work: Work, payment: Payment) -> None:
    """Write what the payment is now."""
    snapshot = payment.snapshot
    work.write(
        ENTER,
        payment_id=snapshot.payment_id,
        status=snapshot.status,
        sequence=snapshot.sequence,
        gateway=snapshot.gateway,
        payment_url=snapshot.payment_url,
        error=orjson.dumps(snapshot.error).decode() if snapshot.error else None,
        evidence=orjson.dumps(payment.evidence).decode(),
        last_event_id=payment.last_event_id,
        updated_at=snapshot.updated_at,
        due_at=payment.due_at,
        **{name: getattr(payment.sums, name) for name in SUMS},
    )


def learn(work: Work, payment_id: UUID, evidence: Evidence) -> None:
    """New evidence that changes no state."""
    work.write(LEARN, payment_id=payment_id, evidence=orjson.dumps(evidence).decode())


def look_again(work: Work, payment_id: UUID, due_at: datetime | None) -> None:
    work.write(LOOK_AGAIN, payment_id=payment_id, due_at=due_at)


def tell(work: Work, payment_id: UUID, event: str, **detail: Any) -> None:
    """A line of the payment's timeline."""
    work.write(TELL, id=new_id(), payment_id=payment_id, at=work.now, event=event, detail=orjson.dumps(detail).decode())


def entered(snapshot: PaymentSnapshot, standing: Standing, *, now: datetime) -> PaymentSnapshot:
    status: Status = standing.status
    change = {
        "gateway": standing.gateway or snapshot.gateway,
        "error": standing.error,
        "payment_url": standing.payment_url if status == "requires_action" else snapshot.payment_url,
    }
    return snapshot.model_copy(update={"status": status, "sequence": snapshot.sequence + 1, "updated_at": now, **change})
