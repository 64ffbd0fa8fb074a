"""A connection that ends in a commit settles nothing: nobody knows, until the same claim decides on the next try."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from structlog.testing import capture_logs

from shared.clock import new_id
from shared.messaging import failure
from shared.storage import writer
from shared.storage.blame import Blame, blame
from shared.storage.unit_of_work import UnitOfWork
from shared.storage.work import AlreadyHandled, Work
from shared.storage.writer import Writer
from tests.kernel import toy
from tests.kernel.proxy import wire_to
from tests.kernel.queues import Queues, contracts
from tests.kernel.replica import committer, replica
from tests.kernel.waiting import until
from tests.servers import Database

GATE = 7_301


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failure, "AWAY_PAUSE_S", 0.05)


@pytest_asyncio.fixture
async def gated_commit(empty: Database) -> AsyncIterator[None]:
    """A transaction that wrote an entry stands still inside its COMMIT for as long as somebody holds the gate."""
    body = f"'BEGIN PERFORM pg_advisory_xact_lock_shared({GATE}); RETURN NULL; END'"
    await empty.rows(f"CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS {body}")
    await empty.rows(
        "CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON entries DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION gate()"
    )
    yield
    await empty.rows("DROP FUNCTION gate CASCADE")


async def _kill_what_waits(database: Database) -> None:
    (pid,) = await until(lambda: database.waiting("paymesh-toy"))
    assert await database.value("SELECT query FROM pg_stat_activity WHERE pid = :pid", pid=pid) == "COMMIT"
    assert await database.value("SELECT pg_terminate_backend(:pid)", pid=pid)


@pytest.mark.usefixtures("gated_commit")
async def test_a_session_that_is_ended_inside_its_commit_leaves_nothing(empty: Database) -> None:
    messages = [toy.deposit_of() for _ in range(10)]
    async with committer(empty.url) as one:

        async def all_of_them() -> list[BaseException | None]:
            changes = (one.once(message, lambda work, m=message: toy.pay_in(m, work)) for message in messages)  # type: ignore[misc]
            return await asyncio.gather(*changes, return_exceptions=True)

        async with empty.engine.begin() as gate:
            await gate.execute(text(f"SELECT pg_advisory_xact_lock({GATE})"))
            first = asyncio.ensure_future(all_of_them())
            await _kill_what_waits(empty)
            assert {blame(outcome) for outcome in await first if outcome} == {Blame.AWAY}
            assert len([outcome for outcome in await first if outcome]) == 10
        assert await empty.value("SELECT count(*) FROM inbox") == 0
        assert await all_of_them() == [None] * 10
    assert await empty.value("SELECT count(*) FROM entries") == 10


@pytest.mark.usefixtures("gated_commit")
async def test_a_consumer_whose_session_is_ended_does_it_once_and_asks_nobody(empty: Database, queues: Queues) -> None:
    inlet, messages = await queues.declare(), [toy.deposit_of() for _ in range(10)]
    async with replica(empty.url, queues.url) as one:
        async with empty.engine.begin() as gate:
            await gate.execute(text(f"SELECT pg_advisory_xact_lock({GATE})"))
            await one.start(toy.ledger(), [str(inlet.gateway)])
            await queues.put(inlet, messages)
            await _kill_what_waits(empty)
        with capture_logs() as said:
            await until(lambda: empty.value("SELECT count(*) = 10 FROM inbox"))
    assert {line["event"] for line in said} <= {"database_away"}, "an outage climbs no rung"
    assert {row.message_id for row in await empty.rows("SELECT message_id FROM entries")} == {one.message_id for one in messages}
    assert await empty.value("SELECT count(*) FROM entries") == 10
    assert await queues.take(inlet.queue) is None
    assert await queues.take(inlet.dead_queue) is None


async def test_a_commit_whose_answer_is_lost_was_made(empty: Database) -> None:
    message = toy.deposit_of()
    async with wire_to(empty.url) as wire, committer(wire.url(empty.url)) as one:
        await one.apply(lambda work: None)
        wire.lose_answer_to(b"COMMIT")
        with pytest.raises(Exception) as lost:
            await one.once(message, lambda work: toy.pay_in(message, work))
        assert wire.lost.is_set()
        assert blame(lost.value) is Blame.AWAY
        with pytest.raises(AlreadyHandled):
            await one.once(message, lambda work: toy.pay_in(message, work))
    assert await empty.value("SELECT count(*) FROM entries") == 1


async def test_a_winner_that_never_heard_so_wins_again(empty: Database) -> None:
    """And says the same thing under the same id; whoever else comes loses."""
    key, token, cause = new_id(), new_id(), toy.deposit_of()

    def change(work: Work) -> None:
        work.publish(toy.Deposited.caused_by(cause, account=cause.account, amount=1))

    async with wire_to(empty.url) as wire, committer(wire.url(empty.url)) as one, committer(empty.url) as other:
        await one.apply(lambda work: None)
        wire.lose_answer_to(b"COMMIT")
        with pytest.raises(Exception) as lost:
            await one.win(toy.ticket(key, token), change)
        assert wire.lost.is_set()
        assert blame(lost.value) is Blame.AWAY
        with pytest.raises(AlreadyHandled):
            await other.win(toy.ticket(key, new_id()), change)
        await one.win(toy.ticket(key, token), change)
    assert await empty.value("SELECT token FROM tickets WHERE id = :id", id=key) == token
    assert await empty.value("SELECT count(DISTINCT message_id) FROM outbox") == 1


async def test_a_consumer_that_lost_the_answer_acknowledges_and_its_words_are_said(
    empty: Database, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own relay was never told of the rows: they fall due, and a poll finds them."""
    monkeypatch.setattr(writer, "IN_HAND_S", 0.3)
    inlet, ears = await queues.declare(), await queues.declare(toy.ECHOES)
    messages = [toy.deposit_of(tell=str(ears.gateway)) for _ in range(10)]
    async with wire_to(empty.url) as wire, replica(wire.url(empty.url), queues.url) as one:
        await one.start(toy.ledger(), [str(inlet.gateway)])
        await one.unit_of_work.apply(lambda work: None)
        wire.lose_answer_to(b"COMMIT")
        await queues.put(inlet, messages)
        await asyncio.wait_for(wire.lost.wait(), 60)
        found = [contract for found in await queues.taken(ears.queue, 1) for contract in contracts(found, toy.Withdraw)]
        await until(lambda: empty.value("SELECT count(*) = 0 FROM outbox"))
    assert {echo.causation_id for echo in found} == {message.message_id for message in messages}
    assert await empty.value("SELECT count(*) FROM entries") == 10
    assert await queues.take(inlet.queue) is None
    assert await queues.take(inlet.dead_queue) is None


async def test_a_connection_that_falls_silent_holds_the_committer_up_for_its_timeout_only(empty: Database) -> None:
    message = toy.deposit_of()
    async with wire_to(empty.url) as wire:
        engine = create_async_engine(wire.url(empty.url), connect_args={"command_timeout": 3.0})
        one = UnitOfWork(engine, toy.inbox, Writer(toy.outbox))
        running = asyncio.ensure_future(one.run())
        await one.apply(lambda work: None)
        wire.silence()
        with pytest.raises(Exception) as lost:
            await one.once(message, lambda work: toy.pay_in(message, work))
        assert blame(lost.value) is Blame.AWAY
        await one.once(message, lambda work: toy.pay_in(message, work))
        assert not running.done()
        running.cancel()
        await engine.dispose()
    assert await empty.value("SELECT count(*) FROM entries") == 1
