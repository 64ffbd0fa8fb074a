"""However many copies of one message come, however they come, it is done once, and every copy is acknowledged."""

import asyncio
from collections import Counter

from shared.clock import new_id
from shared.storage.work import AlreadyHandled, Work
from shared.topology import Inlet
from tests.kernel import toy
from tests.kernel.queues import Queues
from tests.kernel.replica import committer, replica
from tests.kernel.waiting import until
from tests.servers import Database

COPIES = 50


async def _done_once(database: Database, message: toy.Deposit) -> None:
    assert await database.value("SELECT count(*) FROM entries WHERE message_id = :id", id=message.message_id) == 1
    assert await database.value("SELECT balance FROM accounts WHERE id = :id", id=message.account) == message.amount
    assert await database.value("SELECT count(*) FROM inbox WHERE message_id = :id", id=message.message_id) == 1


async def _settled(database: Database, queues: Queues, inlet: Inlet, message: toy.Deposit) -> None:
    """Every copy has left the queue for a handler."""
    await until(lambda: database.value("SELECT count(*) FROM inbox WHERE message_id = :id", id=message.message_id))

    async def delivered() -> bool:
        return await queues.length(inlet.queue) == 0

    await until(delivered)


async def test_fifty_copies_in_one_envelope(empty: Database, queues: Queues) -> None:
    inlet, message = await queues.declare(), toy.deposit_of(7)
    await queues.put(inlet, [message] * COPIES)
    async with replica(empty.url, queues.url) as one:
        await one.start(toy.ledger(), [str(inlet.gateway)])
        await _settled(empty, queues, inlet, message)
    assert await queues.take(inlet.queue) is None, "a copy came back: it had not been acknowledged"
    assert await queues.take(inlet.dead_queue) is None
    assert one.troubles.tries[message.message_id] == 1
    await _done_once(empty, message)


async def test_fifty_copies_in_fifty_envelopes(empty: Database, queues: Queues) -> None:
    inlet, message = await queues.declare(), toy.deposit_of(7)
    await queues.put(inlet, *[[message]] * COPIES)
    async with replica(empty.url, queues.url) as one:
        await one.start(toy.ledger(), [str(inlet.gateway)])
        await _settled(empty, queues, inlet, message)
    assert await queues.take(inlet.queue) is None, "a copy came back: it had not been acknowledged"
    assert await queues.take(inlet.dead_queue) is None
    await _done_once(empty, message)


async def test_fifty_copies_across_two_processes(empty: Database, queues: Queues) -> None:
    """A trigger holds the winner up in its transaction until the other process stands at the same claim."""
    inlet, message = await queues.declare(), toy.deposit_of(7)
    async with replica(empty.url, queues.url) as one, replica(empty.url, queues.url) as other:
        async with empty.engine.begin() as gate:
            await gate.exec_driver_sql("LOCK TABLE inbox IN SHARE MODE")  # lets nobody claim
            await one.start(toy.ledger(), [str(inlet.gateway)])
            await other.start(toy.ledger(), [str(inlet.gateway)])
            await queues.put(inlet, *[[message]] * COPIES)

            async def both_wait() -> bool:
                return len(await empty.waiting("paymesh-toy")) == 2

            await until(both_wait)
        await _settled(empty, queues, inlet, message)
    assert await queues.take(inlet.queue) is None, "a copy came back: it had not been acknowledged"
    assert one.troubles.tries[message.message_id] + other.troubles.tries[message.message_id] == 1
    await _done_once(empty, message)


async def test_fifty_copies_over_two_units_of_work_have_one_winner(empty: Database) -> None:
    message = toy.deposit_of(7)

    def change(work: Work) -> None:
        toy.pay_in(message, work)

    async with committer(empty.url) as one, committer(empty.url) as other:
        outcomes = await asyncio.gather(
            *(unit.once(message, change, loads=toy.account_of(message)) for unit in [one, other] * (COPIES // 2)), return_exceptions=True
        )
    assert Counter(type(outcome) for outcome in outcomes) == {type(None): 1, AlreadyHandled: COPIES - 1}
    await _done_once(empty, message)


async def test_a_claim_is_won_again_with_its_own_token_only(empty: Database) -> None:
    key, token = new_id(), new_id()
    seen: list[str] = []
    async with committer(empty.url) as one:
        await one.win(toy.ticket(key, token), lambda work: seen.append("first"))
        await one.win(toy.ticket(key, token), lambda work: seen.append("again"))
        outcome = (await asyncio.gather(one.win(toy.ticket(key, new_id()), lambda work: seen.append("thief")), return_exceptions=True))[0]
    assert isinstance(outcome, AlreadyHandled)
    assert seen == ["first", "again"]
    assert await empty.value("SELECT token FROM tickets WHERE id = :id", id=key) == token


async def test_of_two_tokens_at_once_one_wins(empty: Database) -> None:
    keys = [new_id() for _ in range(40)]
    async with committer(empty.url) as one, committer(empty.url) as other:
        units = [(one, new_id()), (other, new_id())]
        claims = [(key, *unit) for key in keys for unit in units]
        outcomes = await asyncio.gather(*(unit.win(toy.ticket(key, token)) for key, unit, token in claims), return_exceptions=True)
    won = [(key, token) for (key, _, token), outcome in zip(claims, outcomes, strict=True) if outcome is None]
    assert Counter(type(outcome) for outcome in outcomes) == {type(None): len(keys), AlreadyHandled: len(keys)}
    assert {(row.id, row.token) for row in await empty.rows("SELECT id, token FROM tickets")} == set(won)
