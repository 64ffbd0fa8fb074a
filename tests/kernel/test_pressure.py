"""A slow database makes consumers wait and the broker keep the rest; nothing in the process grows."""

import asyncio

from sqlalchemy import text

from shared.messaging.handlers import Hears
from shared.storage.unit_of_work import UnitOfWork
from shared.topology import COMMANDS, Inlet
from tests.kernel import toy
from tests.kernel.queues import Queues
from tests.kernel.replica import committer, replica
from tests.kernel.waiting import until
from tests.servers import Database

PENDING_MAX = 5
PREFETCH = 4
NARROW = Inlet(queue="toy.narrow", exchange=COMMANDS, prefetch=PREFETCH, hears=(toy.Deposit,), gateway="*")


async def test_pending_changes_never_exceed_their_bound(empty: Database) -> None:
    """Thirty want in while the database stands still: five are in, batch and all, and the edge is told to say no."""
    messages = [toy.deposit_of() for _ in range(30)]
    seen: list[int] = []
    async with committer(empty.url, pending_max=PENDING_MAX, batch_max=2) as one:
        assert not one.overloaded()
        taken = one._next_batch

        def counted() -> list[object]:
            seen.append(len(one.pending))
            return taken()  # type: ignore[return-value]

        one._next_batch = counted  # type: ignore[method-assign, assignment]
        async with empty.engine.begin() as gate:
            await gate.execute(text("LOCK TABLE inbox IN SHARE MODE"))
            waiting = [asyncio.ensure_future(one.once(message, lambda work: None)) for message in messages]
            await until(lambda: empty.waiting("paymesh-toy"))
            await until(lambda: one.overloaded())
            assert len(one.pending) <= PENDING_MAX
            assert not any(task.done() for task in waiting)
        await asyncio.gather(*waiting)
        assert not one.overloaded()
        assert one.pending == []
    assert max(seen) == PENDING_MAX
    assert await empty.value("SELECT count(*) FROM inbox") == 30


async def test_who_gives_up_waiting_gives_its_place_back(empty: Database) -> None:
    async with committer(empty.url, pending_max=1) as one:
        async with empty.engine.begin() as gate:
            await gate.execute(text("LOCK TABLE inbox IN SHARE MODE"))
            waiting = [asyncio.ensure_future(one.once(toy.deposit_of(), lambda work: None)) for _ in range(3)]
            await until(lambda: empty.waiting("paymesh-toy"))
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            assert not one.overloaded()
        await one.once(toy.deposit_of(), lambda work: None)


async def test_the_broker_keeps_what_the_database_cannot_take(empty: Database, queues: Queues) -> None:
    """Prefetch envelopes are in hand, each waiting for slots; the others stay in the queue until the database moves again."""
    inlet = await queues.declare(NARROW)
    messages = [toy.deposit_of() for _ in range(60)]
    sent = [messages[start : start + 3] for start in range(0, 60, 3)]
    async with replica(empty.url, queues.url, pending_max=PENDING_MAX) as one:
        async with empty.engine.begin() as gate:
            await gate.execute(text("LOCK TABLE inbox IN SHARE MODE"))
            await queues.put(inlet, *sent)
            await one.start(toy.ledger(NARROW), [str(inlet.gateway)])
            await until(lambda: empty.waiting("paymesh-toy"))
            await until(lambda: one.unit_of_work.overloaded())

            async def held() -> bool:
                return await queues.length(inlet.queue) == len(sent) - PREFETCH

            await until(held)
            assert len(one.unit_of_work.pending) <= PENDING_MAX
        await until(lambda: empty.value("SELECT count(*) = 60 FROM entries"))
    assert await queues.take(inlet.queue) is None
    assert await queues.take(inlet.dead_queue) is None


async def test_one_slow_queue_holds_up_no_other(empty: Database, queues: Queues) -> None:
    """All that the slow queue may have in hand waits for its gateway; the other queue of the same process flows."""
    slow, quick = await queues.declare(NARROW), await queues.declare(NARROW)
    answered, waiting, hears = asyncio.Event(), [], Hears()

    @hears(NARROW)
    async def act(message: toy.Deposit, unit_of_work: UnitOfWork) -> None:
        if message.trouble:
            waiting.append(message)
            await answered.wait()
        await unit_of_work.once(message, lambda work: toy.pay_in(message, work))

    async with replica(empty.url, queues.url) as one:
        await one.start(hears, [str(slow.gateway), str(quick.gateway)])
        await queues.put(slow, *[[toy.deposit_of(trouble="slow")] for _ in range(PREFETCH * 2)])
        await until(lambda: len(waiting) == PREFETCH)
        await queues.put(quick, *[[toy.deposit_of()] for _ in range(PREFETCH * 5)])
        await until(lambda: empty.value("SELECT count(*) = :all FROM entries", all=PREFETCH * 5))
        assert len(waiting) == PREFETCH
        answered.set()
        await until(lambda: empty.value("SELECT count(*) = :all FROM entries", all=PREFETCH * 7))
