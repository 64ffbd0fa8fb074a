"""Outcomes as they came, minute windows folded from them, and the leader's lease."""

from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, SmallInteger, Table, Text, Uuid, func, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.metrics.domain.outcome import Outcome
from shared.contracts import GatewayHealth
from shared.storage.bulk import insert
from shared.storage.tables import inbox_table, new_metadata, outbox_table
from shared.storage.work import Work

WINDOW_MIN = 5

metadata = new_metadata()
inbox, outbox = inbox_table(metadata), outbox_table(metadata)
outcomes = Table(
    "outcomes",
    metadata,
    Column("attempt_id", Uuid, primary_key=True),
    Column("phase", SmallInteger, primary_key=True),
    Column("gateway", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("outcome_class", Text, nullable=False),
    Column("latency_ms", Integer),
    Column("heard_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("folded_at", DateTime(timezone=True)),
    Index("outcomes_unfolded", "heard_at", postgresql_where=text("folded_at IS NULL")),
    Index("outcomes_corrections", "attempt_id", postgresql_where=text("phase > 0")),
)
windows = Table(
    "windows",
    metadata,
    Column("minute", DateTime(timezone=True), primary_key=True),
    Column("gateway", Text, primary_key=True),
    Column("method", Text, primary_key=True),
    Column("outcome_class", Text, primary_key=True),
    Column("attempts", BigInteger, nullable=False),
)
leader = Table(
    "leader",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("holder", Uuid, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
)

# A repeat has the same natural key and changes nothing, whatever message it came in.
INSERT_OUTCOME = insert(outcomes, "attempt_id", "phase", "gateway", "method", "outcome_class", "latency_ms", tail="ON CONFLICT DO NOTHING")
LEAD = text(
    "INSERT INTO leader (id, holder, epoch, until) VALUES (1, :holder, 1, now() + interval '5 seconds')"
    " ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, until = excluded.until,"
    " epoch = leader.epoch + CASE WHEN leader.holder = excluded.holder THEN 0 ELSE 1 END"
    " WHERE leader.holder = excluded.holder OR leader.until < now() RETURNING epoch"
)
# A correction (phase 1) takes the first word (phase 0) back, if that one counted; a first word that comes after its correction
# has nothing to say. Rows are taken by `folded_at IS NULL`, never by a cursor on the id: a lower id may commit later.
FOLD = text(
    "WITH taken AS (UPDATE outcomes SET folded_at = now() WHERE (attempt_id, phase) IN (SELECT attempt_id, phase FROM outcomes"
    " WHERE folded_at IS NULL ORDER BY heard_at LIMIT 5000 FOR UPDATE SKIP LOCKED)"
    " RETURNING attempt_id, phase, gateway, method, outcome_class, heard_at),"
    " corrected AS (SELECT attempt_id FROM outcomes WHERE phase > 0 AND folded_at IS NOT NULL"
    " AND attempt_id = ANY(ARRAY(SELECT attempt_id FROM taken WHERE phase = 0))),"
    " counted AS (SELECT heard_at, gateway, method, outcome_class, 1 AS n FROM taken"
    " WHERE phase > 0 OR attempt_id NOT IN (SELECT attempt_id FROM corrected)"
    " UNION ALL SELECT heard_at, gateway, method, outcome_class, -1 FROM outcomes"
    " WHERE phase = 0 AND attempt_id = ANY(ARRAY(SELECT attempt_id FROM taken WHERE phase > 0))"
    " AND (folded_at IS NOT NULL OR attempt_id IN (SELECT attempt_id FROM taken WHERE phase = 0)))"
    " INSERT INTO windows (minute, gateway, method, outcome_class, attempts)"
    " SELECT date_trunc('minute', heard_at), gateway, method, outcome_class, sum(n) FROM counted GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
    " ON CONFLICT (minute, gateway, method, outcome_class) DO UPDATE SET attempts = windows.attempts + excluded.attempts"
)
HEALTH = text(
    "SELECT gateway, method,"
    " coalesce(sum(attempts) FILTER (WHERE outcome_class IN ('success', 'gateway_fault', 'unknown')), 0) AS attributable,"
    " coalesce(sum(attempts) FILTER (WHERE outcome_class = 'success'), 0) AS succeeded"
    f" FROM windows WHERE minute > now() - interval '{WINDOW_MIN} minutes' GROUP BY 1, 2 ORDER BY 1, 2"
)


def record(work: Work, outcome: Outcome) -> None:
    work.write(
        INSERT_OUTCOME,
        attempt_id=outcome.attempt_id,
        phase=outcome.phase,
        gateway=outcome.gateway,
        method=outcome.method,
        outcome_class=outcome.outcome_class,
        latency_ms=outcome.latency_ms,
    )


async def lead(engine: AsyncEngine, holder: UUID) -> int | None:
    """Our epoch while we hold the lease; None while another replica does."""
    async with engine.begin() as connection:
        epoch: int | None = (await connection.execute(LEAD, {"holder": holder})).scalar()
        return epoch


async def fold(connection: AsyncConnection) -> None:
    await connection.execute(FOLD)


async def health(connection: AsyncConnection) -> tuple[GatewayHealth, ...]:
    rows = (await connection.execute(HEALTH)).mappings().all()
    return tuple(GatewayHealth.model_validate(dict(row)) for row in rows)
