"""The state machine of a payment: as a table of short lives, and as what holds for every life whatever."""

from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.api.domain.evidence import Seen, fold
from services.api.domain.lifecycle import FORWARD, judge
from shared.contracts import Event, Money, ResumePayment, Status
from tests.domain.evidence import (
    ATTEMPTS,
    LESS,
    TERMINAL,
    action,
    exhausted,
    expired,
    failed,
    folded,
    lived,
    named,
    of_a_payment,
    of_one_attempt,
    succeeded,
    unknown,
    verified,
)
from tests.domain.stand import AMOUNT, DECLINED, PAYMENT, attempt

ONE, TWO, THREE = ATTEMPTS
HELD = attempt(operation="authorize")
OTHER_CURRENCY = Money(amount_minor=AMOUNT.amount_minor, currency="USD")

NEW: Status = "processing"
DOUBT: Status = "pending_verification"
ACT: Status = "requires_action"
OK: Status = "succeeded"
NO: Status = "failed"
ODD: Status = "conflicted"

LIVES: list[tuple[str, Sequence[Event], Sequence[Status]]] = [
    ("success", [succeeded(ONE)], [OK]),
    ("an authorization", [succeeded(HELD)], ["requires_capture"]),
    ("a decline", [failed(ONE, DECLINED), exhausted(ONE)], [NEW, NO]),
    ("the router's word comes first", [exhausted(ONE), failed(ONE)], [NEW, NO]),
    ("no gateway at all", [exhausted()], [NO]),
    ("rescued by another gateway", [failed(ONE), succeeded(TWO)], [NEW, OK]),
    ("lost answer, then found", [unknown(ONE), verified(ONE, "succeeded")], [DOUBT, OK]),
    ("lost answer, then nothing found", [unknown(ONE), exhausted(ONE), verified(ONE, "failed")], [DOUBT, DOUBT, NO]),
    ("lost answer, then rescued", [unknown(ONE), verified(ONE, "failed"), succeeded(TWO)], [DOUBT, DOUBT, OK]),
    ("expired in the queue, then tried again", [expired(ONE), succeeded(TWO)], [NEW, OK]),
    ("one of two is still in doubt", [failed(ONE), exhausted(ONE, TWO), unknown(TWO)], [NEW, NEW, DOUBT]),
    ("the customer acts", [action(ONE), succeeded(ONE)], [ACT, OK]),
    ("the customer never acts", [action(ONE), unknown(ONE), verified(ONE, "failed"), exhausted(ONE)], [ACT, DOUBT, DOUBT, NO]),
    ("what is in doubt waits for no payer", [unknown(ONE), action(ONE)], [DOUBT, DOUBT]),
    ("refused after all, and the next gateway's payer acts", [unknown(ONE), verified(ONE, "failed"), action(TWO)], [DOUBT, DOUBT, ACT]),
    ("the same, heard the other way round", [unknown(ONE), action(TWO), verified(ONE, "failed")], [DOUBT, DOUBT, ACT]),
    ("a lost answer about what had failed", [failed(ONE), unknown(ONE)], [NEW, NEW]),
    ("too little was taken", [succeeded(ONE, confirmed=LESS)], [ODD]),
    ("another currency was taken", [verified(ONE, OK, confirmed=OTHER_CURRENCY)], [ODD]),
    ("charged at two gateways", [succeeded(ONE), succeeded(TWO, reference="ch_2")], [OK, OK]),
    ("charged twice under one attempt", [succeeded(ONE), succeeded(ONE, reference="ch_2")], [OK, ODD]),
    ("witnesses of one charge", [succeeded(ONE), verified(ONE, OK), verified(ONE, OK, reference="ch_1")], [OK, OK, OK]),
    ("late success", [failed(ONE), exhausted(ONE), verified(ONE, OK)], [NEW, NO, NO]),
    ("a late success of too little", [failed(ONE), exhausted(ONE), succeeded(ONE, confirmed=LESS)], [NEW, NO, ODD]),
    ("too little beside a charge that stands", [succeeded(ONE), succeeded(TWO, confirmed=LESS)], [OK, ODD]),
    ("a failure after success changes nothing", [succeeded(ONE), failed(ONE), exhausted(ONE)], [OK, OK, OK]),
    ("nothing follows a conflict", [succeeded(ONE, confirmed=LESS), failed(ONE), succeeded(ONE), exhausted(ONE)], [ODD] * 4),
]


