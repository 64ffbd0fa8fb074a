"""The statements behind a merchant's list of payments, by time of creation, and never another merchant's.

A payment's time is taken within its transaction, before its commit, so it appears a little later than its place. Newest first that is
no matter: a walk finds what was there when it began. Oldest first one may follow for ever, so that walk stops short of the oldest
transaction that is still writing: whatever is not committed yet has its place behind it.
"""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

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
Order = Literal["desc", "asc"]
ORDERED: dict[Order, str] = {
    "desc": " ORDER BY created_at DESC, payment_id DESC LIMIT :limit",
    "asc": " ORDER BY created_at, payment_id LIMIT :limit",
}
# Read before the list, in a statement of its own: whoever has ended by then is in the list's snapshot. Who has written nothing yet
# (`backend_xid`) takes its time later than this. The replicas share a role, so they see each other here.
WRITING = "SELECT least(now(), min(xact_start)) FROM pg_stat_activity WHERE datname = current_database() AND backend_xid IS NOT NULL"
SKEW = timedelta(seconds=5)  # a replica's clock is less than that behind the database's


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
    order: Order = "desc"

    @property
    def named(self) -> dict[str, Any]:
        values = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in ("status", "order")}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def title(self) -> str:
        """Names this list, for its cursors."""
        return repr(self)


def page(wanted: Wanted, *, limit: int, skip: int) -> tuple[str, dict[str, Any]]:
    """→ (SQL, its values)"""
    sql = f"SELECT {COLUMNS} FROM payments WHERE {_where(wanted)}{ORDERED[wanted.order]} OFFSET :skip"
    return sql, {**wanted.named, "limit": limit, "skip": skip}


def following(wanted: Wanted, *, limit: int, after: Place) -> tuple[str, dict[str, Any]]:
    """What comes after a place. One comparison of two columns, so that it is one descent of an index, however deep the place."""
    where = f"{_where(wanted)} AND (created_at, payment_id) {'<' if wanted.order == 'desc' else '>'} (:after_at, :after_id)"
    return f"SELECT {COLUMNS} FROM payments WHERE {where}{ORDERED[wanted.order]}", {
        **wanted.named,
        "limit": limit,
        "after_at": after.created_at,
        "after_id": after.item_id,
    }


def count(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    """Up to one more than COUNT_MAX, the newest: in the order of an index, so that it is no matter how many there are."""
    sql = f"SELECT count(*) FROM (SELECT 1 FROM payments WHERE {_where(wanted)}{ORDERED['desc']}) AS counted"
    return sql, {**wanted.named, "limit": COUNT_MAX + 1}


def _where(wanted: Wanted) -> str:
    conditions = ["merchant_id = :merchant_id", *(CONDITIONS[name] for name in wanted.named if name in CONDITIONS)]
    if wanted.status is not None:
        if wanted.status not in STATUSES:
            raise ValueError("no status of a payment")
        conditions.append(f"status = '{wanted.status}'")  # said, not given: the planner matches it with the index of unusual ones
    if wanted.status == "processing":  # which is always looked after, so the index of what is due has all of them
        conditions.append("due_at IS NOT NULL")
    return " AND ".join(conditions)
