"""What metrics is asked: figures, breakers, bandits' arms, experiments' results."""

from datetime import datetime
from typing import Literal

from shared.contracts.attempt import OutcomeClass
from shared.contracts.base import Frozen
from shared.contracts.health import BreakerState
from shared.contracts.questions.base import MetricsQuestion


class WindowFigures(Frozen):
    """One window of one gateway. `method`, `bank` and `amount_bucket` None speak of all. Latencies in ms, None without samples."""

    minutes: Literal[1, 5, 15, 60]
    method: str | None = None
    bank: str | None = None
    amount_bucket: str | None = None
    attempts: int
    attributable: int
    succeeded: int
    success_rate: float | None
    by_class: dict[OutcomeClass, int]
    latency_ms_p50: int | None = None
    latency_ms_p95: int | None = None
    latency_ms_p99: int | None = None


class GatewayFigures(Frozen):
    gateway: str
    as_of: datetime
    windows: tuple[WindowFigures, ...]
    history: tuple[dict[str, object], ...] = ()  # snapshots, newest first: {at, method, attributable, succeeded, latency_ms_p95}


class ShowGatewayFigures(MetricsQuestion):
    """Answer: GatewayFigures."""

    kind: Literal["metrics.gateway_figures.v1"] = "metrics.gateway_figures.v1"
    gateway: str


class BreakerView(Frozen):
    """`fail_2m` and `timeout_5m` are shares of attributable outcomes, None with too few."""

    gateway: str
    method: str
    state: BreakerState
    epoch: int
    since: datetime
    until: datetime | None = None
    reason: str
    actor: str | None = None
    fail_2m: float | None = None
    timeout_5m: float | None = None
    consecutive_failures: int = 0
    probes: int = 0
    probe_successes: int = 0


class ListBreakers(MetricsQuestion):
    """Answer: list[BreakerView], of every (gateway, method) that has ever had an outcome or was forced."""

    kind: Literal["metrics.breakers.v1"] = "metrics.breakers.v1"


class ForceBreaker(MetricsQuestion):
    """Answer: BreakerView. `to` None ends a forced state: it judges by itself again."""

    kind: Literal["metrics.force_breaker.v1"] = "metrics.force_breaker.v1"
    gateway: str
    method: str
    to: Literal["forced_open", "forced_closed"] | None
    expires_in_s: int | None = None
    actor: str
    reason: str


class ShowArms(MetricsQuestion):
    """Answer: list[health.ArmHealth]."""

    kind: Literal["metrics.arms.v1"] = "metrics.arms.v1"
    segment: str | None = None


class ArmResult(Frozen):
    arm: Literal["control", "treatment"]
    attempts: int
    attributable: int
    succeeded: int
    success_rate: float | None
    latency_ms_p95: int | None


class ResultsView(Frozen):
    """`verdict` is the peeking-safe one; `z`, `p_value` are the plain pooled test's, shown beside it. `mismatch_p_value` is the
    sample-ratio check's: below 0.001 the split is not what was configured and nothing else here can be trusted."""

    experiment_id: str
    arms: tuple[ArmResult, ...]
    difference: float | None  # treatment − control
    z: float | None
    p_value: float | None
    likelihood_ratio: float | None
    verdict: Literal["too_early", "no_difference_yet", "treatment_better", "control_better", "sample_ratio_mismatch"]
    mismatch_p_value: float | None
    guardrail: str | None = None
    reason: str


class ExperimentResults(MetricsQuestion):
    """Answer: ResultsView, with empty arms for an experiment without outcomes. `control_pct` is the split that was configured."""

    kind: Literal["metrics.experiment_results.v1"] = "metrics.experiment_results.v1"
    experiment_id: str
    control_pct: int
