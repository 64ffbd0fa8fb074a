"""A decision as people are shown it."""

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from services.router.domain.candidate import Candidate
from services.router.domain.decision import Decision
from services.router.domain.value import best_others, break_even_rate, expected_value
from shared.contracts.questions import CandidateView, DecisionView


def view_of(decision: Decision, *, number: int, payment_id: UUID | None = None, made_at: datetime | None = None) -> DecisionView:
    """For people: every candidate with its factors and what it would be worth, and the inputs."""
    row, wish = decision.row, decision.wish
    ranks = {place.candidate.name: (rank, place) for rank, place in enumerate(decision.places, 1)}
    whys = {loser.gateway: loser.reason for loser in decision.losers}
    worth = {one.name: worth_of(one, wish.amount_minor) for one in row.candidates if one.name in ranks}
    others = best_others(worth)

    def candidate(one: Candidate) -> CandidateView:
        rank, place = ranks.get(one.name, (None, None))
        facts = one.facts
        return CandidateView(
            gateway=one.name,
            rank=rank,
            reason=place.reason if place else whys[one.name],
            score=one.score,
            factors=asdict(one.factors),
            estimate=place.estimate if place else None,
            expected_value_minor=round(worth[one.name]) if place else None,
            break_even_rate=break_even_rate(others.get(one.name), wish.amount_minor, facts.fee_rate, facts.fee_fixed_minor),
            breaker=facts.breaker,
        )

    views = sorted(map(candidate, row.candidates), key=lambda one: (one.rank is None, one.rank or 0, one.gateway))
    return DecisionView(
        payment_id=payment_id,
        number=number,
        policy=decision.policy,
        gateway=decision.gateway,
        reason=decision.reason,
        probe=decision.probe,
        experiment_id=decision.assignment.experiment_id if decision.assignment else None,
        arm=decision.assignment.arm if decision.assignment else None,
        segment=decision.segment,
        candidates=tuple(views),
        inputs={
            "wish": {**asdict(wish), "tried": sorted(wish.tried)},
            "seed": f"{decision.seed:032x}",
            "health_picture_age_s": decision.age_s,
            "weights": dict(row.weights),
            "bandit": row.bandit,
            "experiment": decision.experiment.model_dump(mode="json") if decision.experiment else None,
            "facts": [asdict(one.facts) for one in row.candidates],
        },
        made_at=made_at,
    )


def worth_of(candidate: Candidate, amount_minor: int) -> float:
    facts = candidate.facts
    return expected_value(candidate.factors.success_rate, amount_minor, facts.fee_rate, facts.fee_fixed_minor)
