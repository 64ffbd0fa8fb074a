"""What evidence proves, and how long is asked."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.verifier.domain.verdict import (
    Charge,
    Finding,
    Open,
    Patience,
    Patiences,
    Settled,
    is_news,
    may_settle_by_hand,
    next_lookup,
    weigh,
)
from shared.contracts import Money
from tests.domain.stand import NOW, after

PATIENCE = Patience(ladder_s=(2, 10, 30), grace_s=120)


def weighed(finding: Finding, *, age_s: float = 0, not_found: int = 0) -> Settled | Open:
    return weigh(finding, opened_at=NOW, now=after(age_s), not_found=not_found, patience=PATIENCE)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (weighed("succeeded"), Settled("succeeded", "the gateway says succeeded")),
        (weighed("failed"), Settled("failed", "the gateway says failed")),
        (weighed("pending", not_found=1), Open(1, "pending")),
        (weighed("unanswered"), Open(0, "unanswered")),
        (weighed("not_found", age_s=119.9), Open(0, "not found after 119.9 s, before the grace of 120 s: proves nothing")),
        (weighed("not_found", age_s=119.9, not_found=1), Open(1, "not found after 119.9 s, before the grace of 120 s: proves nothing")),
        (weighed("not_found", age_s=120), Open(1, "not found once after the grace: asked again")),
        (weighed("not_found", age_s=120, not_found=1), Settled("failed", "not found 2 times after the grace of 120 s")),
    ],
)
def test_what_one_more_piece_of_evidence_proves(found: Settled | Open, expected: Settled | Open) -> None:
    assert found == expected


@pytest.mark.parametrize(("lookups", "due_s"), [(0, 2), (1, 10), (2, 30)])
def test_the_ladder(lookups: int, due_s: float) -> None:
    assert next_lookup(lookups=lookups, now=NOW, patience=PATIENCE) == after(due_s)


def test_the_ladder_ends() -> None:
    assert next_lookup(lookups=3, now=NOW, patience=PATIENCE) is None


findings = st.lists(st.tuples(st.sampled_from(["pending", "not_found", "unanswered"]), st.floats(0, 90)), max_size=12)


@given(findings)
def test_not_found_proves_failure_only_after_the_grace_and_twice(answers: list[tuple[Finding, float]]) -> None:
    not_found, age_s, counted = 0, 0.0, 0
    for finding, passed_s in answers:
        age_s += passed_s
        result = weighed(finding, age_s=age_s, not_found=not_found)
        counted += finding == "not_found" and (after(age_s) - NOW).total_seconds() >= PATIENCE.grace_s
        assert isinstance(result, Settled) == (counted >= 2)
        if isinstance(result, Settled):
            assert result.verdict == "failed"
            break
        not_found = result.not_found
        assert not_found == counted


MONEY, OTHER = Money(amount_minor=50_000, currency="INR"), Money(amount_minor=1, currency="INR")
KNOWN = Charge(MONEY, "ch_1")


@pytest.mark.parametrize("state", ["open", "exhausted"])
@pytest.mark.parametrize("finding", ["succeeded", "failed", "pending", "not_found", "unanswered"])
def test_whatever_is_seen_of_what_is_not_settled_is_news(state: Any, finding: Any) -> None:
    assert is_news(state, finding, known=None, seen=None)


@pytest.mark.parametrize("finding", ["succeeded", "failed", "pending", "not_found", "unanswered"])
def test_of_what_has_failed_only_a_success_is_news(finding: Any) -> None:
    assert is_news("failed", finding, known=None, seen=None) == (finding == "succeeded")


@pytest.mark.parametrize(
    ("seen", "news"),
    [(KNOWN, False), (Charge(OTHER, "ch_1"), True), (Charge(MONEY, "ch_2"), True), (Charge(MONEY, None), False), (None, False)],
)
def test_of_what_has_succeeded_only_a_contradiction_is_news(seen: Charge | None, news: bool) -> None:
    """The edge makes a conflict of it."""
    assert is_news("succeeded", "succeeded", known=KNOWN, seen=seen) == news
    assert not is_news("succeeded", "failed", known=KNOWN, seen=seen)


def test_a_name_of_what_was_settled_without_one_is_news() -> None:
    """An operator saw that it was charged, and the webhook comes after all: without its name nobody could refund it."""
    nameless = Charge(MONEY, None)
    assert is_news("succeeded", "succeeded", known=nameless, seen=KNOWN)
    assert not is_news("succeeded", "succeeded", known=nameless, seen=nameless)
    assert not is_news("succeeded", "failed", known=nameless, seen=KNOWN)


@pytest.mark.parametrize(
    ("state", "verdict", "may"),
    [
        ("open", "succeeded", True),
        ("open", "failed", True),
        ("exhausted", "succeeded", True),
        ("exhausted", "failed", True),
        ("failed", "succeeded", True),
        ("failed", "failed", False),
        ("succeeded", "failed", False),
        ("succeeded", "succeeded", False),
    ],
)
def test_what_an_operator_may_settle(state: Any, verdict: Any, may: bool) -> None:
    assert may_settle_by_hand(state, verdict) == may


def test_an_account_has_a_patience_of_its_own_or_the_default() -> None:
    hasty = Patience((1,), 0)
    patiences = Patiences(PATIENCE, {"razor": hasty})
    assert (patiences.of("razor"), patiences.of("alpha")) == (hasty, PATIENCE)
