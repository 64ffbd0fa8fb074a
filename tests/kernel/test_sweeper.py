"""Rows whose time has come are taken once, whoever looks; and what is too old to come again is forgotten."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from shared.clock import new_id
from shared.storage import pruner
from shared.storage.pruner import Pruner
from shared.storage.sweeper import Sweeper
from shared.storage.work import Work
from tests.kernel import toy
from tests.kernel.replica import Replica, replica
from tests.kernel.waiting import until
from tests.servers import Database

TAKE = (
    "UPDATE accounts SET due_at = now() + make_interval(secs => cast(:again_s AS float8)) WHERE id IN (SELECT id FROM accounts"
    " WHERE due_at <= now() ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED) RETURNING id, balance"
)


async def _due(database: Database, count: int) -> list[UUID]:
    accounts = [new_id() for _ in range(count)]
    await database.rows("INSERT INTO accounts (id, balance, due_at) SELECT unnest(cast(:ids AS uuid[])), 1, now()", ids=accounts)
    return accounts


def _tell(row: Any, work: Work) -> None:
    work.write(toy.ENTER, message_id=row.id, account_id=row.id, amount=1)
    work.publish(toy.Deposited(correlation_id=row.id, account=row.id, amount=row.balance))


def _sweeper(one: Replica, sweep: Any = _tell, **settings: Any) -> Sweeper:
    given = {"again_s": 60.0, "most": 7, **settings}
    parts = one.parts
    return Sweeper(parts.engine, parts.writer, take=TAKE, sweep=sweep, said=parts.relay.offer, every_s=0.05, **given)


async def test_two_sweepers_take_each_row_once(empty: Database) -> None:
    accounts = await _due(empty, 100)
    async with replica(empty.url) as one, replica(empty.url) as other:
        running = [asyncio.ensure_future(_sweeper(replica).run()) for replica in (one, other)]
        await until(lambda: len(one.parts.relay.offered) + len(other.parts.relay.offered) >= 100)
        assert not any(task.done() for task in running)
        for task in running:
            task.cancel()
        assert len(one.parts.relay.offered) + len(other.parts.relay.offered) == 100
    swept = Counter(row.account_id for row in await empty.rows("SELECT account_id FROM entries"))
    assert swept == Counter(accounts)
    assert await empty.value("SELECT count(*) FROM outbox") == 100
    assert await empty.value("SELECT count(*) FROM accounts WHERE due_at > now()") == 100


async def test_sweepers_that_stand_at_the_same_rows_do_not_wait_for_each_other(empty: Database) -> None:
    await _due(empty, 10)
    async with replica(empty.url) as one:
        async with empty.engine.begin() as other:
            await other.exec_driver_sql("SELECT * FROM accounts ORDER BY due_at LIMIT 4 FOR UPDATE")
            assert await _sweeper(one, most=100).once() == 6
        assert await _sweeper(one, most=100).once() == 4


async def test_what_is_taken_comes_again_if_nobody_settles_it(empty: Database) -> None:
    """A lease: the row is due again when it runs out."""
    (account,) = await _due(empty, 1)
    async with replica(empty.url) as one:
        sweeper = _sweeper(one, again_s=0.1)
        assert await sweeper.once() == 1
        await until(sweeper.once)
    assert await empty.value("SELECT count(*) FROM entries WHERE account_id = :id", id=account) == 2


async def test_what_cannot_be_told_is_not_written_either(empty: Database) -> None:
    """The lease alone stands: the row comes again when that is over."""
    (account,) = await _due(empty, 1)
    await empty.rows("ALTER TABLE outbox ADD CONSTRAINT no_room CHECK (false)")
    try:
        async with replica(empty.url) as one:
            assert await _sweeper(one).once() == 1
            assert one.parts.relay.offered == []
    finally:
        await empty.rows("ALTER TABLE outbox DROP CONSTRAINT no_room")
    assert await empty.value("SELECT count(*) FROM entries") == 0
    assert await empty.value("SELECT due_at > now() FROM accounts WHERE id = :id", id=account)


def _stumbles(row: Any, work: Work) -> None:
    _tell(row, work)
    if row.balance == 13:
        raise ValueError("cannot make sense of it")


def _breaks(row: Any, work: Work) -> None:
    _tell(row, work)
    if row.balance == 13:
        work.write(toy.BALANCE, id=row.id, balance=-1)


@pytest.mark.parametrize("sweep", [_stumbles, _breaks])
async def test_a_row_that_cannot_be_swept_holds_no_other_up(empty: Database, sweep: Any) -> None:
    """Nor does it end the process, which would come back to the same row for ever; it is reported, and comes again when due."""
    accounts = await _due(empty, 20)
    await empty.rows("UPDATE accounts SET balance = 13 WHERE id = ANY(:ids)", ids=[accounts[5], accounts[11]])
    async with replica(empty.url) as one:
        with capture_logs() as said:
            running = asyncio.ensure_future(_sweeper(one, sweep).run())
            await until(lambda: empty.value("SELECT count(*) >= 18 FROM entries"))
            await until(lambda: len(said) >= 2 and len(one.parts.relay.offered) >= 18)
        assert not running.done()
        running.cancel()
        assert len(one.parts.relay.offered) == 18
    swept = {row.account_id for row in await empty.rows("SELECT account_id FROM entries")}
    assert swept == set(accounts) - {accounts[5], accounts[11]}
    assert [line["event"] for line in said] == ["not_swept"] * 2
    assert await empty.value("SELECT count(*) FROM outbox") == 18


async def test_the_database_away_ends_no_sweeper(empty: Database) -> None:
    await _due(empty, 3)
    async with replica(empty.url) as one:
        async with empty.engine.begin() as gate:
            await gate.exec_driver_sql("LOCK TABLE accounts")
            running = asyncio.ensure_future(_sweeper(one).run())
            (pid,) = await until(lambda: empty.waiting("paymesh-toy"))
            await empty.rows("SELECT pg_terminate_backend(:pid)", pid=pid)
        await until(lambda: empty.value("SELECT count(*) = 3 FROM entries"))
        assert not running.done()
        running.cancel()


async def test_the_inbox_forgets_what_is_too_old_and_nothing_else(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much there is: more comes in a minute than one statement takes."""
    monkeypatch.setattr(pruner, "ROWS_MAX", 10)
    old, young = "now() - interval '7 days 1 minute'", "now() - interval '6 days 23 hours'"
    for made, at, count in ((old, old, 35), (young, young, 4), (old, young, 1)):  # the last one was handled long after it was made
        time_ms = f"lpad(to_hex(cast(extract(epoch FROM {made}) * 1000 AS bigint)), 12, '0')"
        message_id = f"cast({time_ms} || substr(md5(random()::text), 13) AS uuid)"
        await empty.rows(f"INSERT INTO inbox (message_id, handled_at) SELECT {message_id}, {at} FROM generate_series(1, {count})")
    async with replica(empty.url) as one:
        prune = Pruner(one.parts.engine, toy.inbox)
        assert await prune.once() == 35
        assert await prune.once() == 0
    assert await empty.value(f"SELECT count(*) FROM inbox WHERE handled_at >= {young} - interval '1 minute'") == 5
    assert await empty.value("SELECT count(*) FROM inbox") == 5
