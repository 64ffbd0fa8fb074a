"""The candidates for one kind of payment, and who of them may take one payment of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple, Self

from services.router.domain.bandit import bandit as thompson
from services.router.domain.candidate import Candidate, Facts, Place, Ranker
from services.router.domain.eligibility import ALREADY_TRIED, OUTSIDE_LIMITS, PROBE_SHARE
from services.router.domain.factors import Weights
from services.router.domain.policy import POLICIES, PROBING

STANDINGS_MAX = 64  # which gateways were tried varies little; more are compiled for the single payment
NOBODY = frozenset[str]()


class Loser(NamedTuple):
    """No candidate for this payment. `skipped`: only its breaker kept it out."""

    gateway: str
    reason: str
    skipped: bool = False


@dataclass(slots=True, eq=False)
class Row:
    """`policy` names the order, `bandit` says that the segment's flag is on. Limits refuse nobody between `floor` and `ceiling`. `trust`
    is how far the facts are believed."""

    policy: str
    weights: Weights
    segment: str
    bandit: bool
    candidates: tuple[Candidate, ...]
    floor: int
    ceiling: int
    trust: float
    standings: dict[frozenset[str], "Standing"] = field(default_factory=dict)
    text: str | None = None  # kept by whoever records decisions

    @classmethod
    def of(cls, facts: Sequence[Facts], *, policy: str, weights: Weights, segment: str, bandit: bool) -> Self:
        fit = [one for one in facts if one.unfit is None]
        return cls(
            policy=policy,
            weights=weights,
            segment=segment,
            bandit=bandit,
            candidates=tuple(Candidate(one, weights) for one in facts),
            floor=max((one.amount_minor_min for one in fit), default=0),
            ceiling=min((one.amount_minor_max for one in fit), default=0),
            trust=min((one.trust for one in facts), default=1.0),
        )

    def standing(self, amount_minor: int, tried: frozenset[str] = NOBODY) -> "Standing":
        if not self.floor <= amount_minor <= self.ceiling:
            return self._compile(amount_minor, tried)
        found = self.standings.get(tried)
        if found is None:
            found = self._compile(amount_minor, tried)
            if len(self.standings) < STANDINGS_MAX:
                self.standings[tried] = found
        return found

    def _compile(self, amount_minor: int, tried: frozenset[str]) -> "Standing":
        losers: list[Loser] = []
        left: list[Candidate] = []
        for one in self.candidates:
            if why := one.facts.unfit or unfit_now(one.facts, amount_minor, tried):
                losers.append(Loser(one.name, why))
            else:
                left.append(one)
        usable = tuple(one for one in left if one.facts.closed)
        policy = thompson if self.bandit else POLICIES[self.policy]
        half_open = tuple(one for one in left if one.facts.breaker == "half_open")
        shut = tuple(one for one in left if one.facts.breaker == "open")
        if self.policy in PROBING and not self.bandit:
            usable, half_open = (usable + half_open, ()) if usable else (half_open + shut, ())
        takers = {one.name for one in usable}
        losers += [Loser(one.name, kept_out(one.facts), skipped=True) for one in left if one.name not in takers]
        return Standing(
            rank=policy(usable) if usable else nobody,
            half_open=tuple(zip(accumulate(one.facts.probe_share for one in half_open), half_open, strict=True)),
            least_bad=None if usable or half_open else max(shut, key=lambda one: (one.score, one.name), default=None),
            losers=tuple(losers),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """Who may take it: `rank` orders those whose breakers are closed; `half_open` are asked by a number in [0, 1), each below its own
    upper end; `least_bad` is there where every breaker is open. `losers` are all the others, and those of half-open breakers."""

    rank: Ranker
    half_open: tuple[tuple[float, Candidate], ...]
    least_bad: Candidate | None
    losers: tuple[Loser, ...]

    def probe(self, luck: float) -> Candidate | None:
        """The one candidate that this payment tries although its breaker is not closed. Each half-open one gets its share of payments."""
        for below, candidate in self.half_open:
            if luck < below:
                return candidate
        return self.least_bad if self.least_bad and luck < PROBE_SHARE else None


def unfit_now(facts: Facts, amount_minor: int, tried: frozenset[str]) -> str | None:
    if facts.gateway in tried:
        return ALREADY_TRIED
    return None if facts.amount_minor_min <= amount_minor <= facts.amount_minor_max else OUTSIDE_LIMITS


def kept_out(facts: Facts) -> str:
    why = f": {facts.breaker_reason}" if facts.breaker_reason else ""
    match facts.breaker:
        case "half_open":
            return f"breaker half open, {facts.probe_share:.0%} may probe it and this is none of them{why}"
        case "forced_open":
            return f"breaker forced open{why}"
        case _:
            return f"breaker open{why}"


def nobody(amount_minor: int, draw: object) -> Sequence[Place]:
    return ()
