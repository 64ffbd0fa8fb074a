"""What the edge reads outside a unit of work: keys, payments of one merchant, timelines. Every read of a payment names its merchant."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.api import ledger, orders
from services.api.domain.evidence import Evidence
from services.api.domain.operations import Movement
from services.api.store import COLUMNS, Payment, evidence_of, payment_of, snapshot_of
from shared import ids
from shared.contracts import PaymentSnapshot

KEY = text(
    "SELECT k.key_id, k.secret_sha256, m.merchant_id, m.name, m.currency, m.answer_wait_s, m.derive_idempotency_key"
    " FROM api_keys k JOIN merchants m USING (merchant_id) WHERE k.key_id = :key_id AND k.revoked_at IS NULL AND m.active"
)
SHOW = text(f"SELECT {COLUMNS} FROM payments WHERE payment_id = :payment_id AND merchant_id = :merchant_id")
KNOWN = text("SELECT merchant_id, evidence FROM payments WHERE payment_id = :payment_id")
TIMELINE = text("SELECT at, event, detail FROM timeline WHERE payment_id = :payment_id ORDER BY id LIMIT 500")
OPERATION = text(f"SELECT {ledger.COLUMNS} FROM operations WHERE operation_id = :operation_id AND merchant_id = :merchant_id")
DEAD_OPERATIONS = text("SELECT count(*) FROM operations WHERE payment_id = :payment_id AND kind = :kind AND status = 'failed'")
ANYBODYS_OPERATION = text(f"SELECT {ledger.COLUMNS} FROM operations WHERE operation_id = :operation_id")
EXHAUSTED = text(f"SELECT {ledger.COLUMNS} FROM operations WHERE status = 'exhausted' ORDER BY updated_at LIMIT :limit")
OPERATIONS = text(
    f"SELECT {ledger.COLUMNS} FROM operations WHERE payment_id = :payment_id AND merchant_id = :merchant_id"
    " ORDER BY created_at, operation_id LIMIT 500"
)
ORDER, ORDER_OF_REFERENCE = text(orders.FIND), text(orders.BY_REFERENCE)
CLAIMED = text("SELECT fingerprint, payment_id, operation_id FROM idempotency WHERE claim = :claim")
DEAD_ORDERS = text(
    "SELECT count(*) FROM payments WHERE merchant_id = :merchant_id AND order_id = :order_id"
    " AND status IN ('failed', 'cancelled', 'expired')"
)


@dataclass(frozen=True, slots=True)
class Key:
    """An API key and the settings of its merchant."""

    key_id: str
    secret_sha256: bytes
    merchant_id: str
    name: str
    currency: str
    answer_wait_s: int
    derive_idempotency_key: bool


@dataclass(frozen=True, slots=True)
class Line:
    at: datetime
    event: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Claimed:
    """What an idempotency key stands for: a payment, or an operation of it."""

    fingerprint: str
    payment_id: UUID
    operation_id: UUID | None


@dataclass(frozen=True, slots=True)
class Known:
    """Whose a payment is, and what is known of its attempts."""

    merchant_id: str
    evidence: Evidence


class Queries:
    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def key(self, key_id: str) -> Key | None:
        async with self.engine.connect() as connection:
            row = (await connection.execute(KEY, {"key_id": key_id})).mappings().first()
        return Key(**row) if row else None

    async def payment(self, merchant_id: str, payment_id: UUID) -> PaymentSnapshot | None:
        async with self.engine.connect() as connection:
            row = (await connection.execute(SHOW, {"payment_id": payment_id, "merchant_id": merchant_id})).first()
        return snapshot_of(row) if row else None

    async def payments(self, sql: str, named: dict[str, Any]) -> list[PaymentSnapshot]:
        """A statement of `services.api.lists`."""
        async with self.engine.connect() as connection:
            return [snapshot_of(row) for row in await connection.execute(text(sql), named)]

    async def count(self, sql: str, named: dict[str, Any]) -> int:
        async with self.engine.connect() as connection:
            return int((await connection.execute(text(sql), named)).scalar_one())

    async def known(self, payment_id: UUID) -> Known | None:
        """Whoever's it is: the caller judges whether its own caller may see it."""
        async with self.engine.connect() as connection:
            row = (await connection.execute(KNOWN, {"payment_id": payment_id})).first()
        return Known(row.merchant_id, evidence_of(row.evidence)) if row else None

    async def timeline(self, payment_id: UUID) -> list[Line]:
        async with self.engine.connect() as connection:
            return [Line(**row) for row in (await connection.execute(TIMELINE, {"payment_id": payment_id})).mappings()]

    async def claimed(self, claim: str) -> Claimed | None:
        async with self.engine.connect() as connection:
            row = (await connection.execute(CLAIMED, {"claim": claim})).mappings().first()
        return Claimed(**row) if row else None

    async def standing(self, merchant_id: str, payment_id: UUID) -> Payment | None:
        """A payment with what is known of it and its sums."""
        async with self.engine.connect() as connection:
            row = (await connection.execute(SHOW, {"payment_id": payment_id, "merchant_id": merchant_id})).first()
        return payment_of(row) if row else None

    async def operation(self, merchant_id: str, operation_id: UUID) -> Movement | None:
        async with self.engine.connect() as connection:
            row = (await connection.execute(OPERATION, {"operation_id": operation_id, "merchant_id": merchant_id})).first()
        return ledger.movement_of(row) if row else None

    async def operations(self, merchant_id: str, payment_id: UUID) -> list[Movement]:
        """Of one payment, oldest first."""
        async with self.engine.connect() as connection:
            rows = await connection.execute(OPERATIONS, {"payment_id": payment_id, "merchant_id": merchant_id})
            return [ledger.movement_of(row) for row in rows]

    async def dead_operations(self, payment_id: UUID, kind: str) -> int:
        async with self.engine.connect() as connection:
            return int((await connection.execute(DEAD_OPERATIONS, {"payment_id": payment_id, "kind": kind})).scalar_one())

    async def anybodys_operation(self, operation_id: UUID) -> Movement | None:
        """For operators."""
        async with self.engine.connect() as connection:
            row = (await connection.execute(ANYBODYS_OPERATION, {"operation_id": operation_id})).first()
        return ledger.movement_of(row) if row else None

    async def exhausted(self, limit: int) -> list[Movement]:
        """Reversals for which no try is left, oldest first. For operators."""
        async with self.engine.connect() as connection:
            return [ledger.movement_of(row) for row in await connection.execute(EXHAUSTED, {"limit": limit})]

    async def order(self, merchant_id: str, order_id: UUID) -> orders.Order | None:
        named = {"own_id": order_id, "merchant_id": merchant_id, "public_id": ids.public(ids.ORDER, order_id)}
        async with self.engine.connect() as connection:
            row = (await connection.execute(ORDER, named)).first()
        return orders.order_of(row) if row else None

    async def order_of_reference(self, merchant_id: str, reference: str) -> orders.Order | None:
        async with self.engine.connect() as connection:
            row = (await connection.execute(ORDER_OF_REFERENCE, {"merchant_id": merchant_id, "reference": reference})).first()
        return await self.order(merchant_id, row.order_id) if row else None

    async def dead_payments_of_order(self, merchant_id: str, order_id: str) -> int:
        async with self.engine.connect() as connection:
            return int((await connection.execute(DEAD_ORDERS, {"merchant_id": merchant_id, "order_id": order_id})).scalar_one())
