"""The path of a delivery: owed, taken when it is due, settled. What people look at and change is the desk's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.domain.health import Health, after_try
from services.notifier.domain.owed import Endpoint, Told, owner_of, payment_of
from services.notifier.domain.schedule import Answer, Delivered, Parked, Retry, Verdict
from services.notifier.tables import deliveries, delivery_attempts, endpoints, inbox, metadata, outbox
from shared.clock import utc_now
from shared.contracts import EndpointDisabled, EndpointFailing, PaymentEvent
from shared.ids import derived
from shared.storage.bulk import Bulk, insert, update
from shared.storage.work import Load, Rows, Work

__all__ = ["inbox", "metadata", "outbox"]

NOTHING_HELD: Mapping[str, int] = {}
UNHEARD_MAX_S = 10  # how long an ordered delivery waits for the event before it to be heard here

SECRETS = "to_jsonb(array_remove(ARRAY[secret_sealed, CASE WHEN previous_secret_until > now() THEN previous_secret_sealed END], NULL))"
ENDPOINTS = Rows(
    f"SELECT merchant_id AS key, jsonb_agg(jsonb_build_object('endpoint_id', endpoint_id, 'url', url, 'secrets_sealed', {SECRETS},"
    " 'events', events, 'enabled', enabled, 'ordered', ordered, 'failing', failing_since IS NOT NULL) ORDER BY endpoint_id) AS endpoints"
    " FROM endpoints WHERE merchant_id = ANY(cast(:keys AS text[])) AND deleted_at IS NULL"
    " GROUP BY merchant_id ORDER BY merchant_id",
    rank=1,
    exclusive=False,
)
HEALTH = Rows(
    "SELECT endpoint_id AS key, merchant_id, failing_since, failing_told_at, enabled FROM endpoints"
    " WHERE endpoint_id = ANY(cast(:keys AS text[])) ORDER BY endpoint_id",
    rank=2,
    exclusive=False,
)
OWE = insert(
    deliveries, "delivery_id", "event_id", "endpoint_id", "merchant_id", "payment_id", "type", "body", "state", "sequence",
    "follows_event_id", "due_at", tail="ON CONFLICT (delivery_id) DO NOTHING",
)  # fmt: skip
# What was skipped while it was under way, and arrived, has arrived; if it failed it stays skipped, one try later.
COUNTS = "d.state = 'due' OR v.state = 'delivered'"
SETTLE = Bulk(
    deliveries,
    ["delivery_id", "state", "reason", "tries", "due_at"],
    f"UPDATE deliveries d SET tries = greatest(d.tries, v.tries), state = CASE WHEN {COUNTS} THEN v.state ELSE d.state END,"
    f" reason = CASE WHEN {COUNTS} THEN v.reason ELSE d.reason END, due_at = CASE WHEN {COUNTS} THEN v.due_at ELSE d.due_at END"
    " FROM unnest(cast($1 AS uuid[]), cast($2 AS text[]), cast($3 AS text[]), cast($4 AS smallint[]), cast($5 AS timestamptz[]))"
    " AS v(delivery_id, state, reason, tries, due_at) WHERE d.delivery_id = v.delivery_id",
)
RELEASE = Bulk(
    deliveries,
    ["delivery_id"],
    "UPDATE deliveries SET due_at = now() FROM deliveries ended WHERE ended.delivery_id = ANY(cast($1 AS uuid[]))"
    " AND deliveries.payment_id = ended.payment_id AND deliveries.endpoint_id = ended.endpoint_id"
    " AND deliveries.state = 'due' AND deliveries.sequence > ended.sequence",
)
MARK = update(endpoints, "failing_since", "failing_told_at", key="endpoint_id")
DISABLE = update(endpoints, "enabled", "disabled_reason", key="endpoint_id", where="endpoints.enabled")
LOG = insert(delivery_attempts, "delivery_id", "number", "at", "status", "error", "latency_ms", "response", tail="ON CONFLICT DO NOTHING")
# Endpoints of which the least is in hand come first, so that none is served only when others have nothing due.
# An ordered delivery is blocked while an earlier one of its payment is due at the same endpoint, or the event before it is unheard: it is
# looked at again when that earlier one is tried next, or when RELEASE says so.
TAKE_DUE = text(
    "WITH due AS (SELECT d.delivery_id, CASE WHEN NOT e.enabled OR d.sequence IS NULL THEN NULL ELSE coalesce("
    "(SELECT greatest(max(b.due_at), now() + interval '1 s') FROM deliveries b WHERE b.payment_id = d.payment_id"
    " AND b.endpoint_id = d.endpoint_id AND b.state = 'due' AND b.sequence < d.sequence HAVING count(*) > 0),"
    f" CASE WHEN d.created_at > now() - interval '{UNHEARD_MAX_S} s' AND d.follows_event_id IS NOT NULL"
    " AND NOT EXISTS (SELECT FROM inbox WHERE message_id = d.follows_event_id) THEN now() + interval '0.2 s' END) END AS blocked_until"
    " FROM (SELECT endpoint_id, enabled, coalesce(held, 0) AS held FROM endpoints"
    " LEFT JOIN unnest(cast(:endpoints AS text[]), cast(:held AS int[])) AS h(endpoint_id, held) USING (endpoint_id)"
    " ORDER BY 3, random()) e CROSS JOIN LATERAL (SELECT * FROM deliveries WHERE endpoint_id = e.endpoint_id AND due_at <= now()"
    " ORDER BY due_at LIMIT greatest(0, :each - e.held) FOR UPDATE SKIP LOCKED) d LIMIT :most),"
    " taken AS (UPDATE deliveries d SET"
    " due_at = CASE WHEN e.enabled THEN coalesce(due.blocked_until, now() + make_interval(secs => :lease_s)) END,"
    " state = CASE WHEN e.enabled THEN d.state ELSE 'skipped' END, reason = CASE WHEN e.enabled THEN d.reason ELSE 'endpoint disabled' END"
    " FROM due, endpoints e WHERE e.endpoint_id = d.endpoint_id AND d.delivery_id = due.delivery_id"
    " RETURNING d.delivery_id, d.endpoint_id, d.body, d.tries, d.tries_before, d.sequence, due.blocked_until)"
    f" SELECT taken.delivery_id, taken.endpoint_id, endpoints.url, {SECRETS} AS secrets_sealed, taken.body, taken.tries,"
    " taken.tries_before, taken.sequence IS NOT NULL AS ordered, endpoints.failing_since IS NOT NULL AS failing"
    " FROM taken JOIN endpoints USING (endpoint_id) WHERE endpoints.enabled AND taken.blocked_until IS NULL"
)
OF_PAYMENT = text(
    "SELECT d.delivery_id, d.event_id, d.endpoint_id, d.type, d.state, d.reason, d.created_at, coalesce(jsonb_agg(jsonb_build_object("
    "'number', a.number, 'at', a.at, 'status', a.status, 'error', a.error, 'latency_ms', a.latency_ms) ORDER BY a.number)"
    " FILTER (WHERE a.number IS NOT NULL), '[]') AS tries FROM deliveries d LEFT JOIN delivery_attempts a USING (delivery_id)"
    " WHERE d.payment_id = :payment_id GROUP BY d.delivery_id ORDER BY d.created_at, d.delivery_id LIMIT 500"
)
# Ids begin with their event's time (`shared.ids.derived`), so the oldest are found by the primary key. Those that stay are passed by, so
# many to a statement, however many they are.
PRUNE = text(
    "WITH looked AS (SELECT delivery_id FROM deliveries WHERE delivery_id > :after AND delivery_id < :before"
    " ORDER BY delivery_id LIMIT :most),"
    " gone AS (DELETE FROM deliveries d USING looked WHERE d.delivery_id = looked.delivery_id AND d.created_at < :until"
    " AND d.state IN ('delivered', 'skipped') RETURNING d.delivery_id),"
    " tries AS (DELETE FROM delivery_attempts a USING gone WHERE a.delivery_id = gone.delivery_id)"
    " SELECT delivery_id, gone.delivery_id IS NOT NULL AS gone FROM looked LEFT JOIN gone USING (delivery_id) ORDER BY delivery_id"
)
PRUNE_EVERY_S = 3_600.0
PRUNED_MAX = 5_000  # looked at in one statement, so that pruning holds nothing up
SEED = text(
    "INSERT INTO endpoints (endpoint_id, merchant_id, url, secret_sealed, events)"
    " VALUES (:endpoint_id, :merchant_id, :url, :secret_sealed, cast(:events AS jsonb)) ON CONFLICT (endpoint_id) DO UPDATE SET"
    " url = excluded.url, secret_sealed = excluded.secret_sealed, enabled = true, disabled_reason = NULL, deleted_at = NULL,"
    " failing_since = NULL, failing_told_at = NULL,"
    " events = CASE WHEN :filtered THEN excluded.events ELSE endpoints.events END"
)


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery in this process's hands until its lease is over.

    `secrets_sealed`: the newest first, two during a rotation. `tries` numbers the tries in the log; the schedule counts those after
    `tries_before`. `failing`: its endpoint's last try failed.
    """

    delivery_id: UUID
    endpoint_id: str
    url: str
    secrets_sealed: tuple[str, ...]
    body: bytes
    tries: int
    tries_before: int = 0
    ordered: bool = False
    failing: bool = False


