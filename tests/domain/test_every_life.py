"""What holds for every life of a payment, whatever is asked of it and whatever its gateways say."""

from collections import Counter
from typing import Any
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from services.api.domain.evidence import fold_attempt
from services.api.domain.operations import UNDER_WAY, Movement
from services.api.domain.plans import NotAllowed
from services.api.domain.sums import SUMS
from shared.contracts import (
    AttemptEvent,
    CaptureSucceeded,
    RefundSucceeded,
)
from tests.domain.evidence import ATTEMPTS, LESS, action, everything_about, exhausted, expired, failed, succeeded, unknown, verified
from tests.domain.house import House, trying
from tests.domain.lives import HELD, ID, capture, held, paid, refund, void
from tests.domain.stand import AMOUNT, DECLINED

ONE, TWO, THREE = ATTEMPTS


steps = st.lists(
    st.tuples(
        st.sampled_from(["charge", "capture", "refund", "void", "operation", "operation", "operation", "sweep", "due"]),
        st.integers(0, 10_000),
    ),
    min_size=5,
    max_size=25,
)
WITNESSES = [word for one in (HELD, TWO, THREE) for word in everything_about(one) if "again" not in str(word)]
CHARGES = [word for word in WITNESSES if getattr(word, "confirmed", None) != LESS and getattr(word, "gateway_reference", None) != "ch_1"]
CHARGES += [succeeded(HELD), succeeded(TWO, reference="ch_2"), exhausted(HELD), exhausted(HELD, TWO)]  # type: ignore[list-item]


def words(movement: Movement, number: int) -> list[AttemptEvent]:
    one = trying(movement, number)
    reference = f"mv_{movement.operation_id}_{number}"
    again = [succeeded(one, reference=reference)] * 3 + [verified(one, "succeeded", reference=reference)] * 2
    return [*again, failed(one), failed(one, DECLINED), unknown(one), expired(one), verified(one, "failed"), action(one)]


def live(house: House, step: str, draw: int) -> None:
    amounts = [1, 10_000, 25_000, 50_000, None]
    match step:
        case "charge":
            house.hear(succeeded(TWO, confirmed=LESS) if draw == 1 else CHARGES[draw % len(CHARGES)])
        case "capture":
            house.ask("capture", capture(amounts[draw % 5], final=draw % 7 == 0), uuid4())
        case "refund":
            house.ask("refund", refund(amounts[draw % 5]), uuid4())
        case "void":
            house.ask("void", void, uuid4())
        case "operation" if house.operations:
            movement = house.operations[draw % len(house.operations)]
            told = words(movement, 1 + draw % movement.number)
            house.hear(told[draw // 7 % len(told)])
        case "sweep" if house.operations:
            house.sweep_operation(house.operations[draw % len(house.operations)].operation_id)
        case "due":
            house.sweep_payment(after_s=draw * 100)


def check(house: House) -> None:
    payment, operations = house.payment, house.operations
    sums, status = payment.sums, payment.snapshot.status
    assert sums.captured_minor + sums.capturing_minor + sums.released_minor + sums.releasing_minor <= sums.authorized_minor
    assert sums.refunded_minor + sums.refunding_minor <= sums.captured_minor
    assert min(getattr(sums, name) for name in SUMS) >= 0
    if status == "conflicted":
        wrong = [
            seen for seen in payment.evidence.attempts.values() if seen.taken - {(AMOUNT.amount_minor, "INR")} or seen.has_two_references
        ]
        assert wrong or any(one.status == "conflicted" for one in operations)
        return
    moved, reserved = Counter[str](), Counter[str]()
    for one in operations:
        if one.status in UNDER_WAY:
            reserved[one.kind] += one.amount.amount_minor
        elif one.status == "succeeded":
            moved[one.kind] += one.amount.amount_minor
    whole = sums.authorized_minor if house.payment.evidence.attempts.get(payment.evidence.kept or "", HELD).operation == "charge" else 0
    assert sums.captured_minor == moved["capture"] + whole
    assert (sums.refunded_minor, sums.released_minor, sums.reversed_minor) == (moved["refund"], moved["void"], moved["reversal"])
    assert (sums.capturing_minor, sums.refunding_minor, sums.releasing_minor) == (reserved["capture"], reserved["refund"], reserved["void"])
    charged = {name for name, seen in payment.evidence.attempts.items() if seen.charged}
    assert charged - {payment.evidence.kept} == set(payment.evidence.reversing)
    assert len({one.operation_id for one in operations if one.kind == "reversal"}) == len(payment.evidence.reversing)
    if status == "cancelled":
        assert sums.released_minor == sums.authorized_minor
    if status in ("refunded", "partially_refunded"):
        assert sums.refunded_minor > 0
    if status in ("succeeded", "requires_capture"):
        assert payment.evidence.kept
    if status == "failed":
        assert payment.evidence.kept is None


AHEAD = {
    "processing": {"requires_action", "pending_verification", "succeeded", "requires_capture", "failed", "expired", "conflicted"},
    "requires_action": {"pending_verification", "succeeded", "requires_capture", "failed", "expired", "conflicted"},
    "pending_verification": {"requires_action", "succeeded", "requires_capture", "failed", "conflicted"},
    "requires_capture": {"succeeded", "cancelled", "expired", "conflicted"},
    "succeeded": {"partially_refunded", "refunded", "conflicted"},
    "partially_refunded": {"refunded", "conflicted"},
}


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([House, held, held, paid, paid]), steps)
def test_whatever_happens_the_sums_balance_and_one_charge_stands(born: Any, life: list[tuple[str, int]]) -> None:
    house: House = born()
    for step, draw in life:
        try:
            live(house, step, draw)
        except NotAllowed:
            continue
        check(house)
    for was, now in zip(house.statuses, house.statuses[1:], strict=False):
        assert now in AHEAD.get(was, {"conflicted"}), house.statuses
    assert [one.payment.sequence for one in house.events] == list(range(1, len(house.events) + 1))
    names = [None, *(one.message_id for one in house.events)]
    assert [one.previous_event_id for one in house.events] == names[:-1]
    ended = Counter(one.operation.operation_id for one in house.events if isinstance(one, CaptureSucceeded | RefundSucceeded))
    assert not ended or max(ended.values()) == 1


@settings(max_examples=150)
@given(st.data())
def test_order_and_repetition_change_nothing_about_a_try(data: st.DataObject) -> None:
    house = paid()
    asked = house.ask("refund", refund(20_000), ID)
    heard = data.draw(st.lists(st.sampled_from(words(asked, 1)), max_size=8))
    shuffled = data.draw(st.permutations([*heard, *heard[:3]]))
    one: dict[str, Any] = {}
    other: dict[str, Any] = {}
    for event in heard:
        one = fold_attempt(one, event)
    for event in shuffled:
        other = fold_attempt(other, event)
    assert one == other