@pytest.mark.parametrize(("events", "statuses"), [life[1:] for life in LIVES], ids=[life[0] for life in LIVES])
def test_lives(events: Sequence[Event], statuses: Sequence[Status]) -> None:
    assert [standing.status for standing in lived(events)] == list(statuses)


@given(of_one_attempt, st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing_about_an_attempt(events: list[Event], chance: Random) -> None:
    shuffled = [*events, *events[:3]]
    chance.shuffle(shuffled)
    assert folded(shuffled) == folded(events)


@settings(max_examples=200)
@given(of_a_payment, st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing_about_what_is_known(events: list[Event], chance: Random) -> None:
    shuffled = [*events, *events[:3]]
    chance.shuffle(shuffled)
    assert folded(shuffled) == folded(events)


def is_ahead(was: Status, now: Status) -> bool:
    """The edges of the diagram in `lifecycle`, and the one step back."""
    if was in FORWARD:
        return now in TERMINAL or (was, now) == (DOUBT, ACT) or (now in FORWARD and FORWARD[now] >= FORWARD[was])
    return now == was or now == "conflicted"


@settings(max_examples=500)
@given(of_a_payment)
def test_a_payment_only_moves_forward(events: list[Event]) -> None:
    life: list[Status] = ["processing", *(standing.status for standing in lived(events))]
    assert all(is_ahead(was, now) for was, now in pairwise(life)), life


@settings(max_examples=500)
@given(of_a_payment)
def test_every_state_entered_is_justified_by_evidence(events: list[Event]) -> None:
    life: list[Status] = [NEW, *(standing.status for standing in lived(events))]
    for upto, (was, status) in enumerate(pairwise(life), 1):
        if status == was:
            continue
        known = folded(events[:upto])
        charges = [charge for seen in known.attempts.values() for charge in seen.charged]
        charged_attempts = [seen for seen in known.attempts.values() if seen.charged]
        match status:
            case "succeeded" | "requires_capture":
                assert charged_attempts
                assert {(amount_minor, currency) for amount_minor, currency, _ in charges} == {(AMOUNT.amount_minor, AMOUNT.currency)}
                assert not any(seen.has_two_references for seen in charged_attempts)
            case "failed":
                assert not charges
                assert known.exhausted is not None
                assert all(known.attempts[name].is_negative for name in known.exhausted["attempts"])
            case "conflicted":
                assert charges
            case "requires_action":
                assert not charges
                assert not any(seen.unknown and not seen.is_negative for seen in known.attempts.values())
            case _:
                assert not charges


@settings(max_examples=300)
@given(of_a_payment)
def test_money_taken_wrongly_is_never_success_and_of_all_charges_one_stands(events: list[Event]) -> None:
    known, life = folded(events), lived(events)
    charged = {name for name, seen in known.attempts.items() if seen.charged}
    wrong = any(
        seen.taken != {(AMOUNT.amount_minor, AMOUNT.currency)} or seen.has_two_references
        for seen in known.attempts.values()
        if seen.charged
    )
    if wrong:
        assert life[-1].status == "conflicted"
        return
    given_back = [name for standing in life for name in standing.reverse]
    assert len(given_back) == len(set(given_back))
    standing = charged - set(given_back)
    assert len(standing) == (1 if life and life[-1].status in ("succeeded", "requires_capture") else 0)
    assert not life or standing == {one for one in [life[-1].kept] if one} or not charged


@settings(max_examples=300)
@given(of_a_payment, st.randoms(use_true_random=False))
def test_the_end_depends_on_the_order_only_where_failure_was_told_first(events: list[Event], chance: Random) -> None:
    shuffled = list(events)
    chance.shuffle(shuffled)
    one, other = lived(events), lived(shuffled)
    if not events or "failed" in {standing.status for standing in one + other}:
        return
    if {one[-1].status, other[-1].status} & TERMINAL:
        assert one[-1].status == other[-1].status


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ([succeeded(ONE, confirmed=LESS)], "AMOUNT_MISMATCH"),
        ([succeeded(ONE), succeeded(ONE, reference="ch_2")], "CHARGED_TWICE"),
    ],
)
def test_a_conflict_says_which(events: Sequence[Event], code: str) -> None:
    assert (lived(events)[-1].error or {})["code"] == code