def endpoints_of(event: Told) -> Sequence[Load]:
    return [Load(ENDPOINTS, owner_of(event))]


def read_endpoints(work: Work, owner: str) -> list[Endpoint]:
    row = work.row(ENDPOINTS, owner)
    return [_endpoint(**one) for one in row.endpoints] if row else []


def owe(work: Work, event: Told, endpoint: Endpoint, *, delivery_id: UUID, event_name: str, body: bytes, lease_s: float) -> Due | None:
    """The delivery where it is to be sent at once: not to a disabled endpoint, not where it may have to wait for its turn, and not without
    a lease: then it is due in the table."""
    turn = event if endpoint.ordered and isinstance(event, PaymentEvent) else None
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
        sequence=turn.payment.sequence if turn else None,
        follows_event_id=turn.previous_event_id if turn else None,
        due_at=work.now + timedelta(seconds=0 if turn else lease_s) if endpoint.enabled else None,
    )
    if turn or not endpoint.enabled or not lease_s:
        return None
    return Due(delivery_id, endpoint.endpoint_id, endpoint.url, endpoint.secrets_sealed, body, 0, failing=endpoint.failing)


def settling(due: Due, verdict: Verdict) -> Sequence[Load]:
    """What `settle` reads: nothing where all is well."""
    return [] if isinstance(verdict, Delivered) and not due.failing else [Load(HEALTH, due.endpoint_id)]


