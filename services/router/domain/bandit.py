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
    arms = [(one, one.facts.alpha, one.facts.beta) for one in sorted(candidates, key=lambda one: one.name)]

    def rank(amount_minor: int, draw: Draw) -> Sequence[Place]:
        drawn = sorted(((draw.beta(alpha, beta), one, alpha, beta) for one, alpha, beta in arms), key=lambda row: -row[0])
        return [Place(one, f"drew {rate:.3f} of Beta({alpha:.1f}, {beta:.1f})", alpha / (alpha + beta)) for rate, one, alpha, beta in drawn]

    return rank
