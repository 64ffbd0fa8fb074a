"""Orders as rows: what is to be paid, by when, and whether it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from services.api.domain.orders import OrderStatus, order_status
from services.api.domain.quota import CAME_TO_NOTHING
from services.api.tables import LIVE, orders
from shared import ids
from shared.contracts import Money, Status
from shared.storage.bulk import insert
from shared.storage.work import Load, Rows, Work

REFERENCE_INDEX = "orders_reference"
INSERT_ORDER = insert(
    orders, "order_id", "merchant_id", "reference", "amount_minor", "currency", "customer_id", "metadata", "created_at", "expires_at"
)
# After these only may another payment be made.
NOTHING = ", ".join(f"'{status}'" for status in sorted(CAME_TO_NOTHING))
# A payment of an order is accepted under the order's lock: of two the second sees the first, whatever has become of that since. It is
# looked for by a statement of its own, because one that waits for a lock sees the other tables as they were before. No key is changed,
# so the payments' foreign key waits for nobody.
ORDER = Rows("SELECT order_id AS key FROM orders WHERE order_id = ANY(cast(:keys AS uuid[])) ORDER BY order_id FOR NO KEY UPDATE", rank=3)
TAKEN = Rows(
    f"SELECT DISTINCT for_order AS key FROM payments WHERE for_order = ANY(cast(:keys AS uuid[])) AND status NOT IN ({NOTHING})",
    rank=4,
    exclusive=False,
)
# Of several payments the live one, else one that took money or may have, else the last.
FIND = (
    "SELECT o.order_id, o.merchant_id, o.reference, o.amount_minor, o.currency, o.customer_id, o.metadata, o.created_at, o.expires_at,"
    " p.payment_id, p.status AS payment_status FROM orders o LEFT JOIN LATERAL"
    " (SELECT payment_id, status FROM payments WHERE for_order = o.order_id"
    f" ORDER BY (status IN ({LIVE})) DESC, (status NOT IN ({NOTHING})) DESC, created_at DESC LIMIT 1) p ON true"
    " WHERE o.order_id = :own_id AND o.merchant_id = :merchant_id"
)
BY_REFERENCE = "SELECT order_id FROM orders WHERE merchant_id = :merchant_id AND reference = :reference"


@dataclass(frozen=True, slots=True)
class Order:
    """`payment_id` is the live payment, or the last one; None while nobody has tried to pay."""

    order_id: UUID
    merchant_id: str
    reference: str | None
    amount: Money
    customer_id: str | None
    metadata: dict[str, Any]
    created_at: datetime
    expires_at: datetime
    payment_id: UUID | None = None
    payment_status: Status | None = None

    @property
    def public_id(self) -> str:
        return ids.public(ids.ORDER, self.order_id)

    def status(self, now: datetime) -> OrderStatus:
        return order_status(self.payment_status, now=now, expires_at=self.expires_at)


def order_of(row: Any) -> Order:
    """A row of `FIND`."""
    return Order(
        order_id=row.order_id,
        merchant_id=row.merchant_id,
        reference=row.reference,
        amount=Money(amount_minor=row.amount_minor, currency=row.currency),
        customer_id=row.customer_id,
        metadata=row.metadata,
        created_at=row.created_at,
        expires_at=row.expires_at,
        payment_id=row.payment_id,
        payment_status=row.payment_status,
    )


def load_of(order_id: UUID | None) -> Sequence[Load]:
    """What a change that pays an order reads; nothing for a payment without one."""
    return [Load(ORDER, order_id), Load(TAKEN, order_id)] if order_id else ()


def is_taken(work: Work, order_id: UUID | None) -> bool:
    """Whether a payment of it may still take its money, or has, or is in conflict about it."""
    return order_id is not None and work.row(TAKEN, order_id) is not None


def insert_order(work: Work, order: Order) -> None:
    work.write(
        INSERT_ORDER,
        order_id=order.order_id,
        merchant_id=order.merchant_id,
        reference=order.reference,
        amount_minor=order.amount.amount_minor,
        currency=order.amount.currency,
        customer_id=order.customer_id,
        metadata=orjson.dumps(order.metadata).decode(),
        created_at=order.created_at,
        expires_at=order.expires_at,
    )
