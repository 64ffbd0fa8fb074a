"""Operators see what lies in the dead letters and why, and give it another chance; what is too old to be told from a repeat stays."""

from datetime import timedelta

import aio_pika
import pytest

from shared import topology
from shared.clock import utc_now
from shared.messaging.envelope import pack
from shared.messaging.redrive import again, count, show
from shared.storage.pruner import KEEP_DAYS
from tests.kernel import toy
from tests.kernel.queues import Queues
from tests.kernel.replica import replica
from tests.kernel.waiting import until
from tests.servers import Database

RUNGS_S = (0.05, 0.05, 0.05)


@pytest.fixture(autouse=True)
def short_rungs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topology, "DELAY_LADDER_S", RUNGS_S)


async def test_a_dead_letter_is_shown_with_its_reason_and_done_on_its_next_chance(empty: Database, queues: Queues) -> None:
    inlet, message = await queues.declare(), toy.deposit_of(trouble="raises", until_try=2 + len(RUNGS_S))
    channel = await queues.channel()
    async with replica(empty.url, queues.url) as one:
        await one.start(toy.ledger(), [str(inlet.gateway)])
        await queues.put(inlet, [message])

        async def dead() -> bool:
            return await count(channel, inlet.dead_queue) == 1

        await until(dead)
        (letter,) = await show(channel, inlet.queue)
        assert (letter.kind, letter.payment_id) == (message.kind, str(message.correlation_id))
        assert letter.reason.startswith("ValueError: try")
        await until(dead)  # looking takes nothing
        assert await again(channel, inlet.queue) == (1, 0)
        await until(lambda: empty.value("SELECT count(*) = 1 FROM entries"))
        assert await count(channel, inlet.dead_queue) == 0


async def test_what_is_older_than_the_inbox_or_no_contract_stays(empty: Database, queues: Queues) -> None:
    inlet, channel = await queues.declare(), await queues.channel()
    old = toy.deposit_of().model_copy(update={"occurred_at": utc_now() - timedelta(days=KEEP_DAYS, minutes=1)})
    for body in (pack([old.model_dump_json().encode()]), b"{"):
        await channel.default_exchange.publish(aio_pika.Message(body), inlet.dead_queue)
    assert await again(channel, inlet.queue) == (0, 2)
    assert await count(channel, inlet.dead_queue) == 2
    assert await count(channel, inlet.queue) == 0
    assert {letter.kind for letter in await show(channel, inlet.queue)} == {old.kind, "malformed"}
