"""The named orders of candidates. Ties go by priority, then by name."""

from collections.abc import Mapping, Sequence

from services.router.domain.adaptive import adaptive
from services.router.domain.bandit import bandit
from services.router.domain.candidate import Candidate, Place, Policy, Ranker
from services.router.domain.draw import Draw
from services.router.domain.value import expected_value as value_of


def by_priority(candidate: Candidate) -> tuple[int, str]:
    return candidate.facts.priority, candidate.name


def fixed(candidates: Sequence[Candidate]) -> Ranker:
    """As configured, whatever happens."""
    return always([Place(one, f"priority {one.facts.priority}") for one in sorted(candidates, key=by_priority)])


def score(candidates: Sequence[Candidate]) -> Ranker:
    """By the weighted score."""
    ordered = sorted(candidates, key=lambda one: (-one.score, by_priority(one)))
    return always([Place(one, f"score {one.score:.4f}", one.factors.success_rate) for one in ordered])


def expected_value(candidates: Sequence[Candidate]) -> Ranker:
    """By success rate × (amount − fee)."""
    rows = [(one, one.factors.success_rate, one.facts.fee_rate, one.facts.fee_fixed_minor) for one in sorted(candidates, key=by_priority)]

    def rank(amount_minor: int, draw: Draw) -> Sequence[Place]:
        worth = [(value_of(rate, amount_minor, share, fixed_minor), one, rate) for one, rate, share, fixed_minor in rows]
        worth.sort(key=lambda row: -row[0])  # stable: equals stay by priority
        return [Place(one, f"worth {value:.0f} minor units", rate) for value, one, rate in worth]

    return rank


def always(places: Sequence[Place]) -> Ranker:
    """The same order for every payment of a kind."""
    return lambda amount_minor, draw: places


POLICIES: Mapping[str, Policy] = {
    "fixed": fixed,
    "score": score,
    "bandit": bandit,
    "adaptive": adaptive,
    "expected_value": expected_value,
}
DEFAULT = "adaptive"
# Policies that rank half-open candidates with the others and see to their probe share themselves; and, where no breaker is closed, every
# candidate whose breaker is not forced, instead of refusing nine payments in ten: in a world where every gateway fails two payments in
# three, a payment comes through at 61 % that way and at 8 % by probes alone.
PROBING = frozenset({"adaptive"})
