"""What a service says leaves its outbox when the broker has it, and not before; what cannot leave holds nobody up."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from shared.clock import new_id
from shared.messaging import relay
from shared.messaging.declare import arguments_of
from shared.storage import writer
from shared.storage.work import Outgoing, Work
from shared.topology import COMMANDS
from tests.kernel import toy
from tests.kernel.proxy import wire_to
from tests.kernel.queues import Queues, contracts, rung_and_reason
from tests.kernel.replica import Replica, committer, replica
from tests.kernel.waiting import until
from tests.servers import Database

OUTBOX = "SELECT id, routing_key, refusals, reason, parked_at, extract(epoch FROM due_at - now())::float AS due_in_s FROM outbox"


async def _say(one: Replica, to: str, *orders: toy.Deposit) -> None:
    def change(work: Work) -> None:
        for order in orders:
            work.send(order, to=to)

    await one.unit_of_work.apply(change)


async def _left(database: Database) -> int:
    return int(await database.value("SELECT count(*) FROM outbox"))


async def _gone(database: Database) -> bool:
    return await _left(database) == 0


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the broker does not confirm stays in hand for as long as a test needs."""
    monkeypatch.setattr(relay, "PUBLISH_TIMEOUT_S", 100.0)
    monkeypatch.setattr(relay, "IN_HAND_S", 100.0)


@pytest.mark.usefixtures("patient")
async def test_a_row_goes_only_after_the_broker_has_acknowledged_it(empty: Database, queues: Queues) -> None:
    inlet, order = await queues.declare(), toy.deposit_of()
    async with wire_to(queues.url) as wire, replica(empty.url, wire.url(queues.url)) as one:
        await one.start()
        await _say(one, str(inlet.gateway), toy.deposit_of())  # the exchange is known to the client from here on
        await until(lambda: _gone(empty))
        wire.hold()
        await _say(one, str(inlet.gateway), order)
        found = await queues.taken(inlet.queue, 2)
        assert contracts(found[1], toy.Deposit) == [order]
        assert await _left(empty) == 1, "the broker has it, but has not said so"
        assert not one.parts.relay.at_rest.is_set()
        wire.release()
        await until(lambda: _gone(empty))
        await until(lambda: one.parts.relay.at_rest.is_set())


async def test_a_row_goes_out_with_what_a_reader_of_the_broker_needs(empty: Database, queues: Queues) -> None:
    inlet, order = await queues.declare(), toy.deposit_of()
    async with replica(empty.url, queues.url) as one:
        await one.start()
        await _say(one, str(inlet.gateway), order)
        (found,) = await queues.taken(inlet.queue, 1)
    assert (found.type, found.content_type, found.exchange) == (toy.Deposit.kind_of(), "application/json", COMMANDS)
    assert rung_and_reason(found) == (0, "")
    assert found.delivery_mode == 2


async def test_an_unroutable_row_neither_blocks_nor_replays_its_neighbours(
    empty: Database, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "REFUSALS_MAX", 2)
    inlet, good, stray = await queues.declare(), [toy.deposit_of() for _ in range(6)], toy.deposit_of()
    nowhere, begun_at = new_id().hex, await empty.value("SELECT now()")

    def say(work: Work) -> None:
        for place, order in enumerate([*good[:3], stray, *good[3:]]):
            work.send(order, to=nowhere if place == 3 else str(inlet.gateway))

    async with replica(empty.url, queues.url) as one:
        await one.start()
        with capture_logs() as said:
            await one.unit_of_work.apply(say)
            (parked,) = await until(lambda: empty.rows(f"{OUTBOX} WHERE parked_at IS NOT NULL"))
            assert parked.routing_key == f"{toy.Deposit.kind_of()}.{nowhere}"
            assert parked.parked_at - begun_at >= timedelta(seconds=1), "it backs off"
            await until(lambda: _holds(empty, parked))
            await _say(one, str(inlet.gateway), toy.deposit_of())
            found = await queues.taken(inlet.queue, 2)
    assert [len(contracts(message, toy.Deposit)) for message in found] == [6, 1]
    assert contracts(found[0], toy.Deposit) == good
    assert await queues.take(inlet.queue) is None, "a neighbour was sent again"
    assert parked.refusals == 2
    assert "NO_ROUTE" in parked.reason or "PublishError" in parked.reason
    assert [(line["event"], line["log_level"]) for line in said] == [("unroutable", "error"), ("unroutable_parked", "error")]


