"""Whose fault an error of the database is decides whether a message waits, climbs the ladder or shares its neighbours' fate."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.clock import new_id
from shared.messaging.failure import reason_of
from shared.settings import Settings
from shared.storage import engine as engines
from shared.storage.blame import Blame, blame
from shared.storage.transaction import begin
from tests.kernel.proxy import wire_to
from tests.servers import Database


def _engine(url: str, **settings: Any) -> AsyncEngine:
    return engines.build(Settings(database_url=url, rabbitmq_url="", **settings), service="toy")


async def _error_of(act: Callable[[], Awaitable[Any]]) -> Exception:
    with pytest.raises(Exception) as caught:
        await act()
    return caught.value


async def _through_sqlalchemy(engine: AsyncEngine, *statements: str) -> None:
    async with engine.begin() as connection:
        for sql in statements:
            await connection.execute(text(sql))


async def _through_asyncpg(engine: AsyncEngine, *statements: str) -> None:
    async with begin(engine) as transaction:
        for sql in statements:
            await transaction.fetch(sql)


Door = Callable[..., Awaitable[None]]
doors = pytest.mark.parametrize("door", [_through_sqlalchemy, _through_asyncpg])


async def _asked(door: Door, url: str, *statements: str, **settings: Any) -> Exception:
    """What comes out where these statements go in: reads go one way, the kernel's own statements the other."""
    engine = _engine(url, **settings)
    try:
        return await _error_of(lambda: door(engine, *statements))
    finally:
        await engine.dispose()


AWAY = ["08000", "08003", "08006", "40001", "40P01", "53100", "53200", "53300", "55P03", "57P01", "57P02", "57P03", "3D000", "25006"]
ROW = ["22001", "22003", "22021", "22P02", "23502", "23503", "23505", "23514", "57014"]
OTHER = ["42601", "42703", "42P01", "42501", "XX000", "P0001"]


@pytest.mark.parametrize(
    ("sqlstate", "expected"),
    [*((code, Blame.AWAY) for code in AWAY), *((code, Blame.ROW) for code in ROW), *((code, Blame.OTHER) for code in OTHER)],
)
def test_sqlstates(sqlstate: str, expected: Blame) -> None:
    class Original(Exception):
        pass

    original = Original()
    original.sqlstate = sqlstate  # type: ignore[attr-defined]
    assert blame(DBAPIError("", {}, original)) is expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1/0", Blame.ROW),
        ("SELECT 'x'::uuid", Blame.ROW),
        ("SELECT pg_sleep(10)", Blame.ROW),
        ("INSERT INTO accounts (id, balance) VALUES (gen_random_uuid(), -1)", Blame.ROW),
        ("INSERT INTO accounts (id, balance) VALUES (gen_random_uuid(), NULL)", Blame.ROW),
        ("SELECT * FROM nowhere", Blame.OTHER),
        ("SELEKT", Blame.OTHER),
        ("SELECT pg_terminate_backend(pg_backend_pid())", Blame.AWAY),
        ("SET TRANSACTION READ ONLY; CREATE TABLE x()", Blame.AWAY),
    ],
)
@doors
async def test_what_the_server_says(database: Database, door: Door, sql: str, expected: Blame) -> None:
    error = await _asked(door, database.url, *sql.split("; "), statement_timeout_ms=100 if "sleep" in sql else 60_000)
    assert blame(error) is expected, error


@doors
async def test_a_lock_that_somebody_holds_passes(database: Database, door: Door) -> None:
    async with database.engine.begin() as gate:
        await gate.execute(text("LOCK TABLE accounts"))
        assert blame(await _asked(door, database.url, "SELECT * FROM accounts", lock_timeout_ms=50)) is Blame.AWAY


@doors
async def test_no_server_and_no_database_pass(database: Database, door: Door) -> None:
    nobody = make_url(database.url).set(port=1).render_as_string(hide_password=False)
    assert blame(await _asked(door, nobody, "SELECT 1")) is Blame.AWAY
    dropped = make_url(database.url).set(database=f"test_{new_id().hex}").render_as_string(hide_password=False)
    assert blame(await _asked(door, dropped, "SELECT 1")) is Blame.AWAY


async def test_a_cut_line_passes(database: Database) -> None:
    """For SQLAlchemy's readers; transactions of the kernel have tests of their own."""
    async with wire_to(database.url) as wire:
        engine = _engine(wire.url(database.url))

        async def act() -> None:
            async with engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
                wire.cut()
                await connection.execute(text("SELECT 1"))

        assert blame(await _error_of(act)) is Blame.AWAY
        await engine.dispose()


@doors
async def test_a_server_that_has_no_room_passes(database: Database, door: Door) -> None:
    """As while others start up: it answers, and says no."""
    name = make_url(database.url).database
    role = f"test_{new_id().hex}"
    await database.rows(f"CREATE ROLE {role} LOGIN PASSWORD 'demo' CONNECTION LIMIT 0")
    await database.rows(f"GRANT CONNECT ON DATABASE {name} TO {role}")
    try:
        refused = make_url(database.url).set(username=role, password="demo").render_as_string(hide_password=False)
        assert blame(await _asked(door, refused, "SELECT 1")) is Blame.AWAY
    finally:
        await database.rows(f"DROP OWNED BY {role}")
        await database.rows(f"DROP ROLE {role}")


@doors
async def test_a_pool_that_is_used_up_passes(database: Database, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other parts of the process hold every connection, as they do when the server hangs: no message's fault."""
    engine = _engine(database.url)
    monkeypatch.setattr(engine.pool, "_timeout", 0.01)
    held = [await engine.connect() for _ in range(engines.POOL_SIZE)]
    assert blame(await _error_of(lambda: door(engine, "SELECT 1"))) is Blame.AWAY
    for connection in held:
        await connection.close()
    await engine.dispose()


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO accounts (id, balance, note) VALUES (gen_random_uuid(), -1, 'Asha Rao')",
        "INSERT INTO accounts (id, balance, note) VALUES (gen_random_uuid(), NULL, 'Asha Rao')",
        "SELECT 'Asha Rao'::uuid",
        "SELECT cast('Asha Rao' AS integer)",
    ],
)
@doors
async def test_a_reason_quotes_no_row(database: Database, door: Door, sql: str) -> None:
    """It travels in a header and is shown to operators; whose money it was does not."""
    reason = reason_of(await _asked(door, database.url, sql))
    assert "Asha" not in reason
    assert len(reason) > 10


async def test_a_reason_quotes_no_argument(database: Database) -> None:
    """Not even one that never left the process."""
    engine = _engine(database.url)

    async def act() -> None:
        async with begin(engine) as transaction:
            await transaction.fetch("SELECT cast($1 AS integer[])", ["Asha Rao"])

    error = await _error_of(act)
    await engine.dispose()
    assert blame(error) is Blame.ROW
    assert "Asha" not in reason_of(error)


def test_a_reason_is_short_whatever_the_error_says() -> None:
    assert reason_of(ValueError("x" * 10_000 + "\nAsha Rao")) == f"ValueError: {'x' * 488}"
    assert reason_of(ValueError()) == "ValueError: "


async def test_an_error_in_a_log_carries_no_parameters(database: Database) -> None:
    """A batch's parameters are two hundred payments: too many for a line, and nobody's to read."""
    engine = _engine(database.url)

    async def act() -> None:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT 1/cast(:zero AS integer), cast(:name AS text)"), {"zero": 0, "name": "Asha Rao"})

    error = await _error_of(act)
    await engine.dispose()
    assert "division by zero" in str(error)
    assert "Asha" not in str(error)
