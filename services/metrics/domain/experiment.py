"""What an experiment's two arms prove, by tests that may be looked at as often as anybody likes."""

from dataclasses import dataclass
from math import erfc, exp, lgamma, log, sqrt
from typing import Literal

from shared.contracts.questions import ArmResult, ResultsView

Verdict = Literal["too_early", "no_difference_yet", "treatment_better", "control_better", "sample_ratio_mismatch"]

SAMPLES_MIN = 100  # per arm: below, a share is not yet near enough to normal for any test here
RATIO_MIN = 20.0  # of likelihoods: then at most 1 experiment in 20 without a difference is ever declared to have one
TAU = 0.03  # the size of a difference that the mixture expects (its standard deviation): three points of success rate
MISMATCH_P = 0.001
SPLIT_WEIGHT = 400.0  # of the split as configured, in samples: a wrong one is expected to be off by some two points
LOG_MAX = 700.0  # e^700 is still a float, and is JSON


@dataclass(frozen=True, slots=True)
class ArmCounts:
    """First attempts of the payments that were assigned to an arm: a second attempt follows a failure, so counting it would make the
    arm that fails more look the larger one. `attributable` leaves out what was not the gateway's doing. `latencies` are
    (upper bound in ms, count) of a histogram with the same bounds in both arms, in any order; without them latency is not judged.
    """

    attempts: int = 0
    attributable: int = 0
    succeeded: int = 0
    latency_ms_p95: int | None = None
    latencies: tuple[tuple[float, int], ...] = ()

    @property
    def success_rate(self) -> float | None:
        return self.succeeded / self.attributable if self.attributable else None


def pooled_z(control: tuple[int, int], treatment: tuple[int, int]) -> tuple[float, float] | None:
    """z and two-tailed p of the pooled two-proportion test, from (hits, samples) each; None below SAMPLES_MIN in either arm.

    True for one look only: looked at every 100 samples, p < 0.05 shows up in a third of all experiments without a difference.
    """
    (hits_c, n_c), (hits_t, n_t) = control, treatment
    if min(n_c, n_t) < SAMPLES_MIN:
        return None
    pooled = (hits_c + hits_t) / (n_c + n_t)
    variance = pooled * (1 - pooled) * (1 / n_c + 1 / n_t)
    z = (hits_t / n_t - hits_c / n_c) / sqrt(variance) if variance else 0.0  # no variance: all alike in both arms
    return z, erfc(abs(z) / sqrt(2))


def likelihood_ratio(control: tuple[int, int], treatment: tuple[int, int]) -> float | None:
    """Λ of the mixture sequential probability ratio test, from (hits, samples) each; None below SAMPLES_MIN in either arm.

    Johari, Pekelis, Walsh, "Always valid inference" (2015): V = p_c(1−p_c) + p_t(1−p_t), Λ = √(V/(V+nτ²))·exp(n²τ²d²/(2V(V+nτ²))),
    for n samples in each arm. Where the arms differ in size n is their harmonic mean, so that V/n is the variance of d if there is
    no difference. (The variance as it is with one, p_c(1−p_c)/n_c + p_t(1−p_t)/n_t, lets the smaller arm's chance rate of nearly
    1 speak for itself: at 20:80 and rates of 0.97 it finds a difference that is not there in 6 runs of 100.)

    Where neither arm varies, V would be 0 and one sample as good as a million: there the rates in V, not those in d, count one hit
    and one miss more per arm (Agresti, Caffo, "Simple and effective confidence intervals" (2000)).
    """
    (hits_c, n_c), (hits_t, n_t) = control, treatment
    if min(n_c, n_t) < SAMPLES_MIN:
        return None
    n = 2 * n_c * n_t / (n_c + n_t)
    v = _spread(hits_c, n_c) + _spread(hits_t, n_t) or _spread(hits_c + 1, n_c + 2) + _spread(hits_t + 1, n_t + 2)
    difference, mixed = hits_t / n_t - hits_c / n_c, v + n * TAU**2
    logarithm = 0.5 * log(v / mixed) + (n * TAU * difference) ** 2 / (2 * v * mixed)
    return exp(min(logarithm, LOG_MAX))


def _spread(hits: int, samples: int) -> float:
    rate = hits / samples
    return rate * (1 - rate)


def mismatch_p_value(control: int, treatment: int, control_pct: int) -> float | None:
    """How little the arms' sizes fit the split; None without samples. It may be looked at any number of times: of experiments that are
    split as configured, at most a share p ever shows p or less.

    1/K, at most 1, where K is how much better the sizes are explained by shares around the configured one, Beta(w·share,
    w·(1−share)) with w = SPLIT_WEIGHT, than by that share itself: Lindon, Malek, "Anytime-valid inference for multinomial count data"
    (2020). It takes payments for independent; where one customer makes a large part of them, their arm shows as a mismatch.
    """
    if not control + treatment:
        return None
    share = control_pct / 100
    a, b = SPLIT_WEIGHT * share, SPLIT_WEIGHT * (1 - share)
    explained = _log_beta(a + control, b + treatment) - _log_beta(a, b)
    expected = control * log(share) + treatment * log(1 - share)
    return exp(max(min(expected - explained, 0.0), -LOG_MAX))


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def results(experiment_id: str, control: ArmCounts, treatment: ArmCounts, *, control_pct: int, guardrail: str | None = None) -> ResultsView:
    """Everything there is to say now. A verdict once seen holds, although a later look may have moved back below RATIO_MIN."""
    seen = (control.succeeded, control.attributable), (treatment.succeeded, treatment.attributable)
    rates = control.success_rate, treatment.success_rate
    difference = None if rates[0] is None or rates[1] is None else rates[1] - rates[0]
    plain, ratio = pooled_z(*seen), likelihood_ratio(*seen)
    mismatch = mismatch_p_value(control.attempts, treatment.attempts, control_pct)
    verdict, reason = judge(difference, ratio, mismatch, samples=(control.attributable, treatment.attributable))
    return ResultsView(
        experiment_id=experiment_id,
        arms=(_arm("control", control), _arm("treatment", treatment)) if control.attempts + treatment.attempts else (),
        difference=difference,
        z=plain[0] if plain else None,
        p_value=plain[1] if plain else None,
        likelihood_ratio=ratio,
        verdict=verdict,
        mismatch_p_value=mismatch,
        guardrail=guardrail,
        reason=reason,
    )


def judge(difference: float | None, ratio: float | None, mismatch: float | None, *, samples: tuple[int, int]) -> tuple[Verdict, str]:
    """The verdict and its reason. A split that is not what was configured outranks all: whatever bent it may have bent the rates."""
    if mismatch is not None and mismatch < MISMATCH_P:
        return "sample_ratio_mismatch", f"the arms' sizes do not fit the split (p = {mismatch:.2g}); nothing else here can be trusted"
    if ratio is None or difference is None:
        return "too_early", f"{min(samples)} attributable samples in the smaller arm, {SAMPLES_MIN} are needed"
    evidence = f"likelihood ratio {ratio:.3g} of {RATIO_MIN:g}"
    if ratio < RATIO_MIN:
        return "no_difference_yet", f"difference {difference:+.4f}, {evidence} needed"
    return ("treatment_better" if difference > 0 else "control_better"), f"difference {difference:+.4f}, {evidence} needed"


def _arm(arm: Literal["control", "treatment"], counts: ArmCounts) -> ArmResult:
    return ArmResult(
        arm=arm,
        attempts=counts.attempts,
        attributable=counts.attributable,
        succeeded=counts.succeeded,
        success_rate=counts.success_rate,
        latency_ms_p95=counts.latency_ms_p95,
    )
