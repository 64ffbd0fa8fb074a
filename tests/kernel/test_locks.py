"""Changes of one row follow each other; processes that want the same rows wait for each other and never deadlock."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
import pytest_asyncio

from shared.clock import new_id
from shared.storage.bulk import insert
from shared.storage.unit_of_work import UnitOfWork
from shared.storage.work import AlreadyHandled, Change, Load, Rows, Work
from tests.kernel import toy
from tests.kernel.replica import committer, replica
from tests.kernel.waiting import until
from tests.servers import Database

# Both hold on to what they have locked for a while before the next is asked for: an order that differs deadlocks for certain.
SLOW_ACCOUNT = Rows(f"SELECT *, pg_sleep(0.1) FROM ({toy.ACCOUNT.sql}) AS locked", rank=1)
SLOW_TICKET = Rows(
    "SELECT *, pg_sleep(0.1) FROM (SELECT id AS key, token FROM tickets WHERE id = ANY(cast(:keys AS uuid[])) ORDER BY id FOR UPDATE)"
    " AS locked",
    rank=2,
)
NATURAL = insert(toy.tickets, "id", "token", tail="ON CONFLICT DO NOTHING")


@pytest_asyncio.fixture
async def two(empty: Database) -> AsyncIterator[tuple[UnitOfWork, UnitOfWork]]:
    async with committer(empty.url) as one, committer(empty.url) as other:
        yield one, other


@pytest_asyncio.fixture
async def slow_inserts(empty: Database) -> AsyncIterator[None]:
    await empty.rows(
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.1); RETURN new; END'",
    )
    for table in ("inbox", "tickets"):
        await empty.rows(f"CREATE TRIGGER dawdle BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION dawdle()")
    yield
    await empty.rows("DROP FUNCTION dawdle CASCADE")


async def _opened(database: Database, count: int) -> list[UUID]:
    accounts = [new_id() for _ in range(count)]
    await database.rows("INSERT INTO accounts (id, balance) SELECT unnest(cast(:ids AS uuid[])), 0", ids=accounts)
    return accounts


def _increment(*accounts: UUID) -> Change:
    def change(work: Work) -> None:
        for account in accounts:
            row = work.row(toy.ACCOUNT, account)
            assert row is not None
            work.write(toy.BALANCE, id=account, balance=row.balance + 1)

    return change


def _loads(*accounts: UUID) -> list[Load]:
    return [Load(toy.ACCOUNT, account) for account in accounts]


async def test_three_hundred_increments_of_one_row_make_three_hundred(empty: Database, two: tuple[UnitOfWork, UnitOfWork]) -> None:
    (account,) = await _opened(empty, 1)
    await asyncio.gather(*(unit.apply(_increment(account), loads=_loads(account)) for unit in two * 150))
    assert await empty.value("SELECT balance FROM accounts WHERE id = :id", id=account) == 300


async def test_rows_that_overlap_in_every_order(empty: Database, two: tuple[UnitOfWork, UnitOfWork]) -> None:
    """Whole batches over the same twenty rows, one process forwards, the other backwards."""
    accounts = await _opened(empty, 20)
    pairs = [(accounts[one], accounts[(one + step) % 20]) for step in (1, 7, 13) for one in range(20)]
    changes = [two[0].apply(_increment(*pair), loads=_loads(*pair)) for pair in pairs]
    changes += [two[1].apply(_increment(*pair), loads=_loads(*pair)) for pair in ((b, a) for a, b in reversed(pairs))]
    await asyncio.gather(*changes)
    assert await empty.value("SELECT array_agg(DISTINCT balance) FROM accounts") == [12]


async def test_rows_of_two_tables_are_locked_by_rank(empty: Database, two: tuple[UnitOfWork, UnitOfWork]) -> None:
    (account,), key = await _opened(empty, 1), new_id()
    await empty.rows("INSERT INTO tickets (id, token) VALUES (:id, :id)", id=key)
    loads = [Load(SLOW_ACCOUNT, account), Load(SLOW_TICKET, key)]
    seen: list[object] = []

    def change(work: Work) -> None:
        seen.append((work.row(SLOW_ACCOUNT, account), work.row(SLOW_TICKET, key)))

    await asyncio.gather(two[0].apply(change, loads=loads), two[1].apply(change, loads=loads[::-1]))
    assert len(seen) == 2
    assert None not in seen


@pytest.mark.usefixtures("slow_inserts")
async def test_claims_of_two_tables_are_made_in_one_order(two: tuple[UnitOfWork, UnitOfWork]) -> None:
    one, other = two
    message, key = toy.deposit_of(), new_id()
    outcomes = await asyncio.gather(
        one.once(message, lambda work: None),
        one.win(toy.ticket(key, new_id())),
        other.win(toy.ticket(key, new_id())),
        other.once(message, lambda work: None),
        return_exceptions=True,
    )
    assert Counter(map(type, outcomes)) == {type(None): 2, AlreadyHandled: 2}


@pytest.mark.usefixtures("slow_inserts")
async def test_claims_of_one_table_are_made_in_one_order(two: tuple[UnitOfWork, UnitOfWork]) -> None:
    keys = [new_id() for _ in range(3)]
    claims = [(two[0], key) for key in keys] + [(two[1], key) for key in reversed(keys)]
    outcomes = await asyncio.gather(*(unit.win(toy.ticket(key, new_id())) for unit, key in claims), return_exceptions=True)
    assert Counter(map(type, outcomes)) == {type(None): 3, AlreadyHandled: 3}


@pytest.mark.usefixtures("slow_inserts")
async def test_rows_with_a_natural_key_are_written_in_one_order(empty: Database, two: tuple[UnitOfWork, UnitOfWork]) -> None:
    """The same facts, heard by two replicas in other orders."""
    keys = [new_id() for _ in range(3)]

    def change(key: UUID) -> Change:
        return lambda work: work.write(NATURAL, id=key, token=key)

    await asyncio.gather(*(two[0].apply(change(key)) for key in keys), *(two[1].apply(change(key)) for key in reversed(keys)))
    assert await empty.value("SELECT count(*) FROM tickets") == 3


def _appends(text: str, *accounts: UUID) -> Change:
    def change(work: Work) -> None:
        for account in accounts:
            row = work.row(toy.ACCOUNT, account)
            assert row is not None
            work.write(toy.NOTE, id=account, note=f"{row.note or ''}{text}")

    return change


async def test_changes_of_one_row_keep_their_order(empty: Database) -> None:
    """Also those that wait behind one that needs two rows, while changes of other rows overtake them."""
    busy, quiet, *others = await _opened(empty, 12)
    async with committer(empty.url, batch_max=5) as one:
        changes = []
        for letter in "abcdefghijkl":
            changes.append(one.apply(_appends(letter, busy), loads=_loads(busy)))
            if letter in "dh":
                changes.append(one.apply(_appends(letter.upper(), quiet, busy), loads=_loads(quiet, busy)))
            changes.append(one.apply(_appends(letter, quiet), loads=_loads(quiet)))
            changes += [one.apply(_appends(letter, other), loads=_loads(other)) for other in others]
        await asyncio.gather(*changes)
    notes = {row.id: row.note for row in await empty.rows("SELECT id, note FROM accounts")}
    assert notes[busy] == "abcdDefghHijkl"
    assert notes[quiet] == "abcDdefgHhijkl"
    assert {notes[other] for other in others} == {"abcdefghijkl"}


async def test_a_waiter_that_goes_away_takes_nobody_along(empty: Database) -> None:
    """One before its batch began, one while the database works on it: both change stand, and so does every other."""
    async with replica(empty.url) as one:
        messages = [toy.deposit_of() for _ in range(20)]

        def change(message: toy.Deposit) -> Change:
            return lambda work: toy.pay_in(message, work)

        tasks = [asyncio.ensure_future(one.unit_of_work.once(message, change(message))) for message in messages]
        await until(lambda: len(one.unit_of_work.pending) == 20)
        tasks[3].cancel()
        async with empty.engine.begin() as gate:
            await gate.exec_driver_sql("LOCK TABLE entries IN SHARE MODE")
            one.commit()
            await until(lambda: empty.waiting("paymesh-toy"))
            tasks[4].cancel()
            await until(lambda: tasks[4].done())
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes[3:5]] == [asyncio.CancelledError] * 2
        assert [*outcomes[:3], *outcomes[5:]] == [None] * 18
        await one.unit_of_work.apply(lambda work: None)
    assert {row.message_id for row in await empty.rows("SELECT message_id FROM entries")} == {one.message_id for one in messages}
    assert await empty.value("SELECT count(*) FROM inbox") == 20
