"""A change that fails is tried later, a few times, and then lies with the dead letters and its reason; its neighbours never wait."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from shared import topology
from shared.messaging.failure import REASON_MAX
from tests.kernel import toy
from tests.kernel.queues import Queues, contracts, rung_and_reason
from tests.kernel.replica import replica
from tests.kernel.waiting import until
from tests.servers import Database

RUNGS_S = (0.2, 0.4, 0.6)


@pytest.fixture(autouse=True)
def short_rungs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topology, "DELAY_LADDER_S", RUNGS_S)


async def _applied(database: Database) -> set[object]:
    return {row.message_id for row in await database.rows("SELECT message_id FROM entries")}


async def test_what_fails_twice_is_done_on_the_third_try(empty: Database, queues: Queues) -> None:
    inlet, message = await queues.declare(), toy.deposit_of(trouble="raises", until_try=3)
    async with replica(empty.url, queues.url) as one:
        await one.start(toy.ledger(), [str(inlet.gateway)])
        await queues.put(inlet, [message])
        await until(lambda: _applied(empty))
        await until(lambda: empty.value("SELECT count(*) = 0 FROM outbox"))
    first, second, third = one.troubles.at[message.message_id]
    assert second - first >= timedelta(seconds=RUNGS_S[0])
    assert third - second >= timedelta(seconds=RUNGS_S[1])
    assert await empty.value("SELECT count(*) FROM entries") == 1
    assert await queues.take(inlet.queue) is None
    assert await queues.take(inlet.dead_queue) is None


async def test_what_always_fails_is_dead_after_the_last_rung(empty: Database, queues: Queues) -> None:
    inlet, message = await queues.declare(), toy.deposit_of(trouble="raises")
    async with replica(empty.url, queues.url) as one:
        await one.start(toy.ledger(), [str(inlet.gateway)])
        with capture_logs() as said:
            await queues.put(inlet, [message])
            (dead,) = await queues.taken(inlet.dead_queue, 1)
    assert one.troubles.tries[message.message_id] == 1 + len(RUNGS_S)
    assert contracts(dead, toy.Deposit) == [message]
    assert rung_and_reason(dead) == (len(RUNGS_S), f"ValueError: try {1 + len(RUNGS_S)}")
    assert [line["event"] for line in said if line.get("message_id") == str(message.message_id)] == ["tried_later"] * 3 + ["dead_lettered"]
    assert await _applied(empty) == set()
    assert await empty.value("SELECT count(*) FROM inbox") == 0
    await until(lambda: empty.value("SELECT count(*) = 0 FROM outbox"))


async def test_a_rung_waits_in_the_outbox_with_its_reason(empty: Database, queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    """No queue of its own, no message held: a row that is due later, addressed straight to the queue it came from."""
    monkeypatch.setattr(topology, "DELAY_LADDER_S", (30.0, 90.0))
    inlet, message = await queues.declare(), toy.deposit_of(trouble="raises")
    async with replica(empty.url, queues.url) as one:
        await one.start(toy.ledger(), [str(inlet.gateway)])
        await queues.put(inlet, [message], rung=1)
        await until(lambda: empty.rows("SELECT 1 FROM outbox"))
        assert await queues.length(inlet.queue) == 0
    columns = "exchange, routing_key, kind, rung, reason, extract(epoch FROM due_at - now())::float AS due_in_s"
    (row,) = await empty.rows(f"SELECT {columns} FROM outbox WHERE message_id = :id", id=message.message_id)
    assert (row.exchange, row.routing_key, row.kind) == (topology.DEFAULT, inlet.queue, toy.Deposit.kind_of())
    assert (row.rung, row.reason) == (2, "ValueError: try 1")
    assert 60 < row.due_in_s <= 90
    assert await queues.take(inlet.queue) is None, "the envelope was not acknowledged"


@pytest.mark.parametrize("rung", [0, 1])
async def test_permanent_is_dead_at_once(empty: Database, queues: Queues, rung: int) -> None:
    inlet, message = await queues.declare(), toy.deposit_of(trouble="permanent")
    async with replica(empty.url, queues.url) as one:
        await one.start(toy.ledger(), [str(inlet.gateway)])
        await queues.put(inlet, [message], rung=rung)
        (dead,) = await queues.taken(inlet.dead_queue, 1)
    assert one.troubles.tries[message.message_id] == 1
    assert rung_and_reason(dead) == (rung, "Permanent: no such merchant")


async def test_a_rung_beyond_the_ladder_is_the_last_try(empty: Database, queues: Queues) -> None:
    """As after a deploy that made the ladder shorter."""
    inlet, good, bad = await queues.declare(), toy.deposit_of(), toy.deposit_of(trouble="raises")
    async with replica(empty.url, queues.url) as one:
        await one.start(toy.ledger(), [str(inlet.gateway)])
        await queues.put(inlet, [good, bad], rung=99)
        (dead,) = await queues.taken(inlet.dead_queue, 1)
    assert contracts(dead, toy.Deposit) == [bad]
    assert await _applied(empty) == {good.message_id}


async def test_each_of_an_envelope_has_its_own_fate(empty: Database, queues: Queues) -> None:
    """Done, done later, dead after the ladder, dead at once, refused by the database: and every one that was well is done at once."""
    inlet = await queues.declare()
    fine = [toy.deposit_of() for _ in range(20)]
    later, never = toy.deposit_of(trouble="raises", until_try=3), toy.deposit_of(trouble="permanent")
    poor = toy.deposit_of(-1)
    async with replica(empty.url, queues.url) as one:
        await one.start(toy.ledger(), [str(inlet.gateway)])
        with capture_logs() as said:
            await queues.put(inlet, [*fine[:7], later, *fine[7:12], never, poor, *fine[12:]])
            dead = await queues.taken(inlet.dead_queue, 2)
            await until(lambda: empty.value("SELECT count(*) = 0 FROM outbox"))
    assert await _applied(empty) == {one.message_id for one in [*fine, later]}
    assert {line["message_id"] for line in said if "message_id" in line} == {str(one.message_id) for one in (later, never, poor)}
    assert [contracts(found, toy.Deposit) for found in dead] == [[never], [poor]]
    rung, reason = rung_and_reason(dead[1])
    assert rung == len(RUNGS_S)
    assert "accounts_not_in_debt_check" in reason
    assert await queues.take(inlet.queue) is None


async def test_a_reason_that_the_database_cannot_hold_costs_no_neighbour(empty: Database, queues: Queues) -> None:
    """An error may quote anything a client sent."""
    inlet, bad, good = await queues.declare(), toy.deposit_of(trouble="nul"), [toy.deposit_of() for _ in range(5)]
    async with replica(empty.url, queues.url) as one:
        await one.start(toy.ledger(), [str(inlet.gateway)])
        await queues.put(inlet, [*good[:2], bad, *good[2:]])
        (dead,) = await queues.taken(inlet.dead_queue, 1)
    assert contracts(dead, toy.Deposit) == [bad]
    rung, reason = rung_and_reason(dead)
    assert rung == len(RUNGS_S)
    assert reason.startswith("ValueError: the client's name is ")
    assert len(reason) <= REASON_MAX
    assert await _applied(empty) == {one.message_id for one in good}