async def test_a_parked_row_is_left_alone_until_somebody_sends_it_on(empty: Database, queues: Queues) -> None:
    inlet, order = await queues.declare(), toy.deposit_of()
    async with replica(empty.url, queues.url) as one:
        await _insert(empty, [_row(inlet.gateway, order)], parked=True)
        await one.start()
        await _say(one, str(inlet.gateway), toy.deposit_of())
        await queues.taken(inlet.queue, 1)
        await until(lambda: one.parts.relay.polled_at > 0)
        assert await queues.take(inlet.queue) is None
        await empty.rows("UPDATE outbox SET parked_at = NULL, refusals = 0, due_at = now()")
        (found,) = await queues.taken(inlet.queue, 1)
    assert contracts(found, toy.Deposit) == [order]


async def test_backing_off_takes_longer_each_time(empty: Database, queues: Queues) -> None:
    await _insert(empty, [_row("nowhere", toy.deposit_of())], refusals=[6])
    async with replica(empty.url, queues.url) as one:
        await one.start()
        (row,) = await until(lambda: empty.rows(f"{OUTBOX} WHERE refusals = 7"))
    assert 2 < row.due_in_s <= 7.1  # the reader's transaction may be the older one


async def test_a_binding_that_was_deleted_and_comes_back(empty: Database, queues: Queues) -> None:
    """The rows wait; nothing is lost and nobody has to send them again."""
    inlet, orders = await queues.declare(), [toy.deposit_of() for _ in range(20)]
    async with replica(empty.url, queues.url) as one:
        await one.start(toy.ledger(), [str(inlet.gateway)])
        await queues.unbind(inlet)
        await _say(one, str(inlet.gateway), *orders)
        await until(lambda: empty.value("SELECT count(*) = 20 FROM outbox WHERE refusals > 0"))
        await queues.bind(inlet)
        await until(lambda: empty.value("SELECT count(*) = 20 FROM entries"))
        await until(lambda: _gone(empty))
    assert {row.message_id for row in await empty.rows("SELECT message_id FROM entries")} == {order.message_id for order in orders}


