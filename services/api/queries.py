"""What the edge reads outside a unit of work: keys, payments of one merchant, timelines. Every read of a payment names its merchant."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.api.store import COLUMNS, snapshot_of
from shared.contracts import PaymentSnapshot

KEY = text(
    "SELECT k.key_id, k.secret_sha256, m.merchant_id, m.name, m.currency, m.answer_wait_s, m.derive_idempotency_key"
    " FROM api_keys k JOIN merchants m USING (merchant_id) WHERE k.key_id = :key_id AND k.revoked_at IS NULL AND m.active"
)
SHOW = text(f"SELECT {COLUMNS} FROM payments WHERE payment_id = :payment_id AND merchant_id = :merchant_id")
TIMELINE = text("SELECT at, event, detail FROM timeline WHERE payment_id = :payment_id ORDER BY id LIMIT 500")
CLAIMED = text("SELECT fingerprint, payment_id FROM idempotency WHERE claim = :claim")
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

    async def timeline(self, payment_id: UUID) -> list[Line]:
        async with self.engine.connect() as connection:
            return [Line(**row) for row in (await connection.execute(TIMELINE, {"payment_id": payment_id})).mappings()]

    async def claimed(self, claim: str) -> tuple[str, UUID] | None:
        """The fingerprint and payment that an idempotency key stands for."""
        async with self.engine.connect() as connection:
            row = (await connection.execute(CLAIMED, {"claim": claim})).first()
        return (row.fingerprint, row.payment_id) if row else None

    async def dead_payments_of_order(self, merchant_id: str, order_id: str) -> int:
        async with self.engine.connect() as connection:
            return int((await connection.execute(DEAD_ORDERS, {"merchant_id": merchant_id, "order_id": order_id})).scalar_one())
