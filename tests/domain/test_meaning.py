"""What the executor says of an answer, of a late one, and of an outcome it has stored."""

from typing import Any

import orjson
import pytest

from services.executor import store
from services.executor.consumers import sweep_overdue
from services.executor.domain.meaning import CANNOT_OPEN, NOT_CONNECTED, observed, said, stored
from shared.contracts import (
    AttemptActionRequired,
    AttemptDoubted,
    AttemptEvent,
    AttemptExpired,
    AttemptFailed,
    AttemptObserved,
    AttemptSucceeded,
    AttemptUnknown,
    ExecuteAttempt,
    Money,
)
from shared.gateways import ActionRequired, Answer, Finding, NotFound, Pending, Refused, Succeeded, Unclear
from tests.domain.evidence import HEAD, expired, unknown
from tests.domain.stand import DECLINED, FAULT, NOW, PAYMENT, after, attempt, routes, said_only, work_with, written

ONE = attempt(1)
COMMAND = ExecuteAttempt(**HEAD, attempt=ONE, deadline_at=after(5))
TAKEN = Succeeded("ch_1", Money(amount_minor=49_999, currency="INR"))


@pytest.mark.parametrize(
    ("answer", "kind", "fields"),
    [
        (TAKEN, AttemptSucceeded, {"confirmed": TAKEN.confirmed, "gateway_reference": "ch_1", "latency_ms": 7}),
        (Refused(DECLINED, "ch_1"), AttemptFailed, {"refusal": DECLINED, "gateway_reference": "ch_1", "latency_ms": 7}),
        (Refused(FAULT), AttemptFailed, {"refusal": FAULT, "gateway_reference": None, "latency_ms": 7}),
        (
            ActionRequired("ch_1", "https://x"),
            AttemptActionRequired,
            {"gateway_reference": "ch_1", "action_url": "https://x", "latency_ms": 7},
        ),
        (Unclear("status 500", "ch_1"), AttemptUnknown, {"reason": "status 500", "gateway_reference": "ch_1", "latency_ms": 7}),
    ],
)
def test_the_first_word(answer: Answer, kind: type[AttemptEvent], fields: dict[str, Any]) -> None:
    event = said(COMMAND, ONE, answer, 7)
    assert type(event) is kind
    assert {name: getattr(event, name) for name in fields} == fields
    assert (event.attempt, event.causation_id, event.correlation_id) == (ONE, COMMAND.message_id, PAYMENT)
    assert event.message_id == said(COMMAND, ONE, answer, 8).message_id


@pytest.mark.parametrize(
    ("seen", "finding", "fields"),
    [
        (TAKEN, "succeeded", {"confirmed": TAKEN.confirmed, "gateway_reference": "ch_1"}),
        (Refused(DECLINED, "ch_1"), "failed", {"refusal": DECLINED, "gateway_reference": "ch_1"}),
        (Pending("ch_1"), "pending", {"gateway_reference": "ch_1"}),
        (ActionRequired("ch_1", None), "pending", {"gateway_reference": "ch_1"}),
        (NotFound(), "not_found", {}),
        (Unclear("status 502", "ch_1"), "unanswered", {"gateway_reference": "ch_1"}),
    ],
)
def test_a_later_word_is_evidence(seen: Answer | Finding, finding: str, fields: dict[str, Any]) -> None:
    event = observed(COMMAND, ONE, seen, "lookup")
    assert (event.finding, event.source, event.attempt) == (finding, "lookup", ONE)
    assert {"confirmed": event.confirmed, "refusal": event.refusal, "gateway_reference": event.gateway_reference} == {
        "confirmed": None,
        "refusal": None,
        "gateway_reference": None,
        **fields,
    }


@pytest.mark.parametrize("finding", [TAKEN, Refused(DECLINED, "ch_1"), Refused(FAULT)])
def test_a_stored_outcome_says_to_a_lookup_what_it_said_at_first(finding: Any) -> None:
    for event in (said(COMMAND, ONE, finding, 7), observed(COMMAND, ONE, finding, "late_answer")):
        work = work_with()
        store.conclude(work, event)
        (row,) = written(work, store.CONCLUDE)
        assert stored(orjson.loads(row["outcome"])) == finding


@pytest.mark.parametrize(
    ("event", "state"),
    [
        (said(COMMAND, ONE, TAKEN, 7), "succeeded"),
        (said(COMMAND, ONE, Refused(DECLINED), 7), "failed"),
        (said(COMMAND, ONE, Unclear("?"), 7), "unknown"),
        (said(COMMAND, ONE, ActionRequired("ch_1", None), 7), "action_required"),
        (expired(ONE), "expired"),
        (observed(COMMAND, ONE, TAKEN, "late_answer"), "succeeded"),
        (observed(COMMAND, ONE, Refused(DECLINED), "late_answer"), "failed"),
        (observed(COMMAND, ONE, Pending(), "late_answer"), "unknown"),
    ],
)
def test_an_outcome_is_a_state(event: AttemptEvent, state: str) -> None:
    work = work_with()
    store.conclude(work, event)
    (row,) = written(work, store.CONCLUDE)
    assert (row["state"], row["due_at"], row["concluded_at"], row["attempt_id"]) == (state, None, NOW, ONE.attempt_id)


def test_what_is_no_outcome_has_no_state() -> None:
    with pytest.raises(TypeError, match="is no outcome"):
        store.state_of(AttemptDoubted(**HEAD, attempt=ONE))


def test_an_overdue_attempt_is_unknown() -> None:
    work = work_with()
    sweep_overdue(type("Row", (), {"attempt": ONE.model_dump(mode="json"), "outcome": {"gateway_reference": "order_1"}}), work)
    event = said_only(work, AttemptUnknown)
    assert (event.attempt, event.correlation_id, event.gateway_reference) == (ONE, PAYMENT, "order_1")
    assert routes(work) == [("payments.events", "attempt.unknown.v1")]


def test_our_own_refusals_prove_that_nothing_was_charged() -> None:
    assert (NOT_CONNECTED.retryable, NOT_CONNECTED.outcome_class) == (True, "gateway_fault")
    assert (CANNOT_OPEN.retryable, CANNOT_OPEN.outcome_class) == (False, "our_fault")


def test_an_expired_attempt_and_an_unknown_one_differ() -> None:
    assert isinstance(expired(ONE), AttemptExpired)
    assert store.state_of(expired(ONE)) != store.state_of(unknown(ONE))
    assert store.state_of(observed(COMMAND, ONE, NotFound(), "lookup")) == "unknown"
    assert isinstance(observed(COMMAND, ONE, NotFound(), "lookup"), AttemptObserved)
