"""What comes too late or not at all: charges that are given back, authorisations that lapse, payers who do not act."""

import pytest

from services.api.domain.operations import once_more
from services.api.domain.plans import NotAllowed, plan_void
from shared.contracts import (
    PaymentExpired,
    PaymentReversed,
    RefundSucceeded,
    ResumePayment,
)
from shared.settings import Waiting
from tests.domain.evidence import ATTEMPTS, action, exhausted, failed, succeeded, unknown, verified
from tests.domain.house import House, trying
from tests.domain.lives import HELD, ID, done, held, paid, refund
from tests.domain.stand import AMOUNT, DECLINED, said_only

ONE, TWO, THREE = ATTEMPTS


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


def test_a_payer_whom_the_second_gateway_awaits_is_waited_for_no_longer_either() -> None:
    """The first gateway's answer was lost: it had refused."""
    house = House(Waiting(action_ttl_s=100)).hear(unknown(ONE), verified(ONE, "failed"), action(TWO, "https://bank.example/2"))
    assert (house.payment.snapshot.status, house.payment.snapshot.payment_url) == ("requires_action", "https://bank.example/2")
    house.sweep_payment(after_s=100)
    assert (house.payment.snapshot.status, house.payment_row["due_at"]) == ("expired", None)


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


def test_what_was_settled_without_a_name_is_refunded_by_the_one_that_comes_later() -> None:
    house = House().hear(unknown(ONE), verified(ONE, "succeeded"), verified(ONE, "succeeded", reference="ch_1"))
    assert house.payment.snapshot.status == "succeeded"
    assert house.ask("refund", refund(), ID).target_reference == "ch_1"


def test_a_message_twice_changes_nothing() -> None:
    house = paid()
    asked = house.ask("refund", refund(20_000), ID)
    done(house, asked)
    work = house.change(lambda work: None)
    again = house.hear(succeeded(trying(asked), reference="mv_1"))
    assert work.writes == []
    assert again.payment.sums.refunded_minor == 20_000
    assert len([one for one in house.events if isinstance(one, RefundSucceeded)]) == 1
