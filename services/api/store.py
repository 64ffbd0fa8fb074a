"""The edge's tables and every statement it has."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.api.domain.lifecycle import Evidence, Seen, Standing
from shared.clock import new_id
from shared.contracts import Money, PaymentSnapshot, RoutePayment, Status
from shared.storage.bulk import insert, insert_claim, update
from shared.storage.tables import inbox_table, new_metadata, outbox_table
from shared.storage.work import Claim, Load, Rows, Work

metadata = new_metadata()
inbox, outbox = inbox_table(metadata), outbox_table(metadata)
merchants = Table(
    "merchants",
    metadata,
    Column("merchant_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("answer_wait_s", Integer, nullable=False, server_default="0"),
    Column("derive_idempotency_key", Boolean, nullable=False, server_default="false"),
    Column("active", Boolean, nullable=False, server_default="true"),
)
api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("merchant_id", Text, ForeignKey("merchants.merchant_id"), nullable=False),
    Column("secret_sha256", LargeBinary, nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
    Index("api_keys_merchant", "merchant_id"),
)
idempotency = Table(
    "idempotency",
    metadata,
    Column("claim", Text, primary_key=True),  # merchant, operation and key
    Column("fingerprint", Text, nullable=False),
    Column("payment_id", Uuid, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
payments = Table(
    "payments",
    metadata,
    Column("payment_id", Uuid, primary_key=True),
    Column("merchant_id", Text, ForeignKey("merchants.merchant_id"), nullable=False),
    Column("status", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("capture", Text, nullable=False),
    Column("gateway", Text),
    Column("order_id", Text),
    Column("customer_id", Text),
    Column("instrument", Text),  # masked
    Column("metadata", JSONB, nullable=False),
    Column("payment_url", Text),
    Column("error", JSONB),
    Column("evidence", JSONB, nullable=False),
    Column("last_event_id", Uuid),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True)),  # when it is looked after; null when nothing can be overdue
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    Index("payments_merchant", "merchant_id", "created_at", "payment_id"),
    Index("payments_order", "merchant_id", "order_id", postgresql_where=text("order_id IS NOT NULL")),
    Index("payments_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
)
timeline = Table(
    "timeline",
    metadata,
    Column("payment_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("event", Text, nullable=False),
    Column("detail", JSONB, nullable=False),
)

COLUMNS = (
    "payment_id, merchant_id, status, sequence, amount_minor, currency, method, gateway, order_id, customer_id, instrument, metadata,"
    " payment_url, error, evidence, last_event_id, created_at, updated_at"
)
PAYMENT = Rows(
    f"SELECT payment_id AS key, {COLUMNS} FROM payments WHERE payment_id = ANY(cast(:keys AS uuid[])) ORDER BY payment_id FOR UPDATE",
    rank=1,
)
CLAIM = insert_claim(idempotency, "claim", "fingerprint", "payment_id", key="claim")
INSERT_PAYMENT = insert(
    payments, "payment_id", "merchant_id", "status", "sequence", "amount_minor", "currency", "method", "capture", "order_id",
    "customer_id", "instrument", "metadata", "evidence", "created_at", "updated_at", "due_at",
)  # fmt: skip
ENTER = update(
    payments, "status", "sequence", "gateway", "payment_url", "error", "evidence", "last_event_id", "updated_at", "due_at",
    key="payment_id",
)  # fmt: skip
LEARN = update(payments, "evidence", key="payment_id")
TELL = insert(timeline, "id", "payment_id", "at", "event", "detail")
TAKE_OVERDUE = (
    "UPDATE payments SET due_at = now() + make_interval(secs => :again_s) WHERE payment_id IN"
    " (SELECT payment_id FROM payments WHERE due_at < now() ORDER BY due_at LIMIT 200 FOR UPDATE SKIP LOCKED)"
    " RETURNING payment_id, merchant_id"
)


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment's row, as far as the lifecycle needs it."""

    snapshot: PaymentSnapshot
    evidence: Evidence
    last_event_id: UUID | None


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
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def read(work: Work, payment_id: UUID) -> Payment | None:
    row = work.row(PAYMENT, payment_id)
    return Payment(snapshot_of(row), evidence_of(row.evidence), row.last_event_id) if row else None


def evidence_of(stored: dict[str, Any]) -> Evidence:
    attempts = {
        name: Seen(**{**seen, "refused": tuple(map(tuple, seen["refused"])), "charged": tuple(map(tuple, seen["charged"]))})
        for name, seen in stored.get("attempts", {}).items()
    }
    return Evidence(attempts, stored.get("exhausted"))


def claim(merchant_id: str, operation: str, key: str, *, fingerprint: str, payment_id: UUID) -> Claim:
    name = f"{merchant_id}\n{operation}\n{key}"
    return Claim(CLAIM, name, {"claim": name, "fingerprint": fingerprint, "payment_id": payment_id})


def insert_payment(work: Work, command: RoutePayment, snapshot: PaymentSnapshot, *, due_at: datetime) -> None:
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
    )


def enter(work: Work, snapshot: PaymentSnapshot, evidence: Evidence, *, event_id: UUID, due_at: datetime | None) -> None:
    """The payment is in a new state; `snapshot` is what it is now."""
    work.write(
        ENTER,
        payment_id=snapshot.payment_id,
        status=snapshot.status,
        sequence=snapshot.sequence,
        gateway=snapshot.gateway,
        payment_url=snapshot.payment_url,
        error=orjson.dumps(snapshot.error).decode() if snapshot.error else None,
        evidence=_evidence(evidence),
        last_event_id=event_id,
        updated_at=snapshot.updated_at,
        due_at=due_at,
    )


def learn(work: Work, payment_id: UUID, evidence: Evidence) -> None:
    """New evidence that changes no state."""
    work.write(LEARN, payment_id=payment_id, evidence=_evidence(evidence))


def tell(work: Work, payment_id: UUID, event: str, **detail: Any) -> None:
    """A line of the payment's timeline."""
    work.write(TELL, id=new_id(), payment_id=payment_id, at=work.now, event=event, detail=orjson.dumps(detail).decode())


def entered(snapshot: PaymentSnapshot, standing: Standing, *, now: datetime) -> PaymentSnapshot:
    status: Status = standing.status
    change = {
        "gateway": standing.gateway or snapshot.gateway,
        "error": standing.error,
        "payment_url": standing.payment_url or snapshot.payment_url,
    }
    return snapshot.model_copy(update={"status": status, "sequence": snapshot.sequence + 1, "updated_at": now, **change})


def _evidence(evidence: Evidence) -> str:
    return orjson.dumps(evidence).decode()
