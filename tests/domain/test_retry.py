"""After a proven negative: the next attempt or the end, and how long an attempt may take."""

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.domain.retry import GiveUp, Policy, TryNext, after_failure, budget_end, deadline
from tests.domain.stand import NOW, after

POLICY = Policy(attempts_max=3, latency_budget_ms=10_000)


def step(number: int = 1, *, retryable: bool = True, now: datetime = NOW, policy: Policy = POLICY) -> TryNext | GiveUp:
    return after_failure(number=number, code="CODE", retryable=retryable, created_at=NOW, now=now, policy=policy)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (step(1), TryNext(2)),
        (step(2), TryNext(3)),
        (step(3), GiveUp("CODE", "3 of 3 attempts made")),
        (step(1, retryable=False), GiveUp("CODE", "CODE is final: another gateway would hear the same")),
        (step(1, now=after(9.999)), TryNext(2)),
        (step(1, now=after(10)), GiveUp("CODE", "the latency budget of 10000 ms is spent")),
        (step(1, policy=replace(POLICY, enabled=False)), GiveUp("CODE", "the merchant's policy allows no retry")),
        (step(1, policy=replace(POLICY, attempts_max=1)), GiveUp("CODE", "1 of 1 attempts made")),
        (step(1, policy=replace(POLICY, latency_budget_ms=0)), GiveUp("CODE", "the latency budget of 0 ms is spent")),
    ],
)
def test_after_failure(found: TryNext | GiveUp, expected: TryNext | GiveUp) -> None:
    assert found == expected


@pytest.mark.parametrize(
    ("number", "now_s", "until_s"),
    [
        (1, 0, 5),  # twice the gateway's timeout
        (1, 9, 14),  # a first attempt runs whatever the queue has cost
        (1, 55, 60),
        (2, 1, 6),
        (2, 6, 10),  # a later one ends with the budget
        (3, 9.5, 10),
    ],
)
def test_deadline(number: int, now_s: float, until_s: float) -> None:
    assert deadline(number=number, created_at=NOW, now=after(now_s), gateway_timeout_ms=2_500, policy=POLICY) == after(until_s)


policies = st.builds(Policy, attempts_max=st.integers(1, 10), latency_budget_ms=st.integers(0, 60_000), enabled=st.booleans())


@given(policies, st.integers(1, 12), st.floats(0, 70), st.booleans(), st.integers(1, 10_000))
def test_who_may_try_again_has_time_to(policy: Policy, number: int, now_s: float, retryable: bool, timeout_ms: int) -> None:
    now = after(now_s)
    found = step(number, retryable=retryable, now=now, policy=policy)
    if isinstance(found, TryNext):
        assert retryable
        assert found.number == number + 1 <= policy.attempts_max
        assert (
            now
            < deadline(number=found.number, created_at=NOW, now=now, gateway_timeout_ms=timeout_ms, policy=policy)
            <= budget_end(NOW, policy)
        )
