"""Where operators look and change: reads beside the payments' path, and changes that are audited in their own transaction."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

from sqlalchemy import Table, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.router import tables
from shared.contracts import Frozen

WINDOWS_MAX = 100  # of maintenance, of one gateway

GATEWAY = "SELECT * FROM gateways WHERE name = :name"
DECISIONS = (
    "SELECT decisions.*, routes.merchant_id FROM routes LEFT JOIN decisions USING (payment_id)"
    " WHERE payment_id = :payment_id ORDER BY number"
)
ROUTE = "SELECT merchant_id, attempts, skipped FROM routes WHERE payment_id = :payment_id"
EXPERIMENTS = "SELECT * FROM experiments ORDER BY created_at DESC, experiment_id LIMIT 1000"
EXPERIMENT = "SELECT * FROM experiments WHERE experiment_id = :experiment_id"
SEGMENTS = "SELECT * FROM bandits ORDER BY segment"
SEGMENT = "SELECT * FROM bandits WHERE segment = :segment"
RETRY_POLICY = "SELECT * FROM retry_policies WHERE merchant_id = :merchant_id"
AUDIT = "SELECT * FROM audit ORDER BY id DESC LIMIT :limit"
SHADOW = "SELECT policy, since FROM shadow WHERE id = 1"
SHADOW_PAIRS = (
    "SELECT made, shadow, count(*) AS decisions, sum(expected_made) AS expected_made, sum(expected_shadow) AS expected_shadow"
    " FROM shadow_decisions WHERE at >= :since AND policy = :policy GROUP BY made, shadow ORDER BY count(*) DESC, made, shadow"
)


Noted = Frozen | dict[str, Any] | None


class Asked(Protocol):
    """A question that changes something."""

    @property
    def actor(self) -> str: ...

    @property
    def reason(self) -> str: ...


class Change:
    """One transaction. What `note` is told is audited with it; without a note nothing has changed, and nobody is told."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self.noted: tuple[Any, Any] | None = None

    async def row(self, sql: str, **values: Any) -> dict[str, Any] | None:
        """Locked until the end where `sql` says FOR UPDATE."""
        found = (await self.connection.execute(text(sql), values)).mappings().first()
        return dict(found) if found else None

    async def rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in (await self.connection.execute(text(sql), values)).mappings()]

    async def save(self, table: Table, **row: Any) -> None:
        """Insert, or replace the columns given of the row with this key."""
        statement = insert(table).values(row)
        keys = [column.name for column in table.primary_key]
        columns = {name: statement.excluded[name] for name in row if name not in keys}
        await self.connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=columns))

    async def alone(self, table: Table) -> None:
        """Nobody else writes the table until the end: for rules over several of its rows."""
        await self.connection.execute(text(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE"))

    def note(self, before: Noted, after: Noted) -> None:
        self.noted = (_json(before), _json(after))


class Desk:
    """`announce(action)` is awaited after each change that was committed."""

    def __init__(self, engine: AsyncEngine, announce: Callable[[str], Awaitable[None]]) -> None:
        self.engine, self.announce = engine, announce

    async def rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        async with self.engine.connect() as connection:
            return await Change(connection).rows(sql, **values)

    @asynccontextmanager
    async def changing(self, asked: Asked, action: str, subject: str) -> AsyncIterator[Change]:
        """All of it or nothing, with a line in the audit."""
        async with self.engine.begin() as connection:
            change = Change(connection)
            yield change
            if change.noted:
                before, after = change.noted
                line = {"actor": asked.actor, "action": action, "subject": subject, "before": before, "after": after}
                await connection.execute(tables.audit.insert().values(**line, reason=asked.reason))
        if change.noted:
            await self.announce(action)


def _json(view: Noted) -> Any:
    return view.model_dump(mode="json") if isinstance(view, Frozen) else view
