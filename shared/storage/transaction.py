"""One transaction on a pooled connection, spoken to through asyncpg itself.

The hot statements of the kernel are few, fixed and bulk: SQLAlchemy's execution path would cost each about 130 µs of CPU more, twice
the statement's own. Everything else (tables, migrations, the edge's reads) goes through SQLAlchemy, and the pool is its.
"""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

# The last is how asyncpg says that a connection was lost between two steps of one statement.
CLOSING = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, asyncpg.InternalClientError)


class Record(asyncpg.Record):
    """A row whose columns are attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def positional(sql: str, *names: str) -> str:
    """`:name` as `$n`, in the order of `names`; casts (`::type`) are left alone."""
    for number, name in enumerate(names, 1):
        sql = re.sub(rf"(?<!:):{name}\b", f"${number}", sql)
    return sql


class Transaction:
    """Errors are SQLAlchemy's, so that there is one way to tell whose fault they are (`blame`); they carry no parameters."""

    __slots__ = ("ended", "raw")

    def __init__(self, raw: "asyncpg.Connection[Any]") -> None:
        self.raw, self.ended = raw, False

    async def fetch(self, sql: str, *arguments: Any) -> Sequence[Record]:
        try:
            return await self.raw.fetch(sql, *arguments, record_class=Record)
        except CLOSING as error:
            raise self._translated(error, sql) from error

    async def run(self, sql: str) -> None:
        try:
            await self.raw.execute(sql)
        except CLOSING as error:
            raise self._translated(error, sql) from error

    async def commit(self) -> None:
        self.ended = True
        await self.run("COMMIT")

    async def rollback(self) -> None:
        self.ended = True
        await self.run("ROLLBACK")

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """What the block did is undone when it raises, and the transaction goes on."""
        await self.run("SAVEPOINT block")
        try:
            yield
        except Exception:
            await self.run("ROLLBACK TO block")
            raise

    def _translated(self, error: BaseException, sql: str) -> DBAPIError:
        kind = IntegrityError if str(getattr(error, "sqlstate", "")).startswith("23") else DBAPIError
        return kind(sql, None, error, hide_parameters=True, connection_invalidated=self.raw.is_closed())


async def _rolled_back(transaction: Transaction) -> bool:
    try:
        await transaction.rollback()
    except Exception:
        return False
    return True


@asynccontextmanager
async def single(engine: AsyncEngine) -> AsyncIterator[Transaction]:
    """A connection on which every statement is a transaction of its own: one round trip instead of three."""
    async with engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None, "a connection of a pool is connected"  # noqa: S101
        try:
            yield Transaction(raw)
        except BaseException as error:
            if not isinstance(error, Exception):
                raw.terminate()
            raise
        finally:
            if raw.is_closed():
                await connection.invalidate()


@asynccontextmanager
async def begin(engine: AsyncEngine) -> AsyncIterator[Transaction]:
    """Commits at the end of the block unless it has ended itself; rolls back when the block raises."""
    async with engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None, "a connection of a pool is connected"  # noqa: S101
        transaction = Transaction(raw)
        try:
            await transaction.run("BEGIN")
            yield transaction
            if not transaction.ended:
                await transaction.commit()
        except BaseException as error:
            # Cancelled in the middle, or ended in a way nobody knows: nobody uses this connection again.
            if transaction.ended or not isinstance(error, Exception) or not await _rolled_back(transaction):
                raw.terminate()
            raise
        finally:
            if raw.is_closed():
                await connection.invalidate()
