"""Captures, refunds, voids and reversals: as a table of short lives, and as what holds for every life whatever."""

from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.api.domain.evidence import fold_attempt
from services.api.domain.operations import UNDER_WAY, Movement, once_more
from services.api.domain.plans import NotAllowed, Plan, plan_capture, plan_refund, plan_void
from services.api.domain.sums import SUMS
from services.api.store import Payment
from shared.contracts import (
    AttemptDoubted,
    AttemptEvent,
    CaptureSucceeded,
    Money,
    PaymentExpired,
    PaymentReversed,
    RefundFailed,
    RefundSucceeded,
    ResumePayment,
)
from shared.settings import Waiting
from tests.domain.evidence import ATTEMPTS, LESS, action, everything_about, exhausted, expired, failed, succeeded, unknown, verified
from tests.domain.house import House, trying
from tests.domain.stand import AMOUNT, DECLINED, attempt, said_only

ONE, TWO, THREE = ATTEMPTS
HELD = attempt(operation="authorize")
ID = UUID("019b8d5a-2c00-7000-8000-0000000000aa")


def capture(amount_minor: int | None = None, *, final: bool = False) -> Any:
    return lambda payment: plan_capture(payment.snapshot.status, payment.sums, amount_minor=amount_minor, final=final, captures="several")


def refund(amount_minor: int | None = None) -> Any:
    return lambda payment: plan_refund(payment.snapshot.status, payment.sums, amount_minor=amount_minor)


def void(payment: Payment) -> Plan:
    return plan_void(payment.snapshot.status, payment.sums)


def done(house: House, movement: Movement, reference: str = "mv_1") -> House:
    return house.hear(succeeded(trying(movement), reference=reference))


def held() -> House:
    return House().hear(succeeded(HELD))


def paid() -> House:
    return House().hear(succeeded(ONE))


def test_two_captures_take_what_was_authorized() -> None:
    house = held()
    first = house.ask("capture", capture(20_000), ID)
    assert house.sent[-1].target_reference == "ch_1"
    assert (house.sent[-1].operation, house.sent[-1].amount.amount_minor, house.sent[-1].gateway) == ("capture", 20_000, "alpha")
    assert house.payment.sums.capturing_minor == 20_000
    done(house, first)
    assert (house.payment.snapshot.status, house.payment.sums.captured_minor) == ("requires_capture", 20_000)
    done(house, house.ask("capture", capture(), uuid4()))
    assert (house.payment.snapshot.status, house.payment.sums.captured_minor) == ("succeeded", AMOUNT.amount_minor)
    assert [type(one).__name__ for one in house.events] == [
        "PaymentRequiresCapture", "CaptureSucceeded", "CaptureSucceeded", "PaymentSucceeded",
    ]  # fmt: skip
    assert house.operations[0].due_at is None


def test_a_final_capture_lets_the_rest_go() -> None:
    house = held()
    done(house, house.ask("capture", capture(20_000, final=True), ID))
    rest = house.one("void")
    assert (house.payment.snapshot.status, rest.amount.amount_minor, rest.origin) == ("succeeded", 30_000, "remainder")
    done(house, rest)
    assert (house.payment.sums.released_minor, house.payment.snapshot.status) == (30_000, "succeeded")


@pytest.mark.parametrize(("comes_true", "let_go"), [(True, 20_000), (False, 40_000)])
def test_the_rest_waits_for_a_capture_in_doubt(comes_true: bool, let_go: int) -> None:
    """At the gateway a release takes all that is held: a capture that is still on its way would find nothing, or come on top."""
    house = held()
    first, last = house.ask("capture", capture(20_000), ID), house.ask("capture", capture(10_000, final=True), uuid4())
    house.hear(unknown(trying(first)))
    done(house, last)
    assert (house.payment.snapshot.status, [one.kind for one in house.operations]) == ("succeeded", ["capture", "capture"])
    house.hear(succeeded(trying(first), reference="mv_2") if comes_true else failed(trying(first), DECLINED))
    rest = house.one("void")
    assert (rest.amount.amount_minor, rest.origin) == (let_go, "remainder")
    done(house, rest)
    assert (house.payment.sums.released_minor, house.payment.sums.capturable_minor) == (let_go, 0)


