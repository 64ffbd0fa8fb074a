"""Thompson sampling: each candidate draws a rate from what is believed of it, and the highest goes first."""

from collections.abc import Sequence

from services.router.domain.candidate import Candidate, Place, Ranker
from services.router.domain.draw import Draw
from shared.contracts import amount_bucket


def segment(method: str, amount_minor: int) -> str:
    """Bandits learn, and are switched, per `METHOD:bucket`."""
    return f"{method}:{amount_bucket(amount_minor)}"


def bandit(candidates: Sequence[Candidate]) -> Ranker:
    """Beta(1 + successes, 1 + attributable failures) of the segment, already decayed where it was learnt (Thompson, 1933)."""
    ordered = sorted(candidates, key=lambda one: one.name)
    arms = [(one, trusted(one.facts.alpha, one.facts.trust), trusted(one.facts.beta, one.facts.trust)) for one in ordered]

    def rank(amount_minor: int, draw: Draw) -> Sequence[Place]:
        drawn = sorted(((draw.beta(alpha, beta), one, alpha, beta) for one, alpha, beta in arms), key=lambda row: -row[0])
        return [Place(one, f"drew {rate:.3f} of Beta({alpha:.1f}, {beta:.1f})", alpha / (alpha + beta)) for rate, one, alpha, beta in drawn]

    return rank


def trusted(learnt: float, trust: float) -> float:
    """Towards Beta(1, 1), of which nothing is known."""
    return 1.0 + trust * (learnt - 1.0) if trust < 1.0 else learnt
