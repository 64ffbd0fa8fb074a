"""The guard against card testing at the real edge: who is turned away, that nothing is written then, and who is never counted."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from services.api import orders, wiring
from services.api.domain.velocity import Kind, Rule
from services.api.http.access.keys import Merchant, Payer
from services.api.http.access.velocity import Velocity, payer_of
from services.api.http.layer import Client, Problem, Role
from services.api.http.paying.bodies import CreatePayment
from services.api.http.paying.checkout import PayOrder, pay_order
from services.api.http.paying.edge import Accepted, Edge
from services.api.http.paying.payments import CreateHeaders
from shared.clock import new_id, utc_now
from shared.contracts import Money
from tests.servers import Database
from tests.services.api.replica import Replica

CALLER = Merchant(Role.MERCHANT, "m_001", "key_one", "m_001")
WINDOW_S = 600.0


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def number(n: int) -> str:
    """A card number of its own for every n, with its check digit."""
    digits = f"41002800{n:07d}"
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def card(n: int, **change: Any) -> CreatePayment:
    instrument = {"type": "CARD", "number": number(n), "expiry_month": 12, "expiry_year": 2040, "cvv": "123"}
    return CreatePayment.model_validate({"amount": 50_000, "method": "CARD", "instrument": instrument, **change})


def guarded(edge: Edge, clock: Clock, **limits: int) -> Edge:
    edge.velocity = Velocity([Rule(kind, limit, WINDOW_S) for kind, limit in kinds(limits)], clock=clock)
    return edge


def kinds(limits: dict[str, int]) -> Iterable[tuple[Kind, int]]:
    return limits.items()  # type: ignore[return-value]


async def ask(edge: Edge, order: CreatePayment, *, key: str | None = None, address: str = "198.51.100.1") -> Accepted | Problem:
    try:
        return await edge.accept(order, CALLER, key or new_id().hex, address=address)
    except Problem as problem:
        return problem


def told(answers: Iterable[Accepted | Problem]) -> list[str]:
    return ["taken" if isinstance(one, Accepted) else one.code.name for one in answers]


async def test_many_cards_from_one_payer_are_too_many(database: Database, replicas: tuple[Replica, Replica], clock: Clock) -> None:
    """Behind a shop's server: the payer's address is the one that the shop says, and others go on paying."""
    edge = guarded(replicas[0].edge, clock, cards_per_address=3)
    payer = {"customer_ip": "203.0.113.7"}
    assert told([await ask(edge, card(n, **payer)) for n in range(5)]) == ["taken"] * 3 + ["VELOCITY_EXCEEDED"] * 2
    key = new_id().hex
    refused = await ask(edge, card(9, **payer), key=key)
    assert isinstance(refused, Problem)
    assert (refused.headers["Retry-After"], refused.details) == ("600", {"rule": "cards_per_address"})
    assert await database.value("SELECT count(*) FROM idempotency WHERE claim LIKE :key", key=f"%{key}") == 0
    others = [card(9, customer_ip="203.0.113.8"), card(0, **payer), card(9), CreatePayment(amount=1, method="UPI", vpa="a1@bank")]
    assert told([await ask(edge, one) for one in others]) == ["taken"] * 4
    clock.now_s += WINDOW_S
    assert told([await ask(edge, card(9, **payer), key=key)]) == ["taken"], "the same key may be used"


async def test_who_calls_at_a_checkout_is_the_payer(replicas: tuple[Replica, Replica], clock: Clock) -> None:
    """No shop's server, so the narrow limit counts."""
    edge, now = guarded(replicas[0].edge, clock, cards_per_address=1), utc_now()

    async def pay(n: int) -> str:
        order = orders.Order(new_id(), "m_001", None, Money(amount_minor=500, currency="INR"), None, {}, now, now + timedelta(minutes=1))
        await edge.unit_of_work.apply(lambda work: orders.insert_order(work, order))
        payer = Payer(Role.PAYER, "m_001", "pk_one", "m_001", order_id=order.order_id)
        body = PayOrder(method="CARD", instrument=card(n).instrument)
        try:
            reply = await pay_order(body, CreateHeaders(), payer, Client("198.51.100.9", "r"), edge)
        except Problem as problem:
            return problem.code.name
        return reply.value.status

    assert [await pay(n) for n in (70, 71)] == ["processing", "VELOCITY_EXCEEDED"]


