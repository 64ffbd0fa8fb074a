"""The judge sees every kind of violation, and calls nothing one that is none."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.faults.judge import KINDS, Charge, Webhook
from tests.faults.history import AMOUNT_MINOR, History, charge, clean, name, webhook

Change = Callable[[History], History]


def with_charge(one: Charge) -> Change:
    return lambda history: replace(history, charges=(*history.charges, one))


def with_webhook(one: Webhook) -> Change:
    return lambda history: replace(history, webhooks=(*history.webhooks, one))


def without_webhook(number: int, sequence: int) -> Change:
    return lambda history: replace(history, webhooks=tuple(one for one in history.webhooks if one != webhook_of(history, number, sequence)))


def webhook_of(history: History, number: int, sequence: int) -> Webhook:
    (found,) = [one for one in history.webhooks if (one.payment_id, one.sequence) == (name(number), sequence)]
    return found


def without_charges_of(number: int) -> Change:
    return lambda history: replace(history, charges=tuple(one for one in history.charges if one != charge(number)))


def with_too_little(number: int) -> Change:
    return lambda history: with_charge(charge(number, amount_minor=AMOUNT_MINOR - 1))(without_charges_of(number)(history))


def with_state(number: int, state: str) -> Change:
    return lambda history: replace(history, states={**history.states, name(number): state})


def never_shown(number: int) -> Change:
    return lambda history: replace(history, states={one: state for one, state in history.states.items() if one != name(number)})


WRONG: list[tuple[str, Change, set[str]]] = [
    ("still processing", with_state(1, "processing"), {"lost", "invented"}),
    ("waits for an action for ever", with_state(4, "requires_action"), {"lost", "invented"}),
    ("in doubt for ever", lambda history: history.and_payment(9, "pending_verification", charged_at=1), {"lost"}),
    ("the edge does not know it", lambda history: history.and_payment(9, "unknown to the edge", told=()), {"lost"}),
    ("was never shown", never_shown(1), {"lost", "invented"}),
    ("two charges of one attempt", with_charge(replace(charge(1), charge_id="ch_copy")), {"doubled"}),
    ("two charges of two attempts", with_charge(charge(1, attempt=2, account="beta")), {"doubled"}),
    ("two charges of a conflicted payment", with_charge(charge(6, attempt=2, account="beta")), {"doubled"}),
    ("succeeded without a charge", without_charges_of(1), {"mismatched"}),
    ("succeeded with too little", with_too_little(1), {"mismatched"}),
    ("failed with a charge", with_charge(charge(4)), {"mismatched"}),
    ("its end was not told", without_webhook(1, 1), {"unnotified"}),
    ("a state on its way was not told", without_webhook(3, 1), {"unnotified"}),
    ("only its doubt was told", without_webhook(3, 2), {"unnotified"}),
    ("told of another end", with_webhook(webhook(1, "failed", 2)), {"invented"}),
    ("told of one state under two ids", with_webhook(webhook(1, "succeeded", 1, again=True)), {"invented"}),
    ("told of two states under one sequence", with_webhook(webhook(1, "pending_verification", 1)), {"invented"}),
    ("a charge for nobody's order", with_charge(charge(77)), {"invented"}),
    ("a charge that no attempt of ours made", with_charge(replace(charge(1), reference="stranger")), {"invented"}),
    ("a webhook for nobody's order", with_webhook(webhook(77, "succeeded", 1)), {"invented"}),
    ("something is left in a queue", lambda history: replace(history, leftover={"queue router.commands": 2}), {"leftover"}),
]  # fmt: skip


def test_a_clean_history_is_clean() -> None:
    verdict = clean().judged()
    assert (verdict.red, verdict.clean, verdict.accepted) == ({}, True, 6)


def test_nothing_is_clean() -> None:
    assert History(leftover={"queue router.commands": 0}).judged().clean


@pytest.mark.parametrize(("change", "kinds"), [(change, kinds) for _, change, kinds in WRONG], ids=[what for what, _, _ in WRONG])
def test_what_is_wrong_is_found(change: Change, kinds: set[str]) -> None:
    verdict = change(clean()).judged()
    assert set(verdict.red) == kinds
    assert not verdict.clean


def test_every_kind_of_violation_is_in_the_table() -> None:
    assert {kind for _, _, kinds in WRONG for kind in kinds} == set(KINDS)


def test_repeated_deliveries_of_one_webhook_are_none() -> None:
    """At least once is what was promised: the id tells the shop that it has it."""
    history = clean()
    assert replace(history, webhooks=history.webhooks * 3).judged().clean


def test_orders_that_were_never_answered_may_have_made_payments() -> None:
    """Their ids are nobody's knowledge, so a strange charge or webhook is no proof; what is wrong with known payments still is."""
    history = with_webhook(webhook(77, "succeeded", 1))(with_charge(charge(77))(clean()))
    assert replace(history, unanswered=1).judged().clean
    assert set(with_charge(charge(4))(replace(history, unanswered=1)).judged().red) == {"mismatched"}


