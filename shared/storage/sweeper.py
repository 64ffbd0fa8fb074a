"""Takes rows whose time has come and lets a plain function say what follows. This is how nothing waits for ever."""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.clock import utc_now
from shared.storage.blame import Blame, blame
from shared.storage.transaction import Record, begin, positional
from shared.storage.unit_of_work import Said
from shared.storage.work import Work
from shared.storage.writer import Writer

log = structlog.get_logger()
Sweep = Callable[[Record, Work], None]


class Sweeper:
    """`take` is an `UPDATE … WHERE … FOR UPDATE SKIP LOCKED LIMIT n … RETURNING` that moves `due_at` on, so any number may run.

    Taken rows, what the function writes and what it says are one transaction.
    """

    def __init__(
        self, engine: AsyncEngine, writer: Writer, *, take: str, sweep: Sweep, said: Said, every_s: float, **settings: Any
    ) -> None:
        self.engine, self.writer, self.sweep, self.said = engine, writer, sweep, said
        self.every_s, self.settings = every_s, tuple(settings.values())
        self.take = positional(take, *settings)

    async def run(self) -> None:
        while True:
            try:
                while await self.once():
                    pass
            except Exception as error:
                if blame(error) is not Blame.AWAY:
                    raise
                log.warning("database_away", task="sweeper")
            await asyncio.sleep(self.every_s)

    async def once(self) -> int:
        """One transaction; returns how many rows it took."""
        async with begin(self.engine) as transaction:
            rows = await transaction.fetch(self.take, *self.settings)
            work = Work(utc_now())
            for row in rows:
                self.sweep(row, work)
            await self.writer.write(transaction, [work])
            outgoing = await self.writer.speak(transaction, [work])
        if outgoing:
            self.said(outgoing)
        return len(rows)
