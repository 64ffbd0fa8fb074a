"""The notifier's tables. A delivery is a row until it is delivered or parked; its due_at is the schedule."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Boolean, Column, DateTime, ForeignKey, Index, Integer, LargeBinary, SmallInteger, Table, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.domain.owed import Endpoint, owner_of, payment_of
from services.notifier.domain.schedule import Answer, Delivered, Gone, Parked, Retry, Verdict
from shared.contracts import OperatorsEvent, PaymentEvent
from shared.storage.bulk import insert, update
from shared.storage.tables import inbox_table, new_metadata, outbox_table
from shared.storage.work import Load, Rows, Work

metadata = new_metadata()
inbox, outbox = inbox_table(metadata), outbox_table(metadata)
endpoints = Table(
    "endpoints",
    metadata,
    Column("endpoint_id", Text, primary_key=True),
    Column("merchant_id", Text, nullable=False),  # or OPERATORS
    Column("url", Text, nullable=False),
    Column("secret_sealed", Text, nullable=False),  # AES-GCM under PAYMESH_SECRETS_KEY
    Column("events", JSONB, nullable=False, server_default="[]"),
    Column("enabled", Boolean, nullable=False, server_default="true"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("endpoints_merchant", "merchant_id"),
)
deliveries = Table(
    "deliveries",
    metadata,
    Column("delivery_id", Uuid, primary_key=True),
    Column("event_id", Uuid, nullable=False),
    Column("endpoint_id", Text, ForeignKey("endpoints.endpoint_id"), nullable=False),
    Column("merchant_id", Text, nullable=False),
    Column("payment_id", Uuid),  # null for what operators are told
    Column("type", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),  # due · delivered · parked · skipped
    Column("reason", Text),
    Column("tries", SmallInteger, nullable=False, server_default="0"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("due_at", DateTime(timezone=True)),  # null when nothing will be tried by itself
    Index("deliveries_payment", "payment_id"),
    Index("deliveries_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
)
delivery_attempts = Table(
    "delivery_attempts",
    metadata,
    Column("delivery_id", Uuid, ForeignKey("deliveries.delivery_id"), primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("status", Integer),
    Column("error", Text),
    Column("latency_ms", Integer, nullable=False),
)

ENDPOINTS = Rows(
    "SELECT merchant_id AS key, jsonb_agg(jsonb_build_object('endpoint_id', endpoint_id, 'url', url, 'secret_sealed', secret_sealed,"
    " 'events', events, 'enabled', enabled) ORDER BY endpoint_id) AS endpoints"
    " FROM endpoints WHERE merchant_id = ANY(cast(:keys AS text[]))"
    " GROUP BY merchant_id ORDER BY merchant_id",
    rank=1,
    exclusive=False,
)
OWE = insert(
    deliveries, "delivery_id", "event_id", "endpoint_id", "merchant_id", "payment_id", "type", "body", "state", "due_at",
    tail="ON CONFLICT (delivery_id) DO NOTHING",
)  # fmt: skip
SETTLE = update(deliveries, "state", "reason", "tries", "due_at", key="delivery_id", where="deliveries.state = 'due'")
DISABLE = update(endpoints, "enabled", key="endpoint_id")
LOG = insert(delivery_attempts, "delivery_id", "number", "at", "status", "error", "latency_ms", tail="ON CONFLICT DO NOTHING")
TAKE_DUE = text(
    "WITH taken AS (UPDATE deliveries d SET due_at = CASE WHEN e.enabled THEN now() + make_interval(secs => :lease_s) END,"
    " state = CASE WHEN e.enabled THEN d.state ELSE 'skipped' END, reason = CASE WHEN e.enabled THEN d.reason ELSE 'endpoint disabled' END"
    " FROM endpoints e WHERE e.endpoint_id = d.endpoint_id AND d.delivery_id IN"
    " (SELECT delivery_id FROM deliveries WHERE due_at <= now() ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED)"
    " RETURNING d.delivery_id, d.endpoint_id, d.body, d.tries)"
    " SELECT taken.delivery_id, taken.endpoint_id, taken.body, taken.tries, endpoints.url, endpoints.secret_sealed"
    " FROM taken JOIN endpoints USING (endpoint_id) WHERE endpoints.enabled"
)
OF_PAYMENT = text(
    "SELECT d.delivery_id, d.event_id, d.endpoint_id, d.type, d.state, d.reason, d.created_at, coalesce(jsonb_agg(jsonb_build_object("
    "'number', a.number, 'at', a.at, 'status', a.status, 'error', a.error, 'latency_ms', a.latency_ms) ORDER BY a.number)"
    " FILTER (WHERE a.number IS NOT NULL), '[]') AS tries FROM deliveries d LEFT JOIN delivery_attempts a USING (delivery_id)"
    " WHERE d.payment_id = :payment_id GROUP BY d.delivery_id ORDER BY d.created_at, d.delivery_id LIMIT 500"
)
SEED = text(
    "INSERT INTO endpoints (endpoint_id, merchant_id, url, secret_sealed, events)"
    " VALUES (:endpoint_id, :merchant_id, :url, :secret_sealed, cast(:events AS jsonb)) ON CONFLICT (endpoint_id) DO UPDATE SET"
    " url = excluded.url, secret_sealed = excluded.secret_sealed, enabled = true,"
    " events = CASE WHEN :filtered THEN excluded.events ELSE endpoints.events END"
)


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery in this process's hands until its lease is over."""

    delivery_id: UUID
    endpoint_id: str
    url: str
    secret_sealed: str
    body: bytes
    tries: int


