"""The statements behind a merchant's list of payments: newest first, and never another merchant's."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, get_args

from services.api.domain.cursor import Place
from services.api.store import COLUMNS
from shared.contracts import Status

COUNT_MAX = 10_000  # more than that is not counted: a count reads every row that it counts
STATUSES = frozenset(get_args(Status))
CONDITIONS = {
    "method": "method = :method",
    "gateway": "gateway = :gateway",
    "order_id": "order_id = :order_id",
    "since": "created_at >= :since",
    "until": "created_at < :until",
}
ORDERED = " ORDER BY created_at DESC, payment_id DESC LIMIT :limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which payments. None where it does not matter; `since` counts in, `until` does not."""

    merchant_id: str
    status: Status | None = None
    method: str | None = None
    gateway: str | None = None
    order_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def named(self) -> dict[str, Any]:
        values = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "status"}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def title(self) -> str:
        """Names this list, for its cursors."""
        return repr(self)


def page(wanted: Wanted, *, limit: int, skip: int) -> tuple[str, dict[str, Any]]:
    """→ (SQL, its values)"""
    return f"SELECT {COLUMNS} FROM payments WHERE {_where(wanted)}{ORDERED} OFFSET :skip", {**wanted.named, "limit": limit, "skip": skip}


def following(wanted: Wanted, *, limit: int, after: Place) -> tuple[str, dict[str, Any]]:
    """What comes after a place. One comparison of two columns, so that it is one descent of an index, however deep the place."""
    where = f"{_where(wanted)} AND (created_at, payment_id) < (:after_at, :after_id)"
    return f"SELECT {COLUMNS} FROM payments WHERE {where}{ORDERED}", {
        **wanted.named,
        "limit": limit,
        "after_at": after.created_at,
        "after_id": after.item_id,
    }


def count(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    """Up to one more than COUNT_MAX."""
    sql = f"SELECT count(*) FROM (SELECT 1 FROM payments WHERE {_where(wanted)} LIMIT {COUNT_MAX + 1}) AS counted"
    return sql, wanted.named


def _where(wanted: Wanted) -> str:
    conditions = ["merchant_id = :merchant_id", *(CONDITIONS[name] for name in wanted.named if name in CONDITIONS)]
    if wanted.status is not None:
        if wanted.status not in STATUSES:
            raise ValueError("no status of a payment")
        conditions.append(f"status = '{wanted.status}'")  # said, not given: the planner matches it with the index of unusual ones
    return " AND ".join(conditions)
