"""What the edge reads outside a unit of work: keys, payments of one merchant, timelines. Every read of a payment names its merchant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.api import ledger, lists, orders, subscriptions
from services.api.domain.evidence import Evidence
from services.api.domain.operations import Movement
from services.api.domain.quota import own_id
from services.api.store import COLUMNS, Payment, evidence_of, payment_of, snapshot_of
from services.api.subscriptions import Subscription
from shared.contracts import PaymentSnapshot
from shared.storage.budget import budgeted

KEY = text(
    "SELECT k.key_id, k.secret_sha256, k.publishable, m.allowed_origins,"
    " CASE WHEN k.previous_until > now() THEN k.previous_sha256 END AS previous_sha256,"
    " m.merchant_id, m.name, m.currency, m.answer_wait_s, m.derive_idempotency_key"
    " FROM api_keys k JOIN merchants m USING (merchant_id) WHERE k.key_id = :key_id AND k.revoked_at IS NULL AND m.active"
)
OPERATOR = text("SELECT name FROM operator_keys WHERE sha256 = decode(:sha256, 'hex') AND revoked_at IS NULL")
ORIGIN_ALLOWED = text("SELECT 1 FROM merchants WHERE active AND allowed_origins @> to_jsonb(cast(:origin AS text)) LIMIT 1")
SHOW = text(f"SELECT {COLUMNS} FROM payments WHERE payment_id = :payment_id AND merchant_id = :merchant_id")
KNOWN = text("SELECT merchant_id, evidence FROM payments WHERE payment_id = :payment_id")
TIMELINE = text("SELECT at, event, detail FROM timeline WHERE payment_id = :payment_id ORDER BY id LIMIT :most")
OPERATION = text(f"SELECT {ledger.COLUMNS} FROM operations WHERE operation_id = :operation_id AND merchant_id = :merchant_id")
DEAD_OPERATIONS = text("SELECT count(*) FROM operations WHERE payment_id = :payment_id AND kind = :kind AND status = 'failed'")
ANYBODYS_OPERATION = text(f"SELECT {ledger.COLUMNS} FROM operations WHERE operation_id = :operation_id")
EXHAUSTED = text(f"SELECT {ledger.COLUMNS} FROM operations WHERE status = 'exhausted' ORDER BY updated_at LIMIT :limit")
OPERATIONS = text(
    f"SELECT {ledger.COLUMNS} FROM operations WHERE payment_id = :payment_id AND merchant_id = :merchant_id"
    " ORDER BY created_at, operation_id LIMIT 500"
)
WRITING = text(lists.WRITING)
ORDER, ORDER_OF_REFERENCE = text(orders.FIND), text(orders.BY_REFERENCE)
SUBSCRIPTION, GRANTED = text(subscriptions.FIND), text(subscriptions.GRANTED)
CLAIMED = text("SELECT fingerprint, payment_id, operation_id FROM idempotency WHERE claim = :claim")
DEAD_ORDERS = text(
    f"SELECT count(*) FROM payments WHERE merchant_id = :merchant_id AND order_id = :order_id AND status IN ({orders.NOTHING})"
)


@dataclass(frozen=True, slots=True)
class Key:
    """An API key and the settings of its merchant. `previous_sha256` is there while the secret before still works."""

    key_id: str
    secret_sha256: bytes | None
    previous_sha256: bytes | None
    publishable: bool
    allowed_origins: tuple[str, ...]
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
        return Key(**{**row, "allowed_origins": tuple(row["allowed_origins"])}) if row else None

    async def operator(self, sha256: str) -> str | None:
        """The name under which this key is known; `sha256` in hex."""
        async with self.engine.connect() as connection:
            return (await connection.execute(OPERATOR, {"sha256": sha256})).scalar_one_or_none()

    async def origin_allowed(self, origin: str) -> bool:
        """Whether any merchant lets pages of this origin open its checkout."""
        async with self.engine.connect() as connection:
            return (await connection.execute(ORIGIN_ALLOWED, {"origin": origin})).first() is not None

    async def payment(self, merchant_id: str, payment_id: UUID) -> PaymentSnapshot | None:
        async with self.engine.connect() as connection:
            row = (await connection.execute(SHOW, {"payment_id": payment_id, "merchant_id": merchant_id})).first()
        return snapshot_of(row) if row else None

    async def payments(self, sql: str, named: dict[str, Any]) -> list[PaymentSnapshot]:
        """A statement of `services.api.lists`. Raises TooMuch."""
        return [snapshot_of(row) for row in await self._listed(sql, named)]

    async def settled(self) -> datetime:
        """Every payment that was created before then is committed, or never will be."""
        async with self.engine.connect() as connection:
            before: datetime = (await connection.execute(WRITING)).scalar_one()
        return before - lists.SKEW

    async def count(self, sql: str, named: dict[str, Any]) -> int:
        """The same."""
        return int((await self._listed(sql, named))[0][0])

    async def _listed(self, sql: str, named: dict[str, Any]) -> Sequence[Any]:
        async with budgeted(self.engine) as connection:
            return (await connection.execute(text(sql), named)).all()

    async def known(self, payment_id: UUID) -> Known | None:
        """Whoever's it is: the caller judges whether its own caller may see it."""
        async with self.engine.connect() as connection:
            row = (await connection.execute(KNOWN, {"payment_id": payment_id})).first()
        return Known(row.merchant_id, evidence_of(row.evidence)) if row else None

    async def timeline(self, payment_id: UUID, most: int = 500) -> list[Line]:
        """The oldest first."""
        async with self.engine.connect() as connection:
            return [Line(**row) for row in (await connection.execute(TIMELINE, {"payment_id": payment_id, "most": most})).mappings()]

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
        async with self.engine.connect() as connection:
            row = (await connection.execute(ORDER, {"own_id": order_id, "merchant_id": merchant_id})).first()
        return orders.order_of(row) if row else None

    async def order_of_reference(self, merchant_id: str, reference: str) -> orders.Order | None:
        async with self.engine.connect() as connection:
            row = (await connection.execute(ORDER_OF_REFERENCE, {"merchant_id": merchant_id, "reference": reference})).first()
        return await self.order(merchant_id, row.order_id) if row else None

    async def subscription(self, merchant_id: str, subscription_id: str) -> Subscription | None:
        async with self.engine.connect() as connection:
            row = (await connection.execute(SUBSCRIPTION, {"own_id": own_id(merchant_id, subscription_id)})).mappings().first()
        return Subscription(**row) if row else None

    async def subscriptions(self, sql: str, named: dict[str, Any]) -> list[Subscription]:
        """A statement of `services.api.subscriptions`."""
        async with self.engine.connect() as connection:
            return [Subscription(**row) for row in (await connection.execute(text(sql), named)).mappings()]

    async def granted(self, grant_id: UUID) -> int | None:
        """How many tokens were added under this key."""
        async with self.engine.connect() as connection:
            return (await connection.execute(GRANTED, {"grant_id": grant_id})).scalar_one_or_none()

    async def dead_payments_of_order(self, merchant_id: str, order_id: str) -> int:
        async with self.engine.connect() as connection:
            return int((await connection.execute(DEAD_ORDERS, {"merchant_id": merchant_id, "order_id": order_id})).scalar_one())
