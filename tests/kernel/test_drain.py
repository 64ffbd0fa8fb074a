"""Told to stop, a service says what it has in hand; what a deadline cuts off is still in the outbox."""

import asyncio

from structlog.testing import capture_logs

from shared.runtime.life import _drain
from shared.storage.work import Work
from shared.topology import Inlet
from tests.kernel import toy
from tests.kernel.proxy import wire_to
from tests.kernel.queues import Queues, contracts
from tests.kernel.replica import Replica, replica
from tests.kernel.waiting import until
from tests.servers import Database


async def _say(one: Replica, inlet: Inlet, count: int) -> list[toy.Deposit]:
    orders = [toy.deposit_of() for _ in range(count)]

    def change(work: Work) -> None:
        for order in orders:
            work.send(order, to=str(inlet.gateway))

    await one.unit_of_work.apply(change)
    return orders


async def test_the_relay_is_run_dry(empty: Database, queues: Queues) -> None:
    """Also what handlers say in their last moment."""
    inlet, ears = await queues.declare(), await queues.declare(toy.ECHOES)
    messages = [toy.deposit_of(tell=str(ears.gateway)) for _ in range(40)]
    async with replica(empty.url, queues.url, stop_timeout_s=60.0) as one:
        await one.start(toy.ledger(), [str(inlet.gateway)])
        async with empty.engine.begin() as gate:
            await gate.exec_driver_sql("LOCK TABLE entries IN SHARE MODE")
            await queues.put(inlet, messages)
            await until(lambda: empty.waiting("paymesh-toy"))
            draining = asyncio.ensure_future(_drain(one.parts))
            await until(lambda: not any(subscriber.running for subscriber in one.parts.ears.subscribers))
            assert not draining.done()
        with capture_logs() as said:
            await draining
        assert said == []
        assert await empty.value("SELECT count(*) FROM entries") == 40
        assert await empty.value("SELECT count(*) FROM outbox") == 0
    echoes = [echo.causation_id for found in await queues.taken(ears.queue, 1) for echo in contracts(found, toy.Withdraw)]
    assert sorted(echoes, key=str) == sorted((message.message_id for message in messages), key=str)


async def test_a_deadline_cuts_it_off_and_nothing_is_lost(empty: Database, queues: Queues) -> None:
    inlet = await queues.declare()
    async with wire_to(queues.url) as wire, replica(empty.url, wire.url(queues.url), stop_timeout_s=0.3) as one:
        await one.start()
        await _say(one, inlet, 1)
        await until(lambda: one.parts.relay.at_rest.is_set())
        wire.hold()
        orders = await _say(one, inlet, 5)
        with capture_logs() as said:
            await _drain(one.parts)
        wire.release()
        assert [line["event"] for line in said] == ["stopped_before_dry"]
    left = {row.message_id for row in await empty.rows("SELECT message_id FROM outbox")}
    assert left <= {order.message_id for order in orders}
    sent = [order.message_id for found in await queues.taken(inlet.queue, 2) for order in contracts(found, toy.Deposit)]
    assert {order.message_id for order in orders} <= left | set(sent)
