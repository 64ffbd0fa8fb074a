"""Forgets what is too old to come again, so that no table grows for ever."""

from typing import Any

from sqlalchemy import Column, Table, TextClause, text
from sqlalchemy.ext.asyncio import AsyncEngine

KEEP_DAYS = 7  # longer than any redelivery, ladder or redrive; redrive refuses older messages
ROWS_MAX = 5_000  # in one statement, so that pruning never holds a commit up
EVERY_S = 60.0


class Pruner:
    """Of the inbox, and of whatever else it is told to `forget`.

    A BRIN index would lead to old rows only until their pages are used again: what it says of a page is never taken back.
    """

    def __init__(self, engine: AsyncEngine, inbox: Table) -> None:
        self.engine = engine
        # No message is handled before its id's time. One with an old id may be handled late (an authorisation that expires after a
        # week): such a row is passed by until its own time has come.
        more = f"message_id < {id_before(KEEP_DAYS)} AND"
        self.prunes = [oldest(inbox.c.handled_at, keep_days=KEEP_DAYS, more=more, order="message_id")]

    def forget(self, at: Column[Any], *, keep_days: int) -> None:
        """The rows of a table whose time in the column `at` is longer ago. An index has to lead to them."""
        self.prunes.append(oldest(at, keep_days=keep_days, order=at.name))

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


def id_before(days: int) -> str:
    """SQL for an id below all that were made since: they begin with their time in ms (`shared.ids.derived`), so the oldest rows of a
    table are where its primary key begins."""
    time_ms = f"cast(extract(epoch FROM now() - interval '{days} days') * 1000 AS bigint)"
    return f"cast(lpad(to_hex({time_ms}), 12, '0') || repeat('0', 20) AS uuid)"


def oldest(at: Column[Any], *, keep_days: int, order: str, more: str = "") -> TextClause:
    """Deletes the first of the rows that are too old."""
    (key,) = at.table.primary_key.columns
    old = f"{more} {at.name} < now() - interval '{keep_days} days' ORDER BY {order} LIMIT {ROWS_MAX}"
    return text(f"DELETE FROM {at.table.name} WHERE {key.name} IN (SELECT {key.name} FROM {at.table.name} WHERE {old})")
