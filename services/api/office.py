"""Where operators change what is the edge's own: merchants, keys, operators. Each change and its line in the audit are one transaction."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Executable, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.api import tables
from shared.storage.bulk import insert
from shared.storage.work import Work

Row = dict[str, Any]
NOTE = insert(tables.audit, "actor", "action", "subject", "before", "after", "reason")
AUDIT = "SELECT at, actor, action, subject, before, after, reason FROM audit ORDER BY id DESC LIMIT :limit"


@dataclass(frozen=True, slots=True)
class By:
    """Who changes something, and why."""

    actor: str
    reason: str


class Change:
    """One transaction. What `note` is told is audited with it; without a note nothing has changed."""

    def __init__(self, connection: AsyncConnection, by: By) -> None:
        self.connection, self.by = connection, by

    async def row(self, statement: Executable | str, **values: Any) -> Row | None:
        """The first; locked until the end where the SQL says FOR UPDATE."""
        said = text(statement) if isinstance(statement, str) else statement
        found = (await self.connection.execute(said, values)).mappings().first()
        return dict(found) if found else None

    async def note(self, action: str, subject: str, *, before: Any = None, after: Any = None) -> None:
        """`before` and `after` as JSON has them, and never a secret."""
        line = {"actor": self.by.actor, "action": action, "subject": subject, "before": before, "after": after, "reason": self.by.reason}
        await self.connection.execute(tables.audit.insert().values(**line))


def note(work: Work, by: By, action: str, subject: str, *, before: Any = None, after: Any = None) -> None:
    """The same for a change that goes by a unit of work."""
    told = {name: None if value is None else orjson.dumps(value).decode() for name, value in (("before", before), ("after", after))}
    work.write(NOTE, actor=by.actor, action=action, subject=subject, reason=by.reason, **told)


class Office:
    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def rows(self, sql: str, **values: Any) -> list[Row]:
        async with self.engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(text(sql), values)).mappings()]

    @asynccontextmanager
    async def changing(self, by: By) -> AsyncIterator[Change]:
        async with self.engine.begin() as connection:
            yield Change(connection, by)

    async def audit(self, limit: int) -> list[Row]:
        """Newest first."""
        return await self.rows(AUDIT, limit=limit)
