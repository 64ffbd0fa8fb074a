"""What operators have laid down, in the router's handlers: breakers, experiments, retry policies, the shadow, the guardrail."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest

from services.router import store
from services.router.consumers import pause
from services.router.domain.experiments import arm_of
from services.router.domain.record import replay
from services.router.domain.rulebook import Rulebook
from shared.contracts import AttemptDoubted, ExecuteAttempt, GuardrailViolated, RouteExhausted, RouteShadow
from shared.contracts.questions import RetryPolicyView
from shared.ids import derived
from tests.domain.boards import breaker, experiment, picture
from tests.domain.evidence import failed
from tests.domain.routing import RESUME, Router, order
from tests.domain.stand import PAYMENT, after, said, said_only, work_with, written

OPEN = breaker("alpha", "open", reason="12 of 20 failed").model_copy(update={"method": "CARD"})
HALF = breaker("beta", "half_open", share=1.0, epoch=5).model_copy(update={"method": "CARD"})


def router(*breakers: Any, **rules: Any) -> Router:
    found = Router("alpha", "beta", "gamma")
    found.picture.rules = replace(found.picture.rules, **rules)
    found.picture.hear(picture(*breakers).model_dump_json().encode())
    return found


def test_a_gateway_that_is_passed_over_is_visible_and_counts_as_no_attempt() -> None:
    ours = router(OPEN.model_copy(update={"state": "forced_open"}))  # else one payment in ten would try it when all others have failed
    ours.hear(order())
    assert [(one.number, one.gateway) for one in ours.ordered] == [(1, "beta")]
    assert ours.columns is not None
    skipped = [{"gateway": "alpha", "number": 1, "reason": "breaker forced open: 12 of 20 failed"}]
    assert ours.columns["skipped"] == skipped
    ours.hear(failed(ours.ordered[0]))
    ours.hear(failed(ours.ordered[1]))
    assert [(one.number, one.gateway) for one in ours.ordered] == [(1, "beta"), (2, "gamma")]
    assert ours.columns["skipped"] == skipped, "each gateway once"
    (end,) = [one for one in ours.said if isinstance(one, RouteExhausted)]
    assert len(end.attempts) == 2


def test_a_breaker_that_opens_between_two_attempts_is_met_by_the_second() -> None:
    ours = router()
    ours.hear(order())
    ours.picture.hear(picture(OPEN.model_copy(update={"gateway": "beta"})).model_dump_json().encode())
    ours.hear(failed(ours.ordered[0]))
    assert [one.gateway for one in ours.ordered] == ["alpha", "gamma"]
    assert ours.columns is not None
    assert [(one["gateway"], one["number"]) for one in ours.columns["skipped"]] == [("beta", 2)]


def test_a_probe_carries_its_flag_and_epoch_wherever_its_attempt_is_spoken_of() -> None:
    ours = router(HALF)
    ours.hear(order())
    (attempt,) = ours.ordered
    assert (attempt.gateway, attempt.probe, attempt.epoch) == ("beta", True, 5)
    doubted = said_only(ours.hear(RESUME), AttemptDoubted)
    assert doubted.attempt == attempt


def test_with_every_breaker_open_the_route_ends_and_says_so() -> None:
    ours = router(*(OPEN.model_copy(update={"gateway": name, "state": "forced_open"}) for name in ("alpha", "beta", "gamma")))
    end = said_only(ours.hear(order()), RouteExhausted)
    assert (end.code, end.attempts) == ("NO_GATEWAY_AVAILABLE", ())
    assert "gamma: breaker forced open: 12 of 20 failed" in end.reason
    assert ours.columns is not None
    assert [one["gateway"] for one in ours.columns["skipped"]] == ["alpha", "beta", "gamma"]


def customers(arm: str) -> Iterator[str]:
    return (one for one in map(str, range(1_000)) if arm_of(one, "exp_1", 50) == arm)


@pytest.mark.parametrize(("arm", "gateway"), [("treatment", "beta"), ("control", "alpha")])
def test_a_first_attempt_says_its_arm_and_a_later_one_none(arm: str, gateway: str) -> None:
    ours = router(experiments=[experiment(method="CARD")])
    ours.hear(order(customer_id=next(customers(arm))))
    (first,) = ours.ordered
    assert first.gateway == gateway
    assert first.experiment is not None
    assert (first.experiment.experiment_id, first.experiment.arm, first.experiment.control_pct) == ("exp_1", arm, 50)
    assert said_only(ours.hear(RESUME), AttemptDoubted).attempt == first
    ours.hear(failed(first))
    assert ours.ordered[1].experiment is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"attempts_max": 1}, "1 of 1 attempts made"),
        ({"enabled": False}, "the merchant's policy allows no retry"),
        ({"latency_budget_ms": 1_000}, "the latency budget of 1000 ms is spent"),
        ({"merchant_id": "m_002", "attempts_max": 1}, None),
    ],
)
def test_a_merchants_own_retry_policy(changes: dict[str, Any], reason: str | None) -> None:
    own = RetryPolicyView(**{"merchant_id": "m_001", **changes})
    ours = router(retries={own.merchant_id: own})
    ours.hear(order())
    (found,) = said(ours.hear(failed(ours.ordered[0]), at_s=1.5))
    assert isinstance(found, ExecuteAttempt if reason is None else RouteExhausted)
    assert reason is None or (isinstance(found, RouteExhausted) and found.reason == reason)


def test_a_later_attempt_ends_with_the_merchants_budget() -> None:
    ours = router(retries={"m_001": RetryPolicyView(merchant_id="m_001", latency_budget_ms=2_000)})
    ours.hear(order())
    assert said_only(ours.hear(failed(ours.ordered[0]), at_s=1.5), ExecuteAttempt).deadline_at == after(2)


def test_every_decision_is_put_to_the_shadow_and_goes_its_own_way() -> None:
    ours, without = router(shadow="score"), router()
    command = order()
    work, plain = ours.hear(command), without.hear(command)
    shadow, execute = said(work)
    (alone,) = said(plain)
    assert execute.model_dump(exclude={"occurred_at"}) == alone.model_dump(exclude={"occurred_at"}), "the payment sees nothing of it"
    assert isinstance(shadow, RouteShadow)
    assert (shadow.payment_id, shadow.number, shadow.policy) == (PAYMENT, 1, "score")
    (decision,) = written(work, store.INSERT_DECISION)
    assert shadow.record == decision["record"]
    assert replay(shadow.record).gateway == "alpha"
    second, _ = said(ours.hear(failed(ours.ordered[0])))
    assert isinstance(second, RouteShadow)
    assert second.number == 2


HARM = GuardrailViolated(
    correlation_id=derived(PAYMENT, "guardrail"), experiment_id="exp_1", reason="0.80 against 0.92", control_rate=0.92, treatment_rate=0.8,
    control_samples=200, treatment_samples=210,
)  # fmt: skip


def test_a_guardrail_pauses_and_is_audited() -> None:
    work = work_with({(store.EXPERIMENT, "exp_1"): {"status": "running"}})
    pause(HARM, work)
    assert written(work, store.PAUSE_EXPERIMENT) == [
        {"experiment_id": "exp_1", "status": "paused", "reason": "guardrail: 0.80 against 0.92"}
    ]
    (line,) = written(work, store.INSERT_AUDIT)
    assert (line["actor"], line["action"], line["subject"], line["reason"]) == (
        "guardrail",
        "pause_experiment",
        "exp_1",
        "0.80 against 0.92",
    )
    assert orjson.loads(line["after"]) == {"status": "paused"}
    assert work.outgoing == []


@pytest.mark.parametrize("status", [None, "paused", "stopped"])
def test_a_guardrail_changes_nothing_that_does_not_run(status: str | None) -> None:
    work = work_with({(store.EXPERIMENT, "exp_1"): {"status": status}} if status else {})
    pause(HARM, work)
    assert work.writes == []


def test_rules_are_empty_without_operators() -> None:
    assert (Rulebook().experiments, Rulebook().bandits, Rulebook().shadow, Rulebook().scoring.policy) == ((), frozenset(), None, "adaptive")