def endpoints_of(event: PaymentEvent | OperatorsEvent) -> Sequence[Load]:
    return [Load(ENDPOINTS, owner_of(event))]


def read_endpoints(work: Work, owner: str) -> list[Endpoint]:
    row = work.row(ENDPOINTS, owner)
    return [Endpoint(**{**one, "events": frozenset(one["events"])}) for one in row.endpoints] if row else []


def owe(
    work: Work,
    event: PaymentEvent | OperatorsEvent,
    endpoint: Endpoint,
    *,
    delivery_id: UUID,
    event_name: str,
    body: bytes,
    lease_s: float,
) -> Due:
    work.write(
        OWE,
        delivery_id=delivery_id,
        event_id=event.message_id,
        endpoint_id=endpoint.endpoint_id,
        merchant_id=owner_of(event),
        payment_id=payment_of(event),
        type=event_name,
        body=body,
        state="due" if endpoint.enabled else "skipped",
        due_at=work.now + timedelta(seconds=lease_s) if endpoint.enabled else None,
    )
    return Due(delivery_id, endpoint.endpoint_id, endpoint.url, endpoint.secret_sealed, body, 0)


def settle(work: Work, due: Due, verdict: Verdict, answer: Answer, *, at: datetime, latency_ms: int) -> None:
    state, due_at = {Delivered: ("delivered", None), Parked: ("parked", None), Gone: ("parked", None)}.get(type(verdict), ("due", None))
    if isinstance(verdict, Retry):
        due_at = verdict.due_at
    tries = due.tries + 1
    work.write(SETTLE, delivery_id=due.delivery_id, state=state, reason=verdict.reason, tries=tries, due_at=due_at)
    if isinstance(verdict, Gone):
        work.write(DISABLE, endpoint_id=due.endpoint_id, enabled=False)
    log: dict[str, Any] = {"status": answer.status, "error": answer.error, "latency_ms": latency_ms}
    work.write(LOG, delivery_id=due.delivery_id, number=tries, at=at, **log)


async def take_due(engine: AsyncEngine, *, lease_s: float, most: int) -> list[Due]:
    async with engine.begin() as connection:
        rows = (await connection.execute(TAKE_DUE, {"lease_s": lease_s, "most": most})).mappings().all()
    return [Due(**row) for row in rows]


async def deliveries_of(engine: AsyncEngine, payment_id: UUID) -> list[dict[str, Any]]:
    """What is owed for a payment and every try at it, the oldest first. Bodies are not read: they are the merchants'."""
    async with engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(OF_PAYMENT, {"payment_id": payment_id})).mappings()]


async def seed_endpoint(
    engine: AsyncEngine, *, endpoint_id: str, merchant_id: str, url: str, secret_sealed: str, events: Sequence[str] | None = None
) -> None:
    """`merchant_id` may be OPERATORS. `events` None: all, or what an endpoint that is there already has."""
    row = {"endpoint_id": endpoint_id, "merchant_id": merchant_id, "url": url, "secret_sealed": secret_sealed}
    async with engine.begin() as connection:
        await connection.execute(SEED, {**row, "events": orjson.dumps(events or ()).decode(), "filtered": events is not None})
