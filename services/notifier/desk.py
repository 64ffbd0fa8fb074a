"""Where merchants and operators look and change: endpoints, and what was sent to them. Each change is audited in its own transaction."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier import tables
from shared.contracts import Frozen
from shared.contracts.questions import AuditEntry, ListDeliveries
from shared.contracts.questions.notifier import DeliveryState
from shared.storage.budget import budgeted

REPLAYED_PER_S = 500  # so that a replay is a stream, not a flood
TRIES_SHOWN = 100
TRIES_MAX = 1_000  # of one delivery; then it is sent again no more
SKIPPED_MAX = 5_000  # in one statement

ENDPOINT = (
    "SELECT endpoint_id, url, description, events, ordered, enabled, disabled_reason, failing_since, created_at,"
    " CASE WHEN previous_secret_until > now() THEN previous_secret_until END AS previous_secret_until, secret_sealed FROM endpoints"
    " WHERE merchant_id = :merchant_id AND deleted_at IS NULL"
)
ENDPOINTS = f"{ENDPOINT} ORDER BY created_at, endpoint_id"
ONE = f"{ENDPOINT} AND endpoint_id = :endpoint_id"
LOCKED = f"{ONE} FOR NO KEY UPDATE"  # FOR UPDATE would hold up whoever owes it something, and all that commits with that
MADE = "SELECT count(*) AS made FROM endpoints WHERE merchant_id = :merchant_id AND created_at > now() - interval '1 day'"
ALONE = "SELECT pg_advisory_xact_lock(hashtextextended(:merchant_id, 0))"  # while its endpoints are counted
# What is more, or is being settled just now, the sender skips when it is due: nobody waits for this, and it for nobody.
SKIP = (
    "UPDATE deliveries SET state = 'skipped', reason = :reason, due_at = NULL WHERE delivery_id IN (SELECT delivery_id FROM deliveries"
    f" WHERE due_at IS NOT NULL AND endpoint_id = :endpoint_id ORDER BY due_at DESC LIMIT {SKIPPED_MAX} FOR NO KEY UPDATE SKIP LOCKED)"
)
COLUMNS = (
    "d.delivery_id, d.merchant_id, d.event_id, d.endpoint_id, d.payment_id, d.type, d.state, d.reason, d.tries, d.created_at,"
    " d.due_at AS next_try_at"
)
NEWEST = f"SELECT {COLUMNS} FROM deliveries d WHERE {{of_deliveries}} ORDER BY d.created_at DESC, d.delivery_id DESC LIMIT :limit"
# Endpoint by endpoint, and then the newest of these: a page of one endpoint, of a merchant's, or of the few that are parked anywhere.
NEWEST_OF_EACH = (
    f"SELECT of_endpoint.* FROM endpoints e CROSS JOIN LATERAL ({NEWEST}) of_endpoint WHERE {{of_endpoints}}"
    " ORDER BY created_at DESC, delivery_id DESC LIMIT :limit"
)
IN_ORDER = "SET LOCAL enable_seqscan = off"  # what is looked through is in the list's own order, so that a few end it
OF_WHOM = "merchant_id = coalesce(cast(:merchant_id AS text), merchant_id)"  # without a merchant: whose it may be
DELIVERY = f"SELECT {COLUMNS}, d.body FROM deliveries d WHERE delivery_id = :delivery_id AND {OF_WHOM}"
TRIES = (
    "SELECT number, at, status, error, latency_ms, response FROM delivery_attempts WHERE delivery_id = :delivery_id"
    f" ORDER BY number DESC LIMIT {TRIES_SHOWN}"
)
OF_ENDPOINTS = {"merchant_id": "e.merchant_id = :merchant_id", "endpoint_id": "e.endpoint_id = :endpoint_id"}
OF_DELIVERIES = {
    "payment_id": "d.payment_id = :payment_id",
    "type": "d.type = :type",
    "since": "d.created_at >= :since",
    "until": "d.created_at < :until",
}
STATES: dict[DeliveryState, str] = {  # in full, so that the planner sees which index holds them
    "due": "d.state = 'due' AND d.due_at IS NOT NULL",
    "delivered": "d.state = 'delivered'",
    "parked": "d.state = 'parked'",
    "skipped": "d.state = 'skipped'",
}
AGAIN = "state = 'due', tries_before = tries"  # by the whole schedule; the log goes on counting
RETRY = f"UPDATE deliveries SET {AGAIN}, due_at = now(), reason = :reason WHERE delivery_id = :delivery_id"
REPLAY = (
    "WITH chosen AS (SELECT delivery_id, created_at, row_number() OVER (ORDER BY created_at, delivery_id) AS place FROM ("
    "SELECT delivery_id, created_at FROM deliveries WHERE endpoint_id = :endpoint_id"
    " AND created_at >= :since AND created_at < :until AND state IN ({states})"
    f" AND tries < {TRIES_MAX} ORDER BY created_at, delivery_id LIMIT :most FOR NO KEY UPDATE) AS ranged),"
    f" again AS (UPDATE deliveries SET {AGAIN}, reason = :reason, due_at = now() + make_interval(secs => place / {REPLAYED_PER_S}.0)"
    " FROM chosen WHERE deliveries.delivery_id = chosen.delivery_id)"
    " SELECT count(*) AS deliveries, max(created_at) AS latest FROM chosen"
)
AUDIT = "SELECT at, actor, action, subject, before, after, reason FROM audit ORDER BY id DESC LIMIT :limit"


class Change:
    """One transaction; it is audited if it is noted."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection

    async def rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in (await self.connection.execute(text(sql), values)).mappings()]

    async def row(self, sql: str, **values: Any) -> dict[str, Any] | None:
        return next(iter(await self.rows(sql, **values)), None)

    async def run(self, sql: str, **values: Any) -> None:
        await self.connection.execute(text(sql), values)

    async def create(self, **endpoint: Any) -> None:
        await self.connection.execute(tables.endpoints.insert().values(endpoint))

    async def change(self, endpoint_id: str, **columns: Any) -> None:
        await self.connection.execute(tables.endpoints.update().where(tables.endpoints.c.endpoint_id == endpoint_id).values(columns))

    async def owe(self, **delivery: Any) -> None:
        await self.connection.execute(tables.deliveries.insert().values(delivery))

    async def note(
        self, action: str, subject: str, *, actor: str, reason: str, before: Frozen | None = None, after: Frozen | None = None
    ) -> None:
        line = {"actor": actor, "action": action, "subject": subject, "reason": reason, "before": _json(before), "after": _json(after)}
        await self.connection.execute(tables.audit.insert().values(line))


