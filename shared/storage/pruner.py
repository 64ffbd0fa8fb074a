"""Forgets what is too old to come again, so that no table grows for ever."""

from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncEngine

KEEP_DAYS = 7  # longer than any redelivery, ladder or redrive; redrive refuses older messages
ROWS_MAX = 5_000  # in one statement, so that pruning never holds a commit up
EVERY_S = 60.0


class Pruner:
    def __init__(self, engine: AsyncEngine, inbox: Table) -> None:
        self.engine = engine
        self.prune = text(
            f"DELETE FROM {inbox.name} WHERE message_id IN (SELECT message_id FROM {inbox.name}"
            f" WHERE handled_at < now() - interval '{KEEP_DAYS} days' LIMIT {ROWS_MAX})"
        )

    async def once(self) -> int:
        """Returns how many rows went: statement after statement, for a busy minute brings more than one may take."""
        gone = 0
        while True:
            async with self.engine.begin() as connection:
                count = (await connection.execute(self.prune)).rowcount
            gone += count
            if count < ROWS_MAX:
                return gone
