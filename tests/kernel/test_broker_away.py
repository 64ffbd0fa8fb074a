"""Confirms get lost, connections break, the broker dies and comes back: everything said arrives, and is done once."""

import asyncio

from shared.storage.work import Work
from shared.topology import Inlet
from tests.kernel import toy
from tests.kernel.proxy import wire_to
from tests.kernel.queues import Queues, queues_at
from tests.kernel.replica import Replica, replica
from tests.kernel.waiting import until
from tests.servers import Database, Mortal


async def _say(one: Replica, inlet: Inlet, *orders: toy.Deposit) -> None:
    def change(work: Work) -> None:
        for order in orders:
            work.send(order, to=str(inlet.gateway))

    await one.unit_of_work.apply(change)


async def _all_done_once(database: Database, orders: list[toy.Deposit]) -> None:
    await until(lambda: database.value("SELECT count(*) >= :all FROM inbox", all=len(orders)))
    await until(lambda: database.value("SELECT count(*) = 0 FROM outbox"))
    done = [row.message_id for row in await database.rows("SELECT message_id FROM entries")]
    assert sorted(done) == sorted(order.message_id for order in orders)


async def _heard_out(queues: Queues, name: str) -> bool:
    return await queues.length(name) == 0


async def test_a_confirm_that_is_lost_is_said_again_and_heard_once(empty: Database, queues: Queues) -> None:
    inlet, order = await queues.declare(), toy.deposit_of()
    async with wire_to(queues.url) as wire, replica(empty.url, wire.url(queues.url)) as one:
        await one.start()
        wire.lose_answer_to(inlet.routing_keys[0].encode())
        await _say(one, inlet, order)
        await asyncio.wait_for(wire.lost.wait(), 60)

        async def twice() -> bool:
            return await queues.length(inlet.queue) == 2

        await until(twice)
        await until(lambda: empty.value("SELECT count(*) = 0 FROM outbox"))
    async with replica(empty.url, queues.url) as hearer:
        await hearer.start(toy.ledger(), [str(inlet.gateway)])
        await _all_done_once(empty, [order])
    assert await queues.take(inlet.queue) is None
    assert await queues.take(inlet.dead_queue) is None


async def test_connections_that_break_again_and_again(empty: Database, queues: Queues) -> None:
    """Both of them, in mid-flight: publishes without confirm, deliveries without acknowledgement."""
    inlet, orders = await queues.declare(), [toy.deposit_of() for _ in range(400)]
    async with wire_to(queues.url) as wire, replica(empty.url, wire.url(queues.url)) as one:
        await one.start(toy.ledger(), [str(inlet.gateway)])
        for start in range(0, 400, 100):
            await _say(one, inlet, *orders[start : start + 100])
            await until(lambda least=start: empty.value("SELECT count(*) > :least FROM entries", least=least))  # type: ignore[misc]
            wire.cut()
        await _all_done_once(empty, orders)
        await until(lambda: _heard_out(queues, inlet.queue))  # copies of what was said again may still be on their way
    assert await queues.take(inlet.queue) is None
    assert await queues.take(inlet.dead_queue) is None


async def test_the_broker_is_killed_and_comes_back(empty: Database, mortal_rabbitmq: Mortal) -> None:
    """What was in queues, in hand, in outboxes and said while it was away: all of it is done, once, by whoever was there before."""
    before, queued, away, after = ([toy.deposit_of() for _ in range(60)] for _ in range(4))
    async with queues_at(mortal_rabbitmq.url) as queues, replica(empty.url, mortal_rabbitmq.url) as one:
        inlet = await queues.declare()
        await one.start(toy.ledger(), [str(inlet.gateway)])
        await _say(one, inlet, *before)
        await until(lambda: empty.rows("SELECT 1 FROM entries"))
        async with empty.engine.begin() as gate:
            await gate.exec_driver_sql("LOCK TABLE entries IN SHARE MODE")
            await queues.put(inlet, queued[:30], queued[30:])
            await until(lambda: empty.waiting("paymesh-toy"))
            await mortal_rabbitmq.kill()
        try:
            await _say(one, inlet, *away)
            assert await empty.value("SELECT count(*) >= 60 FROM outbox")
        finally:
            await mortal_rabbitmq.start()
            await queues.reconnect()
        await _say(one, inlet, *after)
        await _all_done_once(empty, [*before, *queued, *away, *after])
        assert await queues.consumers(inlet.queue) == 1
        assert await queues.length(inlet.dead_queue) == 0


async def test_a_queue_that_was_deleted_and_declared_again_is_heard_again(empty: Database, queues: Queues) -> None:
    """By an operator's mistake and the next deploy; the service was never restarted."""
    inlet, orders = await queues.declare(), [toy.deposit_of() for _ in range(5)]
    async with replica(empty.url, queues.url) as one:
        await one.start(toy.ledger(), [str(inlet.gateway)])
        channel = await queues.channel()
        await channel.queue_delete(inlet.queue)
        await _say(one, inlet, *orders)
        await until(lambda: empty.value("SELECT count(*) = 5 FROM outbox WHERE refusals > 0"))
        await queues.declare_again(inlet)
        await _all_done_once(empty, orders)
