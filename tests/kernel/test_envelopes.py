"""One AMQP message carries what goes to one address, fifty at most; what failed before goes alone."""

import json
from uuid import UUID

import pytest

from shared import topology
from shared.clock import new_id
from shared.messaging.envelope import ITEMS_MAX, envelopes, pack
from shared.storage.work import Outgoing, Work
from shared.topology import COMMANDS, DEAD, DEFAULT, EVENTS
from tests.kernel import toy
from tests.kernel.queues import Queues, contracts
from tests.kernel.replica import replica
from tests.kernel.waiting import until
from tests.servers import Database


def _rows(count: int, exchange: str = COMMANDS, key: str = "a", rung: int = 0, reason: str | None = None) -> list[Outgoing]:
    return [Outgoing(new_id(), exchange, key, "toy.deposit.v1", b"{}", rung, reason) for _ in range(count)]


def _mixed(*groups: list[Outgoing]) -> list[Outgoing]:
    """Interleaved, as they lie in an outbox."""
    longest = max(map(len, groups))
    return [group[place] for place in range(longest) for group in groups if place < len(group)]


def test_one_address_one_envelope_and_nothing_is_lost() -> None:
    groups = _rows(7), _rows(3, key="b"), _rows(5, exchange=EVENTS), _rows(1, exchange=EVENTS, key="b")
    packed = list(envelopes(_mixed(*groups)))
    assert sorted(len(one) for one in packed) == [1, 3, 5, 7]
    assert all(len({(row.exchange, row.routing_key) for row in one}) == 1 for one in packed)
    assert {row.id for one in packed for row in one} == {row.id for group in groups for row in group}


@pytest.mark.parametrize(("count", "sizes"), [(1, [1]), (50, [50]), (51, [50, 1]), (120, [50, 50, 20])])
def test_fifty_at_most(count: int, sizes: list[int]) -> None:
    assert ITEMS_MAX == 50
    assert [len(one) for one in envelopes(_rows(count))] == sizes


def test_order_within_an_address_is_kept() -> None:
    rows = _rows(120)
    packed = [row.id for one in envelopes(_mixed(rows, _rows(60, key="b"))) for row in one if row.routing_key == "a"]
    assert packed == [row.id for row in rows]


def test_rungs_and_dead_letters_go_alone() -> None:
    ladder = [*_rows(3, DEFAULT, "q", 1, "ValueError: x"), *_rows(2, DEFAULT, "q", 2, "ValueError: x")]
    packed = list(envelopes(_mixed(ladder, _rows(2, DEAD, "q", 0, "Permanent: y"), _rows(4))))
    assert sorted(len(one) for one in packed) == [1] * 7 + [4]


def test_no_rows_no_envelopes() -> None:
    assert list(envelopes([])) == []


def test_packing_makes_a_json_array_of_the_bodies_as_they_are() -> None:
    assert json.loads(pack([b'{"a": 1}', b'{"b": "\xc3\xbc"}'])) == [{"a": 1}, {"b": "ü"}]
    assert pack([b'{"a":1}']) == b'[{"a":1}]'


async def test_a_backlog_leaves_in_few_messages(empty: Database, queues: Queues) -> None:
    inlet = await queues.declare()
    orders = [toy.deposit_of(place) for place in range(120)]

    def say(work: Work) -> None:
        for order in orders:
            work.send(order, to=str(inlet.gateway))

    async with replica(empty.url, queues.url) as one:
        await one.start()
        await one.unit_of_work.apply(say)
        found = await queues.taken(inlet.queue, 3)
        await until(lambda: empty.value("SELECT count(*) = 0 FROM outbox"))
    assert [len(contracts(message, toy.Deposit)) for message in found] == [50, 50, 20]
    assert [order for message in found for order in contracts(message, toy.Deposit)] == orders
    assert {message.delivery_mode for message in found} == {2}, "not persistent"


GOOD = toy.deposit_of().model_dump_json()
MALFORMED = {
    "no JSON": b"{bad",
    "empty": b"",
    "no array": GOOD.encode(),
    "no contract": b'[{"payment_id": 1}]',
    "another kind": GOOD.replace("toy.deposit.v1", "toy.deposit.v2").encode(),
    "one of two": f'[{GOOD},{{"kind":"toy.deposit.v1"}}]'.encode(),
    "no UTF-8": b'[{"kind": "\xff\xfe"}]',
    "a wrong type": GOOD.join("[]").replace('"amount":1', '"amount":"many"').encode(),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_body_that_is_no_contract_goes_to_the_dead_letters_as_it_is(empty: Database, queues: Queues, body: bytes) -> None:
    inlet, good = await queues.declare(), toy.deposit_of()
    async with replica(empty.url, queues.url) as one:
        await one.start(toy.ledger(), [str(inlet.gateway)])
        await queues.put_raw(inlet, body)
        await queues.put(inlet, [good])
        (dead,) = await queues.taken(inlet.dead_queue, 1)
        await until(lambda: empty.rows("SELECT 1 FROM entries"))
    assert dead.body == body
    assert [row.message_id for row in await empty.rows("SELECT message_id FROM entries")] == [good.message_id]
    assert await queues.take(inlet.dead_queue) is None
    assert await queues.take(inlet.queue) is None


async def test_fields_of_a_newer_writer_are_ignored(empty: Database, queues: Queues) -> None:
    inlet, message = await queues.declare(), toy.deposit_of(3)
    newer = json.loads(message.model_dump_json()) | {"loyalty_points": [1, {"x": None}], "tenant": "t"}
    async with replica(empty.url, queues.url) as one:
        await one.start(toy.ledger(), [str(inlet.gateway)])
        await queues.put_raw(inlet, json.dumps([newer]).encode())
        await until(lambda: empty.rows("SELECT 1 FROM entries"))
    assert await empty.value("SELECT amount FROM entries WHERE message_id = :id", id=message.message_id) == 3


async def test_a_strange_rung_is_no_reason_to_refuse(empty: Database, queues: Queues) -> None:
    """Whoever redrives dead letters by hand may write anything there."""
    inlet, message = await queues.declare(), toy.deposit_of()
    async with replica(empty.url, queues.url) as one:
        await one.start(toy.ledger(), [str(inlet.gateway)])
        await queues.put(inlet, [message], rung="first")  # type: ignore[arg-type]
        await until(lambda: empty.rows("SELECT 1 FROM entries"))
    assert await queues.take(inlet.queue) is None


async def test_a_negative_rung_starts_the_ladder(empty: Database, queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topology, "DELAY_LADDER_S", (30.0, 90.0))
    inlet, message = await queues.declare(), toy.deposit_of(trouble="raises")
    async with replica(empty.url, queues.url) as one:
        await one.start(toy.ledger(), [str(inlet.gateway)])
        await queues.put(inlet, [message], rung=-7)
        (row,) = await until(lambda: empty.rows("SELECT rung, extract(epoch FROM due_at - now())::float AS due_in_s, id FROM outbox"))
    assert row.rung == 1
    assert row.due_in_s <= 30
    assert isinstance(row.id, UUID)
