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


async def _say(one: Replica, inlet: Inlet, count: int) -> None:
    def change(work: Work) -> None:
        for _ in range(count):
            work.send(toy.deposit_of(), to=str(inlet.gateway))

    await one.unit_of_work.apply(change)


async def test_the_relay_is_run_dry(empty: Database, queues: Queues) -> None:
    """Also what handlers say in their last moment."""
    inlet, ears = await queues.declare(), await queues.declare(toy.ECHOES)
    messages = [toy.deposit_of(tell=str(ears.gateway)) for _ in range(40)]
    async with wire_to(queues.url) as wire, replica(empty.url, wire.url(queues.url)) as one:
        await one.start(toy.ledger(), [str(inlet.gateway)])
        await _say(one, ears, 1)
        await until(lambda: one.parts.relay.at_rest.is_set())
        async with empty.engine.begin() as gate:
            await gate.exec_driver_sql("LOCK TABLE entries IN SHARE MODE")
            await queues.put(inlet, messages)
            await until(lambda: empty.waiting("paymesh-toy"))
            draining = asyncio.ensure_future(_drain(one.parts))
            await until(lambda: not one.parts.ears.running)
            assert not draining.done()
        with capture_logs() as said:
            await draining
        assert said == []
        assert await empty.value("SELECT count(*) FROM entries") == 40
        assert await empty.value("SELECT count(*) FROM outbox") == 0
    assert sum(len(contracts(found, toy.Withdraw)) for found in await queues.taken(ears.queue, 2)) >= 40


async def test_a_deadline_cuts_it_off_and_nothing_is_lost(empty: Database, queues: Queues) -> None:
    inlet = await queues.declare()
    async with wire_to(queues.url) as wire, replica(empty.url, wire.url(queues.url), stop_timeout_s=0.3) as one:
        await one.start()
        await _say(one, inlet, 1)
        await until(lambda: one.parts.relay.at_rest.is_set())
        wire.hold()
        await _say(one, inlet, 5)
        with capture_logs() as said:
            await _drain(one.parts)
        assert [line["event"] for line in said] == ["stopped_before_dry"]
    assert await empty.value("SELECT count(*) FROM outbox") == 5
