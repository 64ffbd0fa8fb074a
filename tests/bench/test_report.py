"""The benchmark's report: every figure that has a goal is in the JSON object and judged in the text."""

import json
from typing import Any

import pytest

from deploy.bench.measure import Measured
from deploy.bench.report import GOALS, figures, text


def report(**change: Any) -> dict[str, Any]:
    """As `./paymesh bench` puts it together."""
    ms = {"p50": 20.0, "p95": 30.0, "p99": 40.0}
    load = Measured(
        rate_per_s=630.0,
        seconds=30.0,
        accepted=18_900,
        finished=18_900,
        refused={},
        lost=0,
        accepted_per_s=630.0,
        finished_per_s=625.0,
        final_ms=ms,
        webhook_ms=ms,
        answer_ms=ms,
        cpu_ms={"router": 0.2, "metrics": 0.1, "postgres": 0.5, "sandbox": 9.0},
    )
    decisions = {"decisions_per_s": 100_000, "policies": {"adaptive": {"decisions_per_s": 100_000}}}
    heard = {"breaker_heard_ms_p50": 160.4, "breaker_heard_ms_max": 300.2}
    return figures(load, load, {"server": 0.3, "postgres": 0.2}, decisions) | heard | change


def test_the_object_holds_every_figure_that_has_a_goal() -> None:
    found = json.loads(json.dumps(report()))
    assert set(GOALS) <= found.keys()
    assert {"breaker_heard_ms_p50", "breaker_heard_ms_max", "routing_cpu_ms"} <= found.keys()


def test_the_text_says_how_soon_a_breaker_is_heard_of() -> None:
    assert "a breaker forced open or released is in the router's decisions after p50 160.4 ms, max 300.2" in text(report())


@pytest.mark.parametrize(("max_ms", "verdict"), [(1000.0, "reached    "), (1000.1, "NOT REACHED")])
def test_a_breaker_is_heard_within_a_second_or_the_goal_is_not_reached(max_ms: float, verdict: str) -> None:
    assert f"{verdict} breaker_heard_ms_max {max_ms} (goal <= 1000)" in text(report(breaker_heard_ms_max=max_ms))
