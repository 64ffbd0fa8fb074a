"""What statistics keep of an attempt, and whose doing a failure is."""

from typing import get_args

import pytest

from services.metrics import store
from services.metrics.consumers import attempt_ended
from services.metrics.domain.outcome import ATTRIBUTABLE, Outcome, outcome_of
from shared.contracts import AttemptEvent, OutcomeClass
from tests.domain.evidence import HEAD, action, expired, failed, succeeded, unknown, verified
from tests.domain.stand import DECLINED, FAULT, attempt, work_with, written

ONE = attempt(1)


@pytest.mark.parametrize(
    ("event", "phase", "outcome_class", "latency_ms"),
    [
        (succeeded(ONE), 0, "success", 9),
        (failed(ONE, DECLINED), 0, "user_decline", 9),
        (failed(ONE, FAULT), 0, "gateway_fault", 9),
        (unknown(ONE), 0, "unknown", None),
        (verified(ONE, "succeeded"), 1, "success", None),
        (verified(ONE, "failed", refusal=DECLINED), 1, "user_decline", None),
        (verified(ONE, "failed"), 1, "gateway_fault", None),
    ],
)
def test_outcomes(event: AttemptEvent, phase: int, outcome_class: OutcomeClass, latency_ms: int | None) -> None:
    expected = Outcome(ONE.attempt_id, phase, "alpha", "CARD", outcome_class, latency_ms)
    assert outcome_of(event) == expected
    work = work_with()
    attempt_ended(event, work)  # type: ignore[arg-type]
    (row,) = written(work, store.INSERT_OUTCOME)
    assert Outcome(**row) == expected


@pytest.mark.parametrize("event", [action(ONE), expired(ONE)])
def test_what_says_nothing_of_a_gateway_is_no_outcome(event: AttemptEvent) -> None:
    with pytest.raises(TypeError, match="is no outcome"):
        outcome_of(event)


def test_a_customers_decline_lowers_no_gateway() -> None:
    assert set(get_args(OutcomeClass)) - ATTRIBUTABLE == {"issuer_fault", "user_decline", "fraud_block", "our_fault"}


def test_the_sql_that_counts_agrees() -> None:
    assert all(f"'{one}'" in str(store.HEALTH) for one in ATTRIBUTABLE)
    assert not any(f"'{one}'" in str(store.HEALTH) for one in set(get_args(OutcomeClass)) - ATTRIBUTABLE)


def test_the_first_word_and_the_correction_are_told_apart() -> None:
    keys = {(one.attempt_id, one.phase) for one in map(outcome_of, (unknown(ONE), verified(ONE, "failed"), verified(attempt(2), "failed")))}
    assert len(keys) == 3
    assert HEAD["correlation_id"] == ONE.payment_id
