"""Experiments: what each arm comes to, corrections included, and harm that is said once."""

from typing import Any

import pytest

from shared.contracts import GuardrailViolated
from shared.contracts.questions import ArmResult
from tests.services.metrics.conftest import Stand

HALF = 50


async def arm(stand: Stand, name: str, *, succeeded: int, failed: int, latency_ms: int = 200) -> None:
    told: dict[str, Any] = {"experiment_id": "exp_1", "arm": name, "control_pct": HALF, "latency_ms": latency_ms, "epoch": 10**6}
    if succeeded:
        await stand.outcome("success", times=succeeded, **told)
    if failed:
        await stand.outcome("gateway_fault", times=failed, **told)


async def test_results_by_arm(stand: Stand) -> None:
    leader = stand.leader()
    await arm(stand, "control", succeeded=90, failed=10)
    await arm(stand, "treatment", succeeded=80, failed=20, latency_ms=400)
    declined: dict[str, Any] = {"experiment_id": "exp_1", "arm": "treatment", "control_pct": HALF}
    await stand.outcome("user_decline", times=3, latency_ms=None, **declined)
    await leader.round()
    view = await stand.desk.results("exp_1", HALF)
    assert view.arms[0] == ArmResult(
        arm="control", attempts=100, attributable=100, succeeded=90, success_rate=0.9, latency_ms_p95=view.arms[0].latency_ms_p95
    )
    assert (view.arms[1].attempts, view.arms[1].attributable, view.arms[1].succeeded) == (103, 100, 80)
    assert [one.latency_ms_p95 for one in view.arms] == [pytest.approx(200, rel=0.05), pytest.approx(400, rel=0.05)]
    assert view.difference == pytest.approx(-0.1)
    assert view.z is not None


async def test_a_corrected_attempt_counts_once_in_its_arm(stand: Stand) -> None:
    leader = stand.leader()
    told: dict[str, Any] = {"experiment_id": "exp_1", "arm": "control", "control_pct": HALF}
    attempts = await stand.outcome("unknown", times=4, **told)
    await leader.round()
    await stand.outcome("success", phase=2, ids=attempts, **told)
    await leader.round()
    (control, _) = (await stand.desk.results("exp_1", HALF)).arms
    assert (control.attempts, control.attributable, control.succeeded) == (4, 4, 4)


async def test_an_experiment_without_outcomes_has_no_arms(stand: Stand) -> None:
    view = await stand.desk.results("exp_none", HALF)
    assert (view.arms, view.verdict, view.guardrail) == ((), "too_early", None)


async def test_harm_is_said_once_whoever_leads(stand: Stand) -> None:
    for _ in range(2):
        await arm(stand, "control", succeeded=190, failed=10)
        await arm(stand, "treatment", succeeded=100, failed=100)
        await stand.leader().round()
        await stand.end_lease()
    said = [one for one in stand.said if one.kind == "experiment.guardrail_violation.v1"]
    (event,) = [GuardrailViolated.model_validate_json(one.body) for one in said]
    assert (event.experiment_id, event.control_samples, event.treatment_samples) == ("exp_1", 200, 200)
    assert (event.control_rate, event.treatment_rate) == (0.95, 0.5)
    assert (await stand.desk.results("exp_1", HALF)).guardrail == event.reason


async def test_no_harm_before_there_are_enough(stand: Stand) -> None:
    leader = stand.leader(samples_min=1_000)
    await arm(stand, "control", succeeded=190, failed=10)
    await arm(stand, "treatment", succeeded=100, failed=100)
    await leader.round()
    assert (await stand.desk.results("exp_1", HALF)).guardrail is None
