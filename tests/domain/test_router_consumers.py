"""The router's handlers: one attempt at a time, each number once, and an end that lists them all."""

from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.router import store
from services.router.consumers import attempt_of
from services.router.domain.record import replay
from services.router.store import Try
from shared.contracts import (
    Attempt,
    AttemptDoubted,
    ExecuteAttempt,
    Message,
    RouteExhausted,
    SealedInstrument,
    attempt_id,
)
from tests.domain.evidence import expired, failed, verified
from tests.domain.routing import RESUME, SEALED, WAITING, Router, order, routed
from tests.domain.stand import DECLINED, FAULT, PAYMENT, after, attempt, routes, said, said_only, written


def test_a_payment_is_routed() -> None:
    router = Router()
    work = router.hear(order(), at_s=1)
    command = said_only(work, ExecuteAttempt)
    assert routes(work) == [("payments.commands", "attempt.execute.v1.alpha")]
    assert command.attempt == attempt(1).model_copy(update={"bank": "HDFC", "segment": "CARD:<200000"})
    assert command.instrument == SEALED
    assert command.deadline_at == after(1 + 2 * 2.5)
    (decision,) = written(work, store.INSERT_DECISION)
    assert (decision["payment_id"], decision["number"], decision["gateway"]) == (PAYMENT, 1, "alpha")
    assert decision["reason"] == "priority 1; first of 4 among 4; no health picture yet"
    assert replay(decision["record"]).gateway == "alpha"


def test_manual_capture_is_an_authorization() -> None:
    router = Router()
    router.hear(order(capture="manual"))
    assert router.ordered[0].operation == "authorize"


def test_a_payment_link_is_a_link() -> None:
    tried = Try(attempt_id=attempt_id(PAYMENT, 1), number=1, gateway="alpha")
    assert attempt_of(order(method="PAYMENT_LINK"), tried).operation == "link"


def test_the_row_keeps_the_instrument_apart_and_for_a_time() -> None:
    (row,) = written(Router().hear(order()), store.INSERT_ROUTE)
    assert "instrument" not in orjson.loads(row["request"])
    assert SealedInstrument.model_validate_json(row["instrument"]) == SEALED
    assert row["forget_at"] == after(10 + 60 + 60)


def test_a_replayed_command_changes_nothing() -> None:
    again = routed().hear(order(), at_s=2)
    assert (again.writes, again.outgoing) == ([], [])


def test_a_payment_that_waited_too_long_gets_no_attempt() -> None:
    work = Router().hear(order(), at_s=60.001)
    assert said_only(work, RouteExhausted).code == "PAYMENT_EXPIRED"
    (row,) = written(work, store.INSERT_ROUTE)
    assert (row["instrument"], row["forget_at"]) == (None, None)


def test_no_gateway_is_said_at_once() -> None:
    end = said_only(Router().hear(order(method="WALLET")), RouteExhausted)
    assert (end.code, end.attempts) == ("NO_GATEWAY_AVAILABLE", ())
    assert "alpha: does not take WALLET" in end.reason


@pytest.mark.parametrize(
    "negative", [failed(attempt(1)), expired(attempt(1)), verified(attempt(1), "failed"), verified(attempt(1), "failed", refusal=FAULT)]
)
def test_a_proven_negative_goes_to_the_next_gateway(negative: Message) -> None:
    router = routed()
    command = said_only(router.hear(negative, at_s=3), ExecuteAttempt)
    assert (command.attempt.number, command.attempt.gateway, command.attempt.attempt_id) == (2, "beta", attempt_id(PAYMENT, 2))
    assert command.instrument == SEALED
    assert command.deadline_at == after(8)
    assert router.states() == ["failed", "open"]


@pytest.mark.parametrize("negative", [failed(attempt(1), DECLINED), verified(attempt(1), "failed", refusal=DECLINED)])
def test_a_decline_is_the_end(negative: Message) -> None:
    router = routed()
    end = said_only(router.hear(negative), RouteExhausted)
    assert (end.code, end.attempts, end.merchant_id, end.payment_id) == ("card_declined", (attempt_id(PAYMENT, 1),), "m_001", PAYMENT)
    assert router.states() == ["failed"]


