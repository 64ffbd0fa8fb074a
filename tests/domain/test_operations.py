"""Captures, refunds and voids: a table of short lives."""

from typing import Any
from uuid import uuid4

import pytest

from services.api.domain.plans import NotAllowed, Plan, plan_capture
from services.api.store import Payment
from shared.contracts import (
    AttemptDoubted,
    Money,
    RefundFailed,
    RefundSucceeded,
)
from tests.domain.evidence import expired, failed, succeeded, unknown, verified
from tests.domain.house import House, trying
from tests.domain.lives import ID, capture, done, held, paid, refund, void
from tests.domain.stand import AMOUNT, DECLINED, said_only


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


def test_what_is_refunded_whole_once_a_capture_in_doubt_has_failed() -> None:
    """Until then there may be more to refund."""
    house = held()
    doubted = house.ask("capture", capture(10_000), ID)
    house.hear(unknown(trying(doubted)))
    last = house.ask("capture", capture(20_000, final=True), uuid4())
    done(house, last)
    done(house, house.ask("refund", refund(), uuid4()), "re_1")
    assert house.payment.snapshot.status == "partially_refunded"
    house.hear(verified(trying(doubted), "failed", refusal=DECLINED))
    assert (house.payment.snapshot.status, house.payment.sums.refunded_minor) == ("refunded", 20_000)
    assert house.one("void").amount.amount_minor == AMOUNT.amount_minor - 20_000


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
