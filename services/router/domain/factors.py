"""The score: six factors in [0, 1] and their weighted sum."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.contracts.questions import Factor

Weights = Mapping[Factor, float]

WEIGHTS: Weights = {
    "success_rate": 0.35,
    "latency": 0.25,
    "method_affinity": 0.15,
    "bank_affinity": 0.12,
    "amount_fit": 0.08,
    "time": 0.05,
}
# What a factor is worth where nothing is known.
RATE_COLD = 0.5
LATENCY_MS_P95_COLD = 1500
METHOD_AFFINITY_COLD = 0.7
AMOUNT_FIT_COLD = 0.7
TIME_COLD = 1.0
LATENCY_COLD = 1.0 / (1.0 + LATENCY_MS_P95_COLD / 1000.0)
BANK_OWN, BANK_UNKNOWN, BANK_OTHER = 1.0, 0.6, 0.5


@dataclass(frozen=True, slots=True)
class Factors:
    success_rate: float
    latency: float
    method_affinity: float
    bank_affinity: float
    amount_fit: float
    time: float


def factors_of(
    *,
    rate: float | None,
    latency_ms_p95: int | None,
    method_affinity: float = METHOD_AFFINITY_COLD,
    bank_affinity: float = BANK_UNKNOWN,
    amount_fit: float = AMOUNT_FIT_COLD,
    time: float = TIME_COLD,
    trust: float = 1.0,
) -> Factors:
    """Each clamped to [0, 1]; `rate` and `latency_ms_p95` None: nothing seen. `trust` below 1 pulls what was seen towards that."""
    p95 = LATENCY_MS_P95_COLD if latency_ms_p95 is None else max(latency_ms_p95, 0)
    seen_rate, latency = RATE_COLD if rate is None else rate, 1.0 / (1.0 + p95 / 1000.0)
    if trust < 1.0:
        seen_rate = RATE_COLD + trust * (seen_rate - RATE_COLD)
        latency = LATENCY_COLD + trust * (latency - LATENCY_COLD)
    return Factors(
        success_rate=clamp(seen_rate),
        latency=clamp(latency),
        method_affinity=clamp(method_affinity),
        bank_affinity=clamp(bank_affinity),
        amount_fit=clamp(amount_fit),
        time=clamp(time),
    )


def score_of(factors: Factors, weights: Weights) -> float:
    """.35·success rate + .25·1/(1 + p95/1000) + .15·method affinity + .12·bank affinity + .08·amount fit + .05·time, by default."""
    return float(sum([weight * getattr(factors, name) for name, weight in weights.items()]))


def bank_affinity(bank: str | None, own: str | None, configured: Mapping[str, float]) -> float:
    """What is configured for the bank; else 1.0 at the bank's own gateway, .6 where the bank is not known, .5 elsewhere."""
    if bank is None:
        return BANK_UNKNOWN
    return configured.get(bank, BANK_OWN if bank == own else BANK_OTHER)


def clamp(value: float) -> float:
    return 0.0 if value < 0.0 else 1.0 if value > 1.0 else value
