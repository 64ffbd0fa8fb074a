"""Choose a gateway for one attempt. Same inputs, same decision; every decision carries its reason, its order and its losers.

Eligibility, then the policy's order by what is known (or the bandit's, where the segment's flag is on), then the experiment's treatment
first, then the gateway that was asked for, then a probe of a breaker that is not closed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.router.domain.board import Board
from services.router.domain.candidate import Candidate, Place
from services.router.domain.draw import Draw
from services.router.domain.experiments import assignment
from services.router.domain.row import NOBODY, Loser, Row
from shared.contracts import Assignment
from shared.contracts.questions import ExperimentView

NOT_CLOSED = ("open", "half_open")  # an attempt there is a probe


@dataclass(frozen=True, slots=True)
class Wish:
    """What the payment asks of a gateway. `tried` are accounts that have had their chance."""

    amount_minor: int
    currency: str
    method: str
    bank: str | None = None
    merchant_id: str | None = None
    customer_id: str | None = None
    preferred: str | None = None
    tried: frozenset[str] = NOBODY


@dataclass(slots=True, eq=False)
class Decision:
    """`gateway` None: nobody takes it. `places` are the candidates in order, the chosen one first. The rest is what it was decided from.

    `epoch` is that of the chosen gateway's breaker. `experiment` is set for a first attempt in a running one, whatever came of it.
    """

    gateway: str | None
    reason: str
    places: Sequence[Place]
    losers: Sequence[Loser]
    probe: bool
    epoch: int
    assignment: Assignment | None
    policy: str
    segment: str
    wish: Wish
    row: Row
    seed: int
    experiment: ExperimentView | None
    age_s: float | None

    @property
    def answer(self) -> tuple[object, ...]:
        """What was decided, to the last digit."""
        places = tuple(self.places)
        return self.gateway, self.reason, places, tuple(self.losers), self.probe, self.epoch, self.assignment, self.policy, self.segment

    @property
    def skipped(self) -> list[Loser]:
        """Those that only their breakers kept out."""
        return [one for one in self.losers if one.skipped]


def decide(board: Board, wish: Wish, draw: int, now: datetime) -> Decision:
    """`draw` is the id of the message that asks, as an integer: the only chance there is in it."""
    row = board.row(wish.method, wish.currency, wish.bank, wish.amount_minor)
    # Later attempts are in no experiment: their outcomes would depend on those of the first, and an arm would count a payment twice.
    experiment = None if wish.tried or not board.experiments else board.experiment(wish.merchant_id, wish.method)
    return choose(row, wish, draw, experiment=experiment, age_s=board.age_s(now))


def choose(row: Row, wish: Wish, seed: int, *, experiment: ExperimentView | None, age_s: float | None) -> Decision:
    """A decision from nothing but its arguments: what is stored of each, so that it can be made again."""
    draw = Draw(seed)
    standing = row.standing(wish.amount_minor, wish.tried)
    probed = standing.probe(draw.uniform())
    places = standing.rank(wish.amount_minor, draw)
    assigned = assignment(experiment, wish.customer_id)
    if experiment and assigned and assigned.arm == "treatment":
        places = first(places, experiment.treatment_gateway, f"treatment of {experiment.experiment_id}")
    if wish.preferred:
        places = first(places, wish.preferred, "asked for")
    losers = standing.losers
    if probed:
        places = (Place(probed, why_probed(probed)), *places)
        losers = tuple(one for one in losers if one.gateway != probed.name)
    chosen = places[0].candidate if places else None
    return Decision(
        gateway=chosen.name if chosen else None,
        reason=reason_of(places, losers, len(row.candidates), staleness(age_s, row.trust)),
        places=places,
        losers=losers,
        probe=chosen is not None and (probed is not None or chosen.facts.breaker in NOT_CLOSED),
        epoch=chosen.facts.epoch if chosen else 0,
        assignment=assigned,
        policy=row.policy,
        segment=row.segment,
        wish=wish,
        row=row,
        seed=seed,
        experiment=experiment,
        age_s=age_s,
    )


def first(places: Sequence[Place], gateway: str, why: str) -> Sequence[Place]:
    """The same order with one of them at its head; without change where it is none of them, or only to be probed."""
    for place in places:
        if place.candidate.name == gateway and place.candidate.facts.breaker not in NOT_CLOSED:
            return place._replace(reason=f"{why}; {place.reason}"), *(other for other in places if other is not place)
    return places


def why_probed(candidate: Candidate) -> str:
    if candidate.facts.breaker == "half_open":
        return "probe of a half-open breaker"
    return "probe of the least bad: every breaker is open"


def reason_of(places: Sequence[Place], losers: Sequence[Loser], among: int, stale: str) -> str:
    if places:
        return f"{places[0].reason}; first of {len(places)} among {among}{stale}"
    each = "; ".join(f"{one.gateway}: {one.reason}" for one in losers)
    return f"no gateway of {among} takes it: {each}{stale}"


def staleness(age_s: float | None, trust: float) -> str:
    if age_s is None:
        return "; no health picture yet"
    return f"; health picture {age_s:.0f} s old, trusted {trust:.0%}" if trust < 1.0 else ""