def settle(work: Work, due: Due, verdict: Verdict, answer: Answer, *, at: datetime, latency_ms: int) -> None:
    """How a try ended, its line in the log, and what it says of its endpoint."""
    state = "delivered" if isinstance(verdict, Delivered) else "parked" if isinstance(verdict, Parked) else "due"
    due_at = verdict.due_at if isinstance(verdict, Retry) else None
    tries = due.tries + 1
    work.write(SETTLE, delivery_id=due.delivery_id, state=state, reason=verdict.reason, tries=tries, due_at=due_at)
    if due.ordered and due_at is None:
        work.write(RELEASE, delivery_id=due.delivery_id)
    line = {"status": answer.status, "error": answer.error, "latency_ms": latency_ms, "response": answer.body}
    work.write(LOG, delivery_id=due.delivery_id, number=tries, at=at, **line)
    _examine(work, due.endpoint_id, verdict)


def _examine(work: Work, endpoint_id: str, verdict: Verdict) -> None:
    """Written only where it changes, and said once: copies of what two tries say at a time have one id."""
    row = work.row(HEALTH, endpoint_id)
    if row is None:
        return
    health = Health(row.failing_since, row.failing_told_at is not None, row.enabled)
    judged = after_try(health, verdict, now=work.now)
    since = judged.health.failing_since
    if (since, judged.health.told) != (health.failing_since, health.told):
        told_at = (row.failing_told_at or work.now) if judged.health.told else None
        work.write(MARK, endpoint_id=endpoint_id, failing_since=since, failing_told_at=told_at)
    if not judged.health.enabled and row.enabled:
        work.write(DISABLE, endpoint_id=endpoint_id, enabled=False, disabled_reason=judged.reason)
    if judged.say and since:
        said = derived(UUID(int=int(since.timestamp() * 1000) << 80), f"{endpoint_id} {judged.say}")
        about = {"merchant_id": row.merchant_id, "endpoint_id": endpoint_id, "failing_since": since, "reason": judged.reason}
        if judged.say == "failing":
            work.publish(EndpointFailing(message_id=said, correlation_id=said, **about))
        else:
            work.publish(EndpointDisabled(message_id=said, correlation_id=said, **about))