async def test_a_full_queue_is_nobodys_fault(empty: Database, queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker refuses what does not fit: the row waits for room, however long that takes, and is not parked for it."""
    monkeypatch.setattr(relay, "REFUSALS_MAX", 1)
    inlet, orders = await _narrow(queues), [toy.deposit_of() for _ in range(16)]
    async with replica(empty.url, queues.url) as one:
        await one.start()
        with capture_logs() as said:
            for order in orders:
                await _say(one, str(inlet.gateway), order)
                await until(lambda: one.parts.relay.at_rest.is_set())
            await until(lambda: said)
            found = await _drained(queues, inlet.queue)
            await until(lambda: _gone(empty))
    found += await _drained(queues, inlet.queue)
    assert Counter(contract.message_id for message in found for contract in contracts(message, toy.Deposit)) == Counter(
        order.message_id for order in orders
    )
    assert {line["event"] for line in said} == {"publish_failed"}


async def _holds(database: Database, row: Any) -> bool:
    return [one.id for one in await database.rows(OUTBOX)] == [row.id]


async def _narrow(queues: Queues) -> Any:
    """A queue that holds ten messages."""
    inlet = await queues.declare()
    channel = await queues.channel()
    await channel.queue_delete(inlet.queue)
    arguments = {**arguments_of(inlet), "x-max-length": 10, "x-queue-type": "quorum"}
    queue = await channel.declare_queue(inlet.queue, durable=True, arguments=arguments)
    await queue.bind(inlet.exchange, inlet.routing_keys[0])
    await channel.close()
    return inlet


async def test_two_rows_of_one_message_have_a_fate_each(empty: Database, queues: Queues) -> None:
    """A fact that two queues of a service could not take: the broker's answers to the one must not be taken for the other's."""
    inlet, order = await queues.declare(), toy.deposit_of()
    rows = [_row("0", order), _row(inlet.gateway, order)]  # "0" is published first: rows go in the order of their addresses
    await _insert(empty, rows)
    async with replica(empty.url, queues.url) as one:
        await one.start()
        await queues.taken(inlet.queue, 1)
        await until(lambda: empty.rows(f"{OUTBOX} WHERE refusals > 0"))
        await until(lambda: _holds(empty, rows[0]))


@pytest.mark.usefixtures("patient")
async def test_two_relays_on_one_outbox_share_the_rows(empty: Database, queues: Queues) -> None:
    """What one has in hand the other leaves alone, however long the broker takes to confirm it."""
    inlet, orders = await queues.declare(), [toy.deposit_of() for _ in range(700)]
    async with wire_to(queues.url) as wire, replica(empty.url, wire.url(queues.url)) as one, replica(empty.url, queues.url) as other:
        await one.start()
        await _say(one, str(inlet.gateway), orders[0])  # the exchange is known to the client from here on
        await until(lambda: _gone(empty))
        wire.hold()
        await _insert(empty, [_row(inlet.gateway, order) for order in orders[1:]])
        await until(lambda: empty.value("SELECT count(*) = 199 FROM outbox WHERE due_at <= now()"))
        await other.start()
        await until(lambda: empty.value("SELECT count(*) = 500 FROM outbox"))
        await until(lambda: other.parts.relay.at_rest.is_set())
        wire.release()
        await until(lambda: _gone(empty))
    found = await _drained(queues, inlet.queue)
    assert Counter(contract.message_id for message in found for contract in contracts(message, toy.Deposit)) == Counter(
        order.message_id for order in orders
    )


async def test_what_a_crashed_process_left_is_found_by_another(empty: Database, queues: Queues) -> None:
    """It committed and died before its own relay had said anything: the row falls due and is anybody's."""
    inlet, order = await queues.declare(), toy.deposit_of()
    async with replica(empty.url, queues.url) as other:
        await other.start()
        async with committer(empty.url) as dying:
            await dying.apply(lambda work: work.send(order, to=str(inlet.gateway)))
        assert await queues.length(inlet.queue) == 0
        (row,) = await empty.rows(OUTBOX)
        assert 0 < row.due_in_s <= writer.IN_HAND_S + 0.1
        await empty.rows("UPDATE outbox SET due_at = now()")
        (found,) = await queues.taken(inlet.queue, 1)
        await until(lambda: _gone(empty))
    assert contracts(found, toy.Deposit) == [order]


async def test_what_does_not_fit_in_hand_waits_in_the_table(empty: Database, queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "OFFERED_MAX", 10)
    monkeypatch.setattr(writer, "IN_HAND_S", 0.3)
    inlet, orders = await queues.declare(), [toy.deposit_of() for _ in range(35)]
    async with replica(empty.url, queues.url) as one:
        one.commit()
        await _say(one, str(inlet.gateway), *orders)
        assert len(one.parts.relay.offered) == 10
        await one.start()
        await until(lambda: _gone(empty))
    seen = [contract.message_id for message in await _drained(queues, inlet.queue) for contract in contracts(message, toy.Deposit)]
    assert set(seen) == {order.message_id for order in orders}


async def _drained(queues: Queues, queue: str) -> list[Any]:
    found = []
    while one := await queues.take(queue):
        found.append(one)
    return found


def _row(to: str | None, order: toy.Deposit) -> Outgoing:
    body = order.model_dump_json().encode()
    return Outgoing(order.message_id, COMMANDS, f"{order.kind}.{to}", order.kind, body)


async def _insert(database: Database, rows: Sequence[Outgoing], *, parked: bool = False, refusals: Sequence[int] = (0,)) -> None:
    """Due rows, as a crash leaves them."""
    statement = (
        "INSERT INTO outbox (id, message_id, exchange, routing_key, kind, body, refusals, due_at, parked_at)"
        " SELECT i, m, e, r, k, b, :refusals, now(), CASE WHEN :parked THEN now() END FROM unnest(cast(:id AS uuid[]),"
        " cast(:message_id AS uuid[]), cast(:exchange AS text[]), cast(:routing_key AS text[]), cast(:kind AS text[]),"
        " cast(:body AS bytea[])) AS t(i, m, e, r, k, b)"
    )
    columns = ("id", "message_id", "exchange", "routing_key", "kind", "body")
    arrays: dict[str, Any] = {name: [getattr(row, name) for row in rows] for name in columns}
    await database.rows(statement, **arrays, parked=parked, refusals=refusals[0])