def test_the_end_lists_every_attempt() -> None:
    router = routed()
    for number, gateway in enumerate(("alpha", "beta", "gamma"), 1):
        router.hear(failed(attempt(number, gateway=gateway)))
    assert [one.gateway for one in router.ordered] == ["alpha", "beta", "gamma"]
    (end,) = [one for one in router.said if isinstance(one, RouteExhausted)]
    assert end.attempts == tuple(attempt_id(PAYMENT, number) for number in (1, 2, 3))
    assert end.reason == "3 of 3 attempts made"


def test_the_last_gateway_ends_it_before_the_last_attempt() -> None:
    router = Router("alpha")
    router.hear(order())
    end = said_only(router.hear(failed(attempt(1))), RouteExhausted)
    assert (end.code, end.attempts) == ("NO_GATEWAY_AVAILABLE", (attempt_id(PAYMENT, 1),))


def test_a_spent_budget_ends_it() -> None:
    assert said_only(routed().hear(failed(attempt(1)), at_s=10), RouteExhausted).reason == "the latency budget of 10000 ms is spent"


@pytest.mark.parametrize(
    "late",
    [
        pytest.param(failed(attempt(1)), id="an attempt that is closed"),
        pytest.param(verified(attempt(1), "failed"), id="the same by another witness"),
        pytest.param(failed(attempt(7)), id="an attempt of no route"),
        pytest.param(verified(attempt(7), "succeeded"), id="a success of no route"),
    ],
)
def test_what_closes_no_open_attempt_changes_nothing(late: Message) -> None:
    router = routed()
    router.hear(failed(attempt(1)))
    work = router.hear(late)
    assert (work.writes, work.outgoing) == ([], [])


@pytest.mark.parametrize("evidence", [failed(attempt(1)), verified(attempt(1), "succeeded")])
def test_evidence_of_a_payment_never_routed_changes_nothing(evidence: Message) -> None:
    work = Router().hear(evidence)
    assert (work.writes, work.outgoing) == ([], [])


def late_success() -> Router:
    """Attempt 1 was verified as failed, attempt 2 is under way, and then attempt 1 turns out to have charged."""
    router = routed()
    router.hear(verified(attempt(1), "failed"))
    assert said(router.hear(verified(attempt(1), "succeeded"))) == []
    assert router.states() == ["succeeded", "open"]
    return router


@pytest.mark.parametrize("negative", [failed, expired, lambda of: verified(of, "failed"), lambda of: failed(of, DECLINED)])
def test_after_a_late_success_a_negative_is_noted_and_nothing_started(negative: Any) -> None:
    router = late_success()
    assert said(router.hear(negative(attempt(2, gateway="beta")))) == []
    assert router.states() == ["succeeded", "failed"]
    assert router.columns is not None
    assert router.columns["exhausted"] is None


def test_a_success_is_not_taken_back() -> None:
    router = late_success()
    for again in (verified(attempt(1), "succeeded"), verified(attempt(1), "failed"), failed(attempt(1))):
        work = router.hear(again)
        assert (work.writes, work.outgoing) == ([], [])


def test_a_success_after_the_end_is_noted() -> None:
    router = routed()
    end = said_only(router.hear(failed(attempt(1), DECLINED)), RouteExhausted)
    assert said(router.hear(verified(attempt(1), "succeeded"))) == []
    assert router.states() == ["succeeded"]
    assert router.columns is not None
    assert router.columns["exhausted"] == {"code": end.code, "reason": end.reason}


def test_resume_has_a_success_doubted_too() -> None:
    """The edge would have ended the payment, had it heard of it."""
    router = late_success()
    router.hear(failed(attempt(2, gateway="beta")))
    assert said_only(router.hear(RESUME), AttemptDoubted).attempt == router.ordered[0]