async def test_a_replay_is_neither_counted_nor_refused(replicas: tuple[Replica, Replica], clock: Clock) -> None:
    other, edge, key = replicas[1].edge, guarded(replicas[0].edge, clock, cards_per_caller=2), new_id().hex
    assert told([await ask(other, card(20), key=key)]) == ["taken"]
    assert told([await ask(edge, card(20), key=key) for _ in range(3)]) == ["taken"] * 3
    assert told([await ask(edge, card(n)) for n in (21, 22, 23)]) == ["taken", "taken", "VELOCITY_EXCEEDED"]
    again = await ask(edge, card(20), key=key)
    assert isinstance(again, Accepted)
    assert again.replayed


async def test_many_at_once_are_counted_as_many(replicas: tuple[Replica, Replica], clock: Clock) -> None:
    edge = guarded(replicas[0].edge, clock, cards_per_customer=5)
    answers = await asyncio.gather(*(ask(edge, card(30 + n, customer_id="c_1"), address=f"198.51.100.{n}") for n in range(20)))
    assert Counter(told(answers)) == {"taken": 5, "VELOCITY_EXCEEDED": 15}


async def test_one_card_may_be_tried_so_often_at_one_address(replicas: tuple[Replica, Replica], clock: Clock) -> None:
    edge = guarded(replicas[0].edge, clock, tries_per_card=2)
    assert told([await ask(edge, card(50)) for _ in range(3)]) == ["taken", "taken", "VELOCITY_EXCEEDED"]
    assert told([await ask(edge, card(50), address="198.51.100.2"), await ask(edge, card(51))]) == ["taken", "taken"]


async def test_what_is_refused_for_another_reason_is_not_counted(replicas: tuple[Replica, Replica], clock: Clock) -> None:
    edge, key = guarded(replicas[0].edge, clock, cards_per_caller=1), new_id().hex
    assert told([await ask(replicas[1].edge, card(60), key=key)]) == ["taken"]
    assert told([await ask(edge, card(61), key=key)]) == ["IDEMPOTENCY_KEY_REUSED_WITH_DIFFERENT_PAYLOAD"]
    assert told([await ask(edge, card(62))]) == ["taken"]


def test_memory_is_bounded_and_forgets_who_tried_longest_ago(clock: Clock) -> None:
    velocity = Velocity([Rule("cards_per_caller", 1, WINDOW_S)], remembered_max=2, clock=clock)

    def tried(address: str, fingerprint: str) -> bool:
        payer = payer_of("p", fingerprint, caller=address, address=None, merchant_id="m", customer_id=None)
        try:
            with velocity.counted(payer):
                return True
        except Problem:
            return False

    assert [tried("a", "1"), tried("b", "1"), tried("a", "1"), tried("c", "1")] == [True] * 4
    assert [tried("a", "2"), tried("b", "2")] == [False, True]
    assert len(velocity.seen) == 2


def test_every_rule_has_its_setting() -> None:
    given: Any = {"database_url": "x", "rabbitmq_url": "x", "internal_api_key": "x", "sealing_keys_file": "x", "fingerprint_key": "00"}
    settings = wiring.ApiSettings(**given, guard_cards_per_customer=7, guard_window_s=60)
    assert {rule.kind: (rule.limit, rule.window_s) for rule in settings.guard} == {
        "cards_per_address": (10, 60), "cards_per_caller": (200, 60), "cards_per_customer": (7, 60), "tries_per_card": (20, 60),
    }  # fmt: skip


def test_a_limit_of_nothing_counts_nothing(clock: Clock) -> None:
    velocity = Velocity([Rule("cards_per_caller", 0, WINDOW_S)], clock=clock)
    with velocity.counted(payer_of("p", "f", caller="a", address=None, merchant_id="m", customer_id=None)):
        pass
    assert not velocity.seen