async def take_due(
    engine: AsyncEngine, *, lease_s: float, most: int, each: int | None = None, held: Mapping[str, int] = NOTHING_HELD
) -> list[Due]:
    """The oldest of every endpoint, as many as make up `each` together with those that are `held` for it already."""
    rooms = {"each": most if each is None else each, "endpoints": list(held), "held": list(held.values())}
    async with engine.begin() as connection:
        rows = (await connection.execute(TAKE_DUE, {"lease_s": lease_s, "most": most, **rooms})).mappings().all()
    return [Due(**{**row, "secrets_sealed": tuple(row["secrets_sealed"])}) for row in rows]


async def deliveries_of(engine: AsyncEngine, payment_id: UUID) -> list[dict[str, Any]]:
    """What is owed for a payment and every try at it, the oldest first. Bodies are not read: they are the merchants'."""
    async with engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(OF_PAYMENT, {"payment_id": payment_id})).mappings()]


async def prune(engine: AsyncEngine, *, keep_days: int) -> int:
    """Returns how many deliveries went, with their tries: those that arrived or were skipped. What is due or parked stays, however old."""
    until = utc_now() - timedelta(days=keep_days)
    before, after, total = UUID(int=int(until.timestamp() * 1000) << 80), UUID(int=0), 0
    while True:
        async with engine.begin() as connection:
            bounds = {"until": until, "before": before, "after": after, "most": PRUNED_MAX}
            looked = (await connection.execute(PRUNE, bounds)).all()
        total += [one.gone for one in looked].count(True)
        if len(looked) < PRUNED_MAX:
            return total
        after = looked[-1].delivery_id


async def seed_endpoint(
    engine: AsyncEngine, *, endpoint_id: str, merchant_id: str, url: str, secret_sealed: str, events: Sequence[str] | None = None
) -> None:
    """`merchant_id` may be OPERATORS. `events` None: all, or what an endpoint that is there already has."""
    row = {"endpoint_id": endpoint_id, "merchant_id": merchant_id, "url": url, "secret_sealed": secret_sealed}
    async with engine.begin() as connection:
        await connection.execute(SEED, {**row, "events": orjson.dumps(events or ()).decode(), "filtered": events is not None})


def _endpoint(*, secrets_sealed: Sequence[str], events: Sequence[str], **rest: Any) -> Endpoint:
    return Endpoint(secrets_sealed=tuple(secrets_sealed), events=frozenset(events), **rest)