def test_resume_has_an_open_attempt_doubted() -> None:
    router = routed()
    router.hear(failed(attempt(1)))
    work = router.hear(RESUME)
    doubted = said_only(work, AttemptDoubted)
    assert (doubted.attempt.number, doubted.attempt.gateway) == (2, "beta")
    assert doubted.attempt == router.ordered[1]
    assert routes(work) == [("payments.events", "attempt.doubted.v1")]
    assert work.writes == []


def test_resume_has_every_open_attempt_doubted() -> None:
    router = routed()
    router.hear(failed(attempt(1)))
    assert router.columns is not None
    router.columns["attempts"] = [{**one, "state": "open"} for one in router.columns["attempts"]]
    doubted = said(router.hear(RESUME))
    assert [one.attempt.number for one in doubted if isinstance(one, AttemptDoubted)] == [1, 2]
    assert len({one.message_id for one in doubted}) == 2


def test_resume_repeats_the_end_and_doubts_every_attempt() -> None:
    """The edge fails a payment on a verdict for each attempt, and may have missed one."""
    router = routed()
    end = said_only(router.hear(failed(attempt(1), DECLINED)), RouteExhausted)
    again, doubted = said(router.hear(RESUME))
    assert isinstance(again, RouteExhausted)
    assert isinstance(doubted, AttemptDoubted)
    assert doubted.attempt == router.ordered[0]
    assert (again.code, again.reason, again.attempts) == (end.code, end.reason, end.attempts)
    assert again.message_id != end.message_id


def test_resume_of_a_payment_never_heard_of_closes_its_route_for_good() -> None:
    router = Router()
    end = said_only(router.hear(RESUME), RouteExhausted)
    assert (end.code, end.attempts) == ("PAYMENT_EXPIRED", ())
    late = router.hear(order())
    assert (late.writes, late.outgoing) == ([], [])
    assert said_only(router.hear(RESUME), RouteExhausted).code == "PAYMENT_EXPIRED"


def test_a_handler_that_runs_again_orders_the_same() -> None:
    command, negative, ids = order(), failed(attempt(1)), set[UUID]()
    for _ in range(2):
        router = Router()
        router.hear(command)
        router.hear(negative)
        ids |= {one.message_id for one in router.said}
    assert len(ids) == 2


negatives = st.sampled_from([failed, expired, lambda of: verified(of, "failed"), lambda of: failed(of, DECLINED)])
KINDS = ["route", "resume", "negative", "success", "late success", "old"]
steps = st.lists(st.tuples(st.sampled_from(KINDS), negatives, st.floats(0, 4)), max_size=12)


@settings(max_examples=200)
@given(steps)
def test_never_two_attempts_at_once_never_one_twice_and_none_after_a_success(steps: list[tuple[str, Any, float]]) -> None:
    router, now_s, ordered_max = Router(), 0.0, WAITING.attempts_max
    closed: set[UUID] = set()
    for what, negative, passed_s in steps:
        now_s += passed_s
        last = router.ordered[-1] if router.ordered else None
        match what, last:
            case "route", _:
                router.hear(order(), at_s=now_s)
            case "resume", _:
                router.hear(RESUME.model_copy(update={"message_id": attempt_id(PAYMENT, len(router.said))}), at_s=now_s)
            case "negative", Attempt():
                closed.add(last.attempt_id)
                router.hear(negative(last), at_s=now_s)
            case "old", Attempt():
                router.hear(negative(router.ordered[0]), at_s=now_s) if router.ordered[0].attempt_id in closed else None
            case "success" | "late success", Attempt():
                charged = last if what == "success" else router.ordered[0]
                closed.add(charged.attempt_id)
                ordered_max = len(router.ordered)
                router.hear(verified(charged, "succeeded"), at_s=now_s)
        open_now = [one for one in router.ordered if one.attempt_id not in closed]
        assert len(open_now) <= 1
        assert len(router.ordered) <= ordered_max
    numbers = [one.number for one in router.ordered]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len({one.gateway for one in router.ordered}) == len(numbers)
    ends = [one for one in router.said if isinstance(one, RouteExhausted)]
    assert all(end.attempts == tuple(one.attempt_id for one in router.ordered) for end in ends)
    assert not ends or closed >= {one.attempt_id for one in router.ordered}
