"""One gateway as a decision sees it: the facts it goes by, the score that follows from them, and its place afterwards."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from services.router.domain.draw import Draw
from services.router.domain.factors import Factors, Weights, factors_of, score_of
from shared.contracts import BreakerState


@dataclass(frozen=True, slots=True)
class Figures:
    """Attributable outcomes of five minutes, and the same outcomes decayed (`successes`, `failures` and the rest are weights, not counts;
    see `GatewayHealth`)."""

    attributable: int
    succeeded: int
    latency_ms_p95: int | None = None
    successes: float = 0.0
    failures: float = 0.0
    timeouts: float = 0.0
    late: float = 0.0

    @property
    def rate(self) -> float | None:
        return self.succeeded / self.attributable if self.attributable else None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one gateway for one kind of payment (method, currency, bank, amount bucket). A decision is replayed from these.

    `unfit` says why it takes no payment of the kind at all. `by_bank` are figures of (gateway, method, bank), `by_method` of (gateway,
    method), `by_gateway` their sum over methods, decayed ones only. `alpha`, `beta` are what a bandit has learnt of it in the segment,
    `long_successes` and `long_failures` that of all segments of the method. `trust` in [0, 1] falls as the health picture grows old.
    """

    gateway: str
    priority: int
    amount_minor_min: int
    amount_minor_max: int
    unfit: str | None = None
    breaker: BreakerState = "closed"
    breaker_reason: str = ""
    epoch: int = 0
    probe_share: float = 0.0
    by_bank: Figures | None = None
    by_method: Figures | None = None
    by_gateway: Figures | None = None
    method_affinity: float = 0.7
    bank_affinity: float = 0.6
    amount_fit: float = 0.7
    time: float = 1.0
    fee_rate: float = 0.0
    fee_fixed_minor: int = 0
    alpha: float = 1.0
    beta: float = 1.0
    long_successes: float = 0.0
    long_failures: float = 0.0
    trust: float = 1.0

    @property
    def closed(self) -> bool:
        """Its breaker lets every payment through."""
        return self.breaker in ("closed", "forced_closed")

    @property
    def figures(self) -> Figures | None:
        """Those of the bank if it had an outcome, else those of the method."""
        return self.by_bank if self.by_bank and self.by_bank.attributable else self.by_method

    @classmethod
    def read(cls, stored: dict[str, Any]) -> Self:
        """From the JSON of one; what is not said has its default value."""
        windows = {name: Figures(**stored[name]) for name in ("by_bank", "by_method", "by_gateway") if stored.get(name)}
        return cls(**{**stored, **windows})


class Candidate:
    """Facts, the six factors in [0, 1] and their weighted sum, which are made when first asked for: not every policy goes by them.
    Nobody changes one, so policies may keep what they derive from it."""

    __slots__ = ("_factors", "_score", "facts", "name", "weights")

    def __init__(self, facts: Facts, weights: Weights, factors: Factors | None = None, score: float | None = None) -> None:
        self.name, self.facts, self.weights = facts.gateway, facts, weights
        self._factors, self._score = factors, score

    @property
    def factors(self) -> Factors:
        if self._factors is None:
            facts, seen = self.facts, self.facts.figures
            self._factors = factors_of(
                rate=seen.rate if seen else None,
                latency_ms_p95=seen.latency_ms_p95 if seen else None,
                method_affinity=facts.method_affinity,
                bank_affinity=facts.bank_affinity,
                amount_fit=facts.amount_fit,
                time=facts.time,
                trust=facts.trust,
            )
        return self._factors

    @property
    def score(self) -> float:
        if self._score is None:
            self._score = score_of(self.factors, self.weights)
        return self._score

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Candidate) and (self.facts, self.factors, self.score) == (other.facts, other.factors, other.score)

    def __hash__(self) -> int:
        return hash(self.name)


class Place(NamedTuple):
    """Where a policy puts a candidate, by its position in the list. `estimate` is the share of successes that it expects there."""

    candidate: Candidate
    reason: str
    estimate: float | None = None


Ranker = Callable[[int, Draw], Sequence[Place]]
"""`rank(amount_minor, draw)` → every candidate it was made for, best first."""

Policy = Callable[[Sequence[Candidate]], Ranker]
"""Compiled once per health picture and kind of payment, for the candidates that may take it; what does not depend on the single
payment belongs here and not into the ranker, which runs 20,000 times a second. All candidates are of one method, bank and bucket."""