def test_a_case_names_its_payment() -> None:
    (line,) = with_charge(charge(1, attempt=2, account="beta"))(clean()).judged().doubled
    assert name(1) in line
    assert "beta" in line


ENDS = st.sampled_from(["succeeded", "rescued", "verified", "failed", "doubted", "conflicted"])


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Clean ones of one to eight payments."""
    history = History()
    for number, end in enumerate(draw(st.lists(ENDS, min_size=1, max_size=8)), 1):
        match end:
            case "succeeded" | "conflicted":
                history = history.and_payment(number, end, charged_at=1)
            case "rescued":
                history = history.and_payment(number, "succeeded", charged_at=draw(st.integers(2, 3)))
            case "verified":
                history = history.and_payment(number, "succeeded", charged_at=1, told=("pending_verification", "succeeded"))
            case "failed":
                history = history.and_payment(number, "failed")
            case "doubted":
                history = history.and_payment(number, "failed", told=("pending_verification", "failed"))
    return history


@given(histories(), st.data())
def test_one_charge_more_always_turns_it_red(history: History, data: st.DataObject) -> None:
    assert history.judged().clean
    number = data.draw(st.integers(1, len(history.amounts)))
    extra = replace(charge(number, attempt=data.draw(st.integers(1, 3))), charge_id="ch_extra")
    red = with_charge(extra)(history).judged().red
    charged = sum(extra.reference == one.reference or name(number) == owner_of(one) for one in history.charges)
    assert set(red) == ({"doubled"} if charged else {"mismatched"})


@given(histories(), st.data())
def test_one_webhook_less_always_turns_it_red(history: History, data: st.DataObject) -> None:
    lost = data.draw(st.sampled_from(history.webhooks))
    left = replace(history, webhooks=tuple(one for one in history.webhooks if one != lost))
    assert set(left.judged().red) == {"unnotified"}


@given(histories(), st.data())
def test_one_charge_less_always_turns_a_success_red(history: History, data: st.DataObject) -> None:
    successes = [number for number in range(1, len(history.amounts) + 1) if history.states[name(number)] == "succeeded"]
    if successes:
        number = data.draw(st.sampled_from(successes))
        left = replace(history, charges=tuple(one for one in history.charges if owner_of(one) != name(number)))
        assert set(left.judged().red) == {"mismatched"}


@given(histories(), st.data())
def test_a_payment_that_never_ended_always_turns_it_red(history: History, data: st.DataObject) -> None:
    number = data.draw(st.integers(1, len(history.amounts)))
    assert "lost" in with_state(number, data.draw(st.sampled_from(["processing", "pending_verification"])))(history).judged().red


def owner_of(one: Charge) -> str:
    """The payment whose charge this is, by the id that `history.charge` gives it."""
    return name(int(one.charge_id.split("_")[1]))