class Desk:
    """`allow_loopback`: may endpoints lie on this machine?"""

    def __init__(self, engine: AsyncEngine, *, allow_loopback: bool) -> None:
        self.engine, self.allow_loopback = engine, allow_loopback

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[Change]:
        """All of it or nothing."""
        async with self.engine.begin() as connection:
            yield Change(connection)

    async def rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        async with self.engine.connect() as connection:
            return await Change(connection).rows(sql, **values)

    async def deliveries(self, wanted: ListDeliveries) -> list[dict[str, Any]]:
        """Newest first. Raises TooMuch."""
        sql, values = page(wanted)
        async with budgeted(self.engine) as connection:
            await connection.execute(text(IN_ORDER))
            return await Change(connection).rows(sql, **values)

    async def audit(self, limit: int) -> list[AuditEntry]:
        return [AuditEntry.model_validate(row) for row in await self.rows(AUDIT, limit=limit)]


def page(wanted: ListDeliveries) -> tuple[str, dict[str, Any]]:
    """The statement, which names only what is filtered by, and its values."""
    values = {name: value for name in (*OF_ENDPOINTS, *OF_DELIVERIES) if (value := getattr(wanted, name)) is not None}
    conditions = [OF_DELIVERIES[name] for name in values if name in OF_DELIVERIES]
    if wanted.state:
        conditions.append(STATES[wanted.state])
    if wanted.before:
        values |= {"before_at": wanted.before[0], "before_id": wanted.before[1]}
        conditions.append("(d.created_at, d.delivery_id) < (:before_at, :before_id)")
    owned = [OF_ENDPOINTS[name] for name in values if name in OF_ENDPOINTS]
    if owned or wanted.state in ("due", "parked", "skipped"):
        conditions.append("d.endpoint_id = e.endpoint_id")
        sql = NEWEST_OF_EACH.format(of_deliveries=_all(conditions), of_endpoints=_all(owned))
    else:
        sql = NEWEST.format(of_deliveries=_all(conditions))
    return sql, {**values, "limit": wanted.limit}


def _all(conditions: list[str]) -> str:
    return " AND ".join(conditions) or "true"


def replay(states: Iterable[DeliveryState]) -> str:
    """The statement. It names the states in full, as a page does."""
    return REPLAY.format(states=", ".join(f"'{one}'" for one in states))


def _json(view: Frozen | None) -> Any:
    return view.model_dump(mode="json") if view else None