def test_a_void_cancels_or_ends_a_part_capture() -> None:
    house = held()
    done(house, house.ask("void", void, ID))
    assert (house.payment.snapshot.status, house.payment.sums.released_minor) == ("cancelled", AMOUNT.amount_minor)
    part = held()
    done(part, part.ask("capture", capture(1), ID))
    done(part, part.ask("void", void, uuid4()))
    assert part.payment.snapshot.status == "succeeded"


def test_refunds_part_by_part() -> None:
    house = paid()
    done(house, house.ask("refund", refund(20_000), ID))
    assert house.payment.snapshot.status == "partially_refunded"
    done(house, house.ask("refund", refund(), uuid4()))
    assert (house.payment.snapshot.status, house.payment.sums.refunded_minor) == ("refunded", AMOUNT.amount_minor)
    assert isinstance(house.events[1], RefundSucceeded)
    assert house.events[1].payment.refunded_minor == 20_000
    assert [one.payment.sequence for one in house.events] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("house", "kind", "plan", "code"),
    [
        (held, "capture", capture(AMOUNT.amount_minor + 1), "AMOUNT_EXCEEDS_CAPTURABLE"),
        (paid, "capture", capture(1), "PAYMENT_NOT_CAPTURABLE"),
        (paid, "void", void, "PAYMENT_NOT_VOIDABLE"),
        (paid, "refund", refund(AMOUNT.amount_minor + 1), "AMOUNT_EXCEEDS_REFUNDABLE"),
        (held, "refund", refund(), "PAYMENT_NOT_REFUNDABLE"),
        (House, "refund", refund(), "PAYMENT_NOT_REFUNDABLE"),
        (House, "void", void, "PAYMENT_NOT_VOIDABLE"),
    ],
)
def test_what_the_sums_do_not_allow_is_refused(house: Any, kind: Any, plan: Any, code: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        house().ask(kind, plan, ID)
    assert refused.value.code == code


def test_a_capture_of_what_is_wholly_captured_is_nothing_to_do() -> None:
    assert capture()(paid().payment) is None


@pytest.mark.parametrize(("captures", "amount", "allowed"), [("whole", 1, False), ("whole", None, True), ("partial", 1, True)])
def test_gateways_that_capture_once(captures: Any, amount: int | None, allowed: bool) -> None:
    house = held()

    def plan(payment: Payment) -> Plan | None:
        return plan_capture(payment.snapshot.status, payment.sums, amount_minor=amount, final=False, captures=captures)

    if not allowed:
        with pytest.raises(NotAllowed):
            plan(house.payment)
        return
    done(house, house.ask("capture", plan, ID))
    assert house.payment.snapshot.status == "succeeded"
    assert house.payment.sums.open_minor == 0
    assert len(house.operations) == 1


def test_an_unknown_refund_keeps_its_amount_until_it_is_verified() -> None:
    house = paid()
    asked = house.ask("refund", refund(20_000), ID)
    house.hear(unknown(trying(asked)))
    assert (house.one("refund").status, house.payment.sums.refunding_minor) == ("pending_verification", 20_000)
    house.hear(verified(trying(asked), "succeeded", reference="mv_1"))
    assert (house.one("refund").status, house.payment.sums.refunded_minor) == ("succeeded", 20_000)


def test_a_refusal_that_may_pass_is_tried_again_under_the_next_number_and_no_more_than_three_times() -> None:
    house = paid()
    house.ask("refund", refund(20_000), ID)
    for number in (1, 2):
        house.hear(failed(trying(house.one("refund"))))
        assert (house.one("refund").status, house.payment.sums.refunding_minor) == ("processing", 20_000)
        house.sweep_operation(ID)
        assert (house.sent[-1].number, house.one("refund").number) == (number + 1, number + 1)
    house.hear(failed(trying(house.one("refund"))))
    assert (house.one("refund").status, house.payment.sums.refunding_minor) == ("failed", 0)
    assert isinstance(house.events[-1], RefundFailed)
    assert house.payment.snapshot.status == "succeeded"
    assert len({one.attempt_id for one in house.sent}) == 3


def test_a_final_refusal_ends_it_at_once() -> None:
    house = paid()
    asked = house.ask("refund", refund(), ID)
    house.hear(failed(trying(asked), DECLINED))
    assert (house.one("refund").status, house.one("refund").error) == ("failed", {"code": "card_declined", "message": "no"})


def test_what_never_reached_its_gateway_is_tried_again() -> None:
    house = paid()
    asked = house.ask("refund", refund(), ID)
    house.hear(expired(trying(asked)))
    house.sweep_operation(ID)
    assert house.sent[-1].number == 2


def test_an_operation_nobody_hears_of_is_asked_about() -> None:
    house = paid()
    asked = house.ask("refund", refund(), ID)
    assert said_only(house.sweep_operation(ID), AttemptDoubted).attempt == trying(asked)


def test_another_amount_than_asked_is_a_conflict() -> None:
    house = paid()
    asked = house.ask("refund", refund(20_000), ID)
    house.hear(succeeded(trying(asked), confirmed=Money(amount_minor=19_999, currency="INR")))
    assert (house.payment.snapshot.status, house.one("refund").status) == ("conflicted", "conflicted")
    assert (house.payment.snapshot.error or {})["code"] == "OPERATION_MISMATCH"


def test_a_refund_found_to_have_happened_after_it_failed() -> None:
    """There is room for it: then it has happened. There is none: a conflict."""
    for used, status in ((0, "succeeded"), (50_000, "conflicted")):
        house = paid()
        asked = house.ask("refund", refund(20_000), ID)
        house.hear(failed(trying(asked), DECLINED))
        if used:
            done(house, house.ask("refund", refund(used), uuid4()))
        house.hear(verified(trying(asked), "succeeded", reference="mv_1"))
        assert house.operations[0].status == status
        assert house.payment.sums.balance


def test_a_late_success_is_given_back_once_however_many_say_it() -> None:
    house = House().hear(failed(ONE), exhausted(ONE), verified(ONE, "succeeded", reference="ch_1"), succeeded(ONE))
    back = house.one("reversal")
    assert (back.does, back.target_reference, back.amount, len(house.sent)) == ("refund", "ch_1", AMOUNT, 1)
    done(house, back)
    assert isinstance(house.events[-1], PaymentReversed)
    assert (house.payment.snapshot.status, house.payment.sums.reversed_minor) == ("failed", AMOUNT.amount_minor)
    assert house.told[-1] == "payment.late_success_reversed"


def test_a_rescue_elsewhere_keeps_one_charge_and_gives_the_other_back() -> None:
    house = House().hear(succeeded(TWO, reference="ch_2"), verified(ONE, "succeeded", reference="ch_1"))
    assert (house.payment.snapshot.status, house.one("reversal").gateway) == ("succeeded", "alpha")
    refunded = house.ask("refund", refund(), ID)
    assert refunded.target_reference == "ch_2"


def test_an_authorization_that_came_too_late_is_voided() -> None:
    house = House().hear(failed(HELD), exhausted(HELD), verified(HELD, "succeeded", reference="ch_1"))
    assert house.one("reversal").does == "void"


def test_one_that_its_gateway_cannot_void_lapses_and_is_on_nobodys_list() -> None:
    house = House()
    house.lapsing = frozenset({HELD.gateway, TWO.gateway})
    house.hear(failed(HELD), exhausted(HELD), verified(HELD, "succeeded", reference="ch_1"), verified(HELD, "succeeded", reference="ch_1"))
    assert (house.payment.snapshot.status, house.operation_rows) == ("failed", {})
    assert house.told.count("payment.late_success") == 1
    house.hear(failed(ONE), succeeded(TWO))
    assert house.one("reversal").does == "refund", "money that was taken there is given back all the same"


def test_a_reversal_goes_on_whatever_the_refusal_and_ends_on_the_operators_list() -> None:
    house = House().hear(exhausted(), succeeded(ONE))
    for _ in range(3):
        house.hear(failed(trying(house.one("reversal")), DECLINED))
        assert house.one("reversal").status == "processing"
        house.sweep_operation(house.one("reversal").operation_id)
    house.hear(failed(trying(house.one("reversal")), DECLINED))
    given_up = house.one("reversal")
    assert (given_up.status, given_up.due_at) == ("exhausted", None)
    following = once_more(given_up)
    assert following
    assert (following.number, following.status) == (given_up.number + 1, "processing")
    assert once_more(following) is None


def test_an_authorization_that_is_not_captured_in_time_is_let_go() -> None:
    house = held()
    house.sweep_payment(after_s=700_000)
    done(house, house.one("void"))
    assert (house.payment.snapshot.status, house.one("void").origin) == ("expired", "expiry")
    assert isinstance(house.events[-1], PaymentExpired)


def test_an_authorization_that_its_gateway_cannot_void_has_lapsed_by_itself() -> None:
    """Nobody is asked for what would be refused, hour after hour, while the payment waits for ever."""
    house = held()
    house.lapsing = frozenset({HELD.gateway})
    said_only(house.sweep_payment(after_s=700_000), PaymentExpired)
    payment = house.payment
    assert (payment.snapshot.status, payment.sums.released_minor, payment.sums.capturable_minor) == ("expired", AMOUNT.amount_minor, 0)
    assert (house.operation_rows, house.payment_row["due_at"]) == ({}, None)


def test_a_void_that_the_gateway_cannot_do_is_refused_before_it_is_asked() -> None:
    with pytest.raises(NotAllowed, match="PAYMENT_NOT_VOIDABLE"):
        plan_void("requires_capture", held().payment.sums, lapses=True)


def test_the_payer_who_does_not_act_is_asked_about_and_then_waited_for_no_longer() -> None:
    house = House(Waiting(action_ttl_s=100)).hear(action(ONE))
    waits = []
    for _ in range(3):
        house.now = house.payment_row["due_at"]
        said_only(house.sweep_payment(), ResumePayment)
        waits.append((house.payment_row["due_at"] - house.now).total_seconds())
    assert waits == sorted(waits)
    house.now = house.payment_row["due_at"]
    assert (house.sweep_payment(after_s=50) and house.payment.snapshot.status) == "expired"
    assert (house.payment.snapshot.error or {})["code"] == "ACTION_EXPIRED"
    house.hear(verified(ONE, "succeeded", reference="ch_1"))
    assert (house.payment.snapshot.status, house.one("reversal").status) == ("expired", "processing")


def test_a_link_whose_making_is_in_doubt_expires_like_any_other() -> None:
    """Nobody was sent to it, so nobody pays; should somebody, it is given back."""
    house = House(Waiting(link_ttl_s=100, resume_after_s=10))
    house.payment_row["method"] = "PAYMENT_LINK"
    link = ONE.model_copy(update={"operation": "link", "method": "PAYMENT_LINK"})
    house.hear(unknown(link))
    house.now = house.payment_row["due_at"]
    said_only(house.sweep_payment(), ResumePayment)
    assert house.payment.snapshot.status == "pending_verification"
    house.sweep_payment(after_s=100)
    assert (house.payment.snapshot.status, house.payment_row["due_at"]) == ("expired", None)
    house.hear(verified(link, "succeeded", reference="ch_1"))
    assert (house.payment.snapshot.status, house.one("reversal").status) == ("expired", "processing")


def test_a_message_twice_changes_nothing() -> None:
    house = paid()
    asked = house.ask("refund", refund(20_000), ID)
    done(house, asked)
    work = house.change(lambda work: None)
    again = house.hear(succeeded(trying(asked), reference="mv_1"))
    assert work.writes == []
    assert again.payment.sums.refunded_minor == 20_000
    assert len([one for one in house.events if isinstance(one, RefundSucceeded)]) == 1


# What holds for every life.

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
    "pending_verification": {"succeeded", "requires_capture", "failed", "conflicted"},
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
