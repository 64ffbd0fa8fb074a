"""Forgets what is too old to come again, so that no table grows for ever."""

from typing import Any

from sqlalchemy import Column, Table, TextClause, text
from sqlalchemy.ext.asyncio import AsyncEngine

KEEP_DAYS = 7  # longer than any redelivery, ladder or redrive; redrive refuses older messages
ROWS_MAX = 5_000  # in one statement, so that pruning never holds a commit up
EVERY_S = 60.0


class Pruner:
    """Of the inbox, and of whatever else it is told to `forget`."""

    def __init__(self, engine: AsyncEngine, inbox: Table) -> None:
        self.engine = engine
        self.prunes: list[TextClause] = []
        self.forget(inbox.c.handled_at, keep_days=KEEP_DAYS)

    def forget(self, at: Column[Any], *, keep_days: int) -> None:
        """The rows of a table whose time in the column `at` is longer ago. An index has to lead to them."""
        (key,) = at.table.primary_key.columns
        old = f"SELECT {key.name} FROM {at.table.name} WHERE {at.name} < now() - interval '{keep_days} days' LIMIT {ROWS_MAX}"
        self.prunes.append(text(f"DELETE FROM {at.table.name} WHERE {key.name} IN ({old})"))

    async def once(self) -> int:
        """Returns how many rows went: statement after statement, for a busy minute brings more than one may take."""
        return sum([await self._all(prune) for prune in self.prunes])

    async def _all(self, prune: TextClause) -> int:
        gone = 0
        while True:
            async with self.engine.begin() as connection:
                count = (await connection.execute(prune)).rowcount
            gone += count
            if count < ROWS_MAX:
                return gone
