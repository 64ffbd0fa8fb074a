"""When an experiment's treatment does harm, and is to be paused."""

from dataclasses import dataclass
from typing import Literal

from services.metrics.domain.experiment import RATIO_MIN, ArmCounts, likelihood_ratio


@dataclass(frozen=True, slots=True)
class Limits:
    """`samples_min` per arm; `success_drop_max` in points of success rate; `latency_multiplier_max` of the control's p95."""

    samples_min: int = 100
    success_drop_max: float = 0.05
    latency_multiplier_max: float = 1.5


@dataclass(frozen=True, slots=True)
class Violation:
    """What the treatment breaks, with the numbers."""

    limit: Literal["success", "latency"]
    reason: str


def violation(control: ArmCounts, treatment: ArmCounts, limits: Limits) -> Violation | None:
    """The harm that there is proof of, None where there is none.

    A limit that is passed is not enough: this is asked every second, and 100 samples of one and the same gateway differ by more than
    five points, or by half a p95, every now and then. So harm also needs the evidence of the verdict (likelihood ratio of 20), which
    comes by chance in at most 1 of 40 experiments for each limit (1 of 20, and only one of the two directions is harm).
    """
    return _success(control, treatment, limits) or _latency(control, treatment, limits)


def _success(control: ArmCounts, treatment: ArmCounts, limits: Limits) -> Violation | None:
    before, after = control.success_rate, treatment.success_rate
    if before is None or after is None or min(control.attributable, treatment.attributable) < limits.samples_min:
        return None
    ratio = likelihood_ratio((control.succeeded, control.attributable), (treatment.succeeded, treatment.attributable))
    if before - after <= limits.success_drop_max or ratio is None or ratio < RATIO_MIN:
        return None
    return Violation(
        "success", f"success rate {after:.3f} against {before:.3f}, a drop of more than {limits.success_drop_max:g} (evidence {ratio:.3g})"
    )


def _latency(control: ArmCounts, treatment: ArmCounts, limits: Limits) -> Violation | None:
    """A p95 has no likelihood, a share has: of attempts slower than the limit. If the treatment's p95 is at it, that is 5 % of them,
    and next to none of the control's."""
    before, after = control.latency_ms_p95, treatment.latency_ms_p95
    samples = [sum(count for _, count in arm.latencies) for arm in (control, treatment)]
    if before is None or after is None or min(samples) < limits.samples_min:
        return None
    limit_ms = before * limits.latency_multiplier_max
    slow = [sum(count for bound_ms, count in arm.latencies if bound_ms > limit_ms) for arm in (control, treatment)]
    ratio = likelihood_ratio((slow[0], samples[0]), (slow[1], samples[1]))
    slower = slow[1] * samples[0] > slow[0] * samples[1]
    if after <= limit_ms or not slower or ratio is None or ratio < RATIO_MIN:
        return None
    return Violation(
        "latency", f"p95 latency {after} ms against {before}, more than {limits.latency_multiplier_max:g} times (evidence {ratio:.3g})"
    )
