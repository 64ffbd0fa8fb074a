"""What statistics keep of an attempt, whose doing a failure is, and which of several words counts."""

import asyncio
from collections.abc import Sequence
from dataclasses import fields, replace
from itertools import permutations
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics import store
from services.metrics.consumers import attempt_ended
from services.metrics.domain.outcome import ATTRIBUTABLE, FIRST, VERIFIED_FAILED, VERIFIED_SUCCEEDED, Outcome, outcome_of
from services.metrics.domain.words import settled
from shared.contracts import Assignment, AttemptEvent, OutcomeClass
from tests.domain.evidence import HEAD, action, expired, failed, succeeded, unknown, verified
from tests.domain.stand import DECLINED, FAULT, attempt, work_with, written

ONE = attempt(1)
TOLD: dict[str, Any] = {"bank": "hdfc", "segment": "CARD:<200000", "probe": True, "epoch": 3}
ARM = Assignment(experiment_id="exp_1", arm="treatment", control_pct=50)


class Stand:
    """A unit of work that applies a change at once."""

    def __init__(self) -> None:
        self.work = work_with()

    async def apply(self, change: Any) -> None:
        change(self.work)


@pytest.mark.parametrize(
    ("event", "phase", "outcome_class", "latency_ms"),
    [
        (succeeded(ONE), FIRST, "success", 9),
        (failed(ONE, DECLINED), FIRST, "user_decline", 9),
        (failed(ONE, FAULT), FIRST, "gateway_fault", 9),
        (unknown(ONE), FIRST, "unknown", None),
        (verified(ONE, "failed", refusal=DECLINED), VERIFIED_FAILED, "user_decline", None),
        (verified(ONE, "failed"), VERIFIED_FAILED, "gateway_fault", None),
        (verified(ONE, "succeeded"), VERIFIED_SUCCEEDED, "success", None),
    ],
)
def test_outcomes(event: Any, phase: int, outcome_class: OutcomeClass, latency_ms: int | None) -> None:
    found = outcome_of(event)
    assert (found.attempt_id, found.phase, found.gateway, found.method) == (ONE.attempt_id, phase, "alpha", "CARD")
    assert (found.outcome_class, found.latency_ms, found.amount_bucket) == (outcome_class, latency_ms, "<200000")
    assert found.timeout is (outcome_class == "unknown")
    stand = Stand()
    asyncio.run(attempt_ended(event, stand))  # type: ignore[arg-type]
    (row,) = written(stand.work, store.INSERT_OUTCOME)
    assert replace(found, at_s=0.0) == Outcome(**row)


def test_what_an_attempt_was_decided_by_rides_along() -> None:
    found = outcome_of(succeeded(ONE.model_copy(update={**TOLD, "experiment": ARM})))
    assert {name: getattr(found, name) for name in TOLD} == TOLD
    assert (found.experiment_id, found.arm, found.control_pct) == ("exp_1", "treatment", 50)


def test_a_capture_or_refund_says_nothing_of_how_a_gateway_takes_payments() -> None:
    stand = Stand()
    event = failed(ONE.model_copy(update={"operation": "refund", "operation_id": ONE.payment_id}), FAULT)
    asyncio.run(attempt_ended(event, stand))  # type: ignore[arg-type]
    assert stand.work.writes == []


def test_rows_are_read_by_position() -> None:
    assert tuple(one.name for one in fields(Outcome))[: len(store.COLUMNS) + 1] == (*store.COLUMNS, "at_s")


def test_an_experiment_counts_first_attempts_only() -> None:
    assert outcome_of(succeeded(attempt(2).model_copy(update={"experiment": ARM}))).experiment_id is None


@pytest.mark.parametrize("event", [action(ONE), expired(ONE)])
def test_what_says_nothing_of_a_gateway_is_no_outcome(event: AttemptEvent) -> None:
    with pytest.raises(TypeError, match="is no outcome"):
        outcome_of(event)


def test_a_customers_decline_lowers_no_gateway() -> None:
    assert set(get_args(OutcomeClass)) - ATTRIBUTABLE == {"issuer_fault", "user_decline", "fraud_block", "our_fault"}


def test_the_words_of_one_attempt_are_told_apart() -> None:
    words = [unknown(ONE), verified(ONE, "failed"), verified(ONE, "succeeded"), verified(attempt(2), "failed")]
    assert len({(one.attempt_id, one.phase) for one in map(outcome_of, words)}) == 4
    assert HEAD["correlation_id"] == ONE.payment_id


WORDS = [
    replace(outcome_of(event), at_s=float(number))
    for number, event in enumerate((unknown(ONE), verified(ONE, "failed"), verified(ONE, "succeeded")))
]


def standing_of(batches: Sequence[Sequence[Outcome]]) -> tuple[dict[str, int], list[Outcome]]:
    """What remains counted after folding the batches one after the other, and every word that counted."""
    counts: dict[str, int] = {}
    earlier: dict[Any, Outcome] = {}
    counting: list[Outcome] = []
    for batch in batches:
        for word in settled(batch, earlier):
            counts[word.outcome_class] = counts.get(word.outcome_class, 0) + 1
            if word.was is not None:
                counts[word.was] -= 1
            earlier[word.attempt_id] = word
            counting.append(word)
    return {name: count for name, count in counts.items() if count}, counting


@pytest.mark.parametrize("order", list(permutations(WORDS)))
@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_the_last_word_counts_in_whatever_order_words_are_heard(order: tuple[Outcome, ...], cut: int) -> None:
    counts, _ = standing_of([order[:cut], order[cut:]])
    assert counts == {"success": 1}


@given(st.lists(st.lists(st.sampled_from(WORDS), unique_by=lambda one: one.phase, max_size=3), max_size=5))
def test_an_attempt_counts_once_however_its_words_are_repeated(batches: list[list[Outcome]]) -> None:
    heard = [word for batch in batches for word in batch]
    counts, _ = standing_of(batches)
    assert counts == ({max(heard, key=lambda one: one.phase).outcome_class: 1} if heard else {})


def test_a_correction_counts_when_its_first_word_was_heard() -> None:
    _, counting = standing_of([WORDS[:1], WORDS[1:]])
    assert [(one.outcome_class, one.was, one.at_s) for one in counting] == [
        ("unknown", None, 0.0),
        ("gateway_fault", "unknown", 0.0),
        ("success", "gateway_fault", 0.0),
    ]
