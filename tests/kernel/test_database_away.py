"""PostgreSQL away for longer than the whole ladder is nobody's fault: nothing climbs, nothing dies, and all goes on by itself."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from shared import topology
from shared.clock import monotonic_s
from shared.messaging import failure
from shared.storage import writer
from tests.kernel import toy
from tests.kernel.queues import Queues, contracts
from tests.kernel.replica import replica
from tests.kernel.waiting import until
from tests.servers import Database, Mortal, fresh_database

RUNGS_S = (0.1, 0.2, 0.3)
WITHIN_S = 60.0


@pytest_asyncio.fixture
async def doomed(mortal_postgres: Mortal) -> AsyncIterator[Database]:
    """A database on the server that dies."""
    async with fresh_database(mortal_postgres.url) as found:
        await found.create(toy.metadata)
        yield found


@pytest.mark.parametrize("ending", ["kill", "stop"])
async def test_postgres_is_away_for_longer_than_the_ladder(
    doomed: Database, mortal_postgres: Mortal, queues: Queues, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    """Killed, so that connections break; or stopped, so that every session is told so and new ones are refused."""
    monkeypatch.setattr(topology, "DELAY_LADDER_S", RUNGS_S)
    monkeypatch.setattr(failure, "AWAY_PAUSE_S", 0.05)
    monkeypatch.setattr(writer, "IN_HAND_S", 0.5)
    inlet, ears = await queues.declare(), await queues.declare(toy.ECHOES)
    messages = [toy.deposit_of(tell=str(ears.gateway)) for _ in range(400)]
    sent = [messages[start : start + 10] for start in range(0, 400, 10)]
    async with replica(doomed.url, queues.url) as one:
        await one.start(toy.ledger(), [str(inlet.gateway)])
        with capture_logs() as said:
            await queues.put(inlet, *sent[:15])
            await until(lambda: doomed.rows("SELECT 1 FROM entries"))
            await (mortal_postgres.kill() if ending == "kill" else mortal_postgres.stop())
            try:
                await queues.put(inlet, *sent[15:30])
                gone_at = monotonic_s()
                await until(lambda: monotonic_s() - gone_at > 2 * sum(RUNGS_S))
            finally:
                await mortal_postgres.start()
                await doomed.engine.dispose()  # the judge's own connections
            await queues.put(inlet, *sent[30:])
            await until(lambda: doomed.value("SELECT count(*) = 400 FROM inbox"), WITHIN_S)
        await until(lambda: doomed.value("SELECT count(*) = 0 FROM outbox"), WITHIN_S)
    assert {line["event"] for line in said} <= {"database_away"}, "somebody climbed a rung or died"
    done = [row.message_id for row in await doomed.rows("SELECT message_id FROM entries")]
    assert sorted(done) == sorted(message.message_id for message in messages)
    echoes = set()
    while found := await queues.take(ears.queue):
        echoes |= {echo.causation_id for echo in contracts(found, toy.Withdraw)}
    assert echoes == set(done)
    assert await queues.take(inlet.queue) is None
    assert await queues.take(inlet.dead_queue) is None


async def test_a_direct_change_is_told_that_the_database_is_away(doomed: Database, mortal_postgres: Mortal) -> None:
    """The edge does not wait: it answers 503 and its client asks again."""
    async with replica(doomed.url) as one:
        one.commit()
        await one.unit_of_work.apply(lambda work: None)
        await mortal_postgres.kill()
        try:
            outcomes = await asyncio.gather(*(one.unit_of_work.apply(lambda work: None) for _ in range(5)), return_exceptions=True)
        finally:
            await mortal_postgres.start()
        assert [failure.fate(outcome, 0) for outcome in outcomes if outcome] == [failure.Fate.AWAY] * 5
        await failure.patiently(lambda: one.unit_of_work.apply(lambda work: None))
