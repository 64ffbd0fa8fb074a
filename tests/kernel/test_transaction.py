"""One transaction on a pooled connection: it commits, or nothing of it stays, and the next user of the connection never knows."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.clock import new_id
from shared.settings import Settings
from shared.storage import engine as engines
from shared.storage.blame import Blame, blame
from shared.storage.transaction import Transaction, begin, positional
from tests.kernel.proxy import wire_to
from tests.kernel.waiting import until
from tests.servers import Database

OPEN = "INSERT INTO accounts (id, balance) VALUES ($1, $2)"
IDLE = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'paymesh-toy' AND state = 'idle'"
SLEEPING = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"


@pytest_asyncio.fixture
async def engine(empty: Database) -> AsyncIterator[AsyncEngine]:
    found = engines.build(Settings(database_url=empty.url, rabbitmq_url=""), service="toy")
    yield found
    await found.dispose()


async def _accounts(database: Database) -> int:
    return int(await database.value("SELECT count(*) FROM accounts"))


async def test_the_end_of_the_block_commits(empty: Database, engine: AsyncEngine) -> None:
    async with begin(engine) as transaction:
        await transaction.fetch(OPEN, new_id(), 1)
        assert await _accounts(empty) == 0
    assert await _accounts(empty) == 1


async def test_a_commit_of_ones_own_is_the_end(empty: Database, engine: AsyncEngine) -> None:
    async with begin(engine) as transaction:
        await transaction.fetch(OPEN, new_id(), 1)
        await transaction.commit()
        assert await _accounts(empty) == 1
    async with begin(engine) as transaction:
        await transaction.fetch(OPEN, new_id(), 1)
        await transaction.rollback()
    assert await _accounts(empty) == 1


async def test_a_block_that_raises_leaves_nothing_and_a_clean_connection(empty: Database, engine: AsyncEngine) -> None:

    async def raises() -> None:
        async with begin(engine) as transaction:
            await transaction.fetch(OPEN, new_id(), 1)
            raise ValueError("a bug")

    async def is_refused() -> None:
        async with begin(engine) as transaction:
            await transaction.fetch(OPEN, new_id(), 1)
            await transaction.fetch(OPEN, new_id(), -1)

    with pytest.raises(ValueError, match="a bug"):
        await raises()
    with pytest.raises(IntegrityError):
        await is_refused()
    assert await _accounts(empty) == 0
    assert await empty.value(IDLE) == 1, "no transaction is left open, and the connection was used again"
    async with begin(engine) as transaction:
        await transaction.fetch(OPEN, new_id(), 1)
    assert await _accounts(empty) == 1


async def test_a_block_that_is_cancelled_gives_its_connection_up(empty: Database, engine: AsyncEngine) -> None:
    """Nobody can know what the server does with it still."""

    async def act() -> None:
        async with begin(engine) as transaction:
            await transaction.fetch(OPEN, new_id(), 1)
            await transaction.fetch("SELECT pg_sleep(30)")

    for _ in range(engines.POOL_SIZE + 1):
        task = asyncio.ensure_future(act())
        await until(lambda: empty.waiting("paymesh-toy", "Timeout"))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await empty.rows(f"SELECT pg_terminate_backend(pid) {SLEEPING}")
    async with begin(engine) as transaction:
        await transaction.fetch(OPEN, new_id(), 1)
    assert await _accounts(empty) == 1


async def test_a_savepoint_undoes_its_block_only(empty: Database, engine: AsyncEngine) -> None:
    kept = [new_id(), new_id()]

    async def is_refused(transaction: Transaction) -> None:
        async with transaction.savepoint():
            await transaction.fetch(OPEN, new_id(), 1)
            await transaction.fetch(OPEN, new_id(), -1)

    async with begin(engine) as transaction:
        await transaction.fetch(OPEN, kept[0], 1)
        for _ in range(2):
            with pytest.raises(IntegrityError):
                await is_refused(transaction)
        async with transaction.savepoint():
            await transaction.fetch(OPEN, kept[1], 1)
    assert {row.id for row in await empty.rows("SELECT id FROM accounts")} == set(kept)


async def test_columns_are_attributes(engine: AsyncEngine) -> None:
    async with begin(engine) as transaction:
        (row,) = await transaction.fetch("SELECT 1 AS key, NULL AS nothing")
    assert (row.key, row.nothing, row["key"], row[0]) == (1, None, 1, 1)
    assert not hasattr(row, "missing")


async def test_a_line_that_is_cut_is_nobodys_fault_and_the_next_is_new(empty: Database) -> None:
    async with wire_to(empty.url) as wire:
        engine = engines.build(Settings(database_url=wire.url(empty.url), rabbitmq_url=""), service="toy")

        async def is_cut() -> None:
            async with begin(engine) as transaction:
                await transaction.fetch(OPEN, new_id(), 1)
                wire.cut()
                await transaction.fetch(OPEN, new_id(), 1)

        with pytest.raises(DBAPIError) as lost:
            await is_cut()
        assert blame(lost.value) is Blame.AWAY
        async with begin(engine) as transaction:
            await transaction.fetch(OPEN, new_id(), 1)
        await engine.dispose()
    assert await _accounts(empty) == 1


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        ConnectionResetError(104, "Connection reset by peer"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_however_the_client_says_that_a_line_was_lost(error: Exception) -> None:
    class Lost:
        async def fetch(self, *_: Any, **__: Any) -> None:
            raise error

        execute = fetch

        def is_closed(self) -> bool:
            return True

    transaction = Transaction(Lost())  # type: ignore[arg-type]
    acts: list[Callable[[], Awaitable[Any]]] = [lambda: transaction.fetch("SELECT 1"), transaction.commit]
    for act in acts:
        with pytest.raises(DBAPIError) as lost:
            await act()
        assert blame(lost.value) is Blame.AWAY


def test_names_become_numbers_and_casts_stay() -> None:
    sql = "SELECT :id, :id_of, x::text, make_interval(secs => :id) WHERE y = ANY(cast(:keys AS uuid[]))"
    assert positional(sql, "keys", "id", "id_of") == "SELECT $2, $3, x::text, make_interval(secs => $2) WHERE y = ANY(cast($1 AS uuid[]))"
