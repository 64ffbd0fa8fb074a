"""Takes rows whose time has come and lets a plain function say what follows. This is how nothing waits for ever."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.clock import utc_now
from shared.storage.away import say_away
from shared.storage.blame import Blame, blame
from shared.storage.transaction import Record, Transaction, begin, positional
from shared.storage.unit_of_work import Said
from shared.storage.work import Outgoing, Work
from shared.storage.writer import Writer

log = structlog.get_logger()
Sweep = Callable[[Record, Work], None]


class Sweeper:
    """`take` is an `UPDATE … WHERE … FOR UPDATE SKIP LOCKED LIMIT n … RETURNING` that moves `due_at` on, so any number may run.

    Taken rows, what the function writes and what it says are one transaction. A row that cannot be swept is reported and comes
    again when its new `due_at` is over: ending the process for it would hold up all the others, and the next process too. So
    `take` only leases; what changes the row for good is written by `sweep`.
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
                say_away(error)
            await asyncio.sleep(self.every_s)

    async def once(self) -> int:
        """One transaction; returns how many rows it took."""
        async with begin(self.engine) as transaction:
            rows = await transaction.fetch(self.take, *self.settings)
            outgoing = await self._write(transaction, self._swept(rows)) if rows else ()
        if outgoing:
            self.said(outgoing)
        return len(rows)

    def _swept(self, rows: Sequence[Record]) -> list[tuple[Record, Work]]:
        now, swept = utc_now(), []
        for row in rows:
            work = Work(now)
            try:
                self.sweep(row, work)
            except Exception as error:
                _report(row, error)
            else:
                swept.append((row, work))
        return swept

    async def _write(self, transaction: Transaction, swept: Sequence[tuple[Record, Work]]) -> list[Outgoing]:
        """All at once; where the database refuses that, one by one."""
        works = [work for _, work in swept]
        try:
            async with transaction.savepoint():
                await self.writer.write(transaction, works)
                return list(await self.writer.speak(transaction, works))
        except Exception as error:
            if blame(error) is Blame.AWAY:
                raise
            if len(swept) == 1:
                _report(swept[0][0], error)
                return []
        return [one for alone in swept for one in await self._write(transaction, [alone])]


def _report(row: Record, error: Exception) -> None:
    log.error("not_swept", row=str(row[0]), error=type(error).__name__, exc_info=error)
