"""What evidence proves, and how long is asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.verifier.domain.verdict import Finding, Open, Patience, Settled, next_lookup, weigh
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