@pytest.mark.parametrize(
    ("events", "both"),
    [
        ([succeeded(ONE, confirmed=LESS)], (str(AMOUNT), str(LESS))),
        ([succeeded(ONE), succeeded(ONE, reference="ch_2")], ("ch_1", "ch_2")),
    ],
)
def test_a_conflict_shows_both_pieces_of_evidence(events: Sequence[Event], both: Sequence[str]) -> None:
    message = (lived(events)[-1].error or {})["message"]
    assert all(piece in message for piece in both), message


@pytest.mark.parametrize(
    ("events", "status", "back"),
    [
        ([exhausted(), succeeded(ONE)], "failed", [named(1)]),
        ([succeeded(ONE), succeeded(TWO)], "succeeded", [named(2)]),
        ([succeeded(TWO), verified(ONE, OK)], "succeeded", [named(1)]),
        ([exhausted(), succeeded(ONE), verified(ONE, OK)], "failed", []),
        ([succeeded(ONE, confirmed=LESS), succeeded(TWO)], "conflicted", []),
    ],
)
def test_a_charge_that_nobody_waits_for_is_given_back_once(events: Sequence[Event], status: Status, back: Sequence[str]) -> None:
    """The standing after the last event names it; witnesses that come later add nothing."""
    last = lived(events)[-1]
    assert (last.status, list(last.reverse)) == (status, back)


def test_a_failure_says_the_routers_code_and_the_last_gateways_words() -> None:
    last = lived([failed(ONE), failed(TWO, DECLINED), exhausted(ONE, TWO, code="card_declined")])[-1]
    assert last.error == {"code": "card_declined", "message": DECLINED.message}
    assert last.gateway == "beta"


def test_a_failure_without_a_gateway_says_the_routers_reason() -> None:
    assert lived([exhausted(reason="none takes it")])[-1].error == {"code": "NO_GATEWAY_AVAILABLE", "message": "none takes it"}


def test_the_customer_is_sent_to_the_gateways_page() -> None:
    standing = lived([action(ONE, "https://bank.example/a")])[-1]
    assert (standing.payment_url, standing.gateway) == ("https://bank.example/a", "alpha")


def test_what_has_charged_is_not_refused_whatever_else_is_said_of_it() -> None:
    (seen,) = folded([failed(ONE), succeeded(ONE), expired(ONE)]).attempts.values()
    assert seen.refused
    assert not seen.is_negative


def test_evidence_is_kept_per_attempt() -> None:
    known = folded([unknown(ONE), failed(TWO)])
    assert known.attempts == {
        named(1): Seen(1, "alpha", "charge", unknown=True),
        named(2): Seen(2, "beta", "charge", refused=(("gateway_error_not_charged", "down"),), final=False),
    }


def test_what_is_no_evidence_is_refused() -> None:
    command: Any = ResumePayment(correlation_id=PAYMENT, payment_id=PAYMENT, merchant_id="m_001")
    with pytest.raises(TypeError, match="is no evidence"):
        fold(folded([]), command)


def test_nothing_new_leaves_a_payment_where_it_is() -> None:
    for status in ("processing", "requires_action", "pending_verification", "failed"):
        assert judge(folded([]), asked=AMOUNT, was=status).status == status
