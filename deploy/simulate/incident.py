"""When a gateway is broken for payments of some kinds, by the true rates; and how fast a policy leaves it and comes back."""

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass

from deploy.simulate.engine import Trip
from deploy.simulate.luck import Payment
from deploy.simulate.truth import DRIFT_S, Truth
from deploy.simulate.world import World

GAP = 0.15  # so far below the best gateway, in successes in time among what is not the payer's doing, is broken
LAST = 20  # payments of the kinds concerned, over which a share is looked at while it changes
LEFT = 0.10  # of them go to the gateway at most: it is left
USED = 0.30  # of all before: it was used, so one may ask when it is used again
BACK = 0.5  # of the share before: it is used again

Kind = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class Incident:
    """`until_s` is when the gateway breaks again for one of the kinds, or the world ends."""

    gateway: int
    begin_s: float
    end_s: float
    until_s: float
    kinds: frozenset[Kind]


@dataclass(frozen=True, slots=True)
class Reaction:
    """`left_s` None: the gateway was hardly used before. `back_s` None: nor was it before, or the world ends first. What never happened
    counts as long as there was time for it."""

    payments: int
    sent: int
    left_s: float | None
    back_s: float | None


def incidents_of(world: World, truth: Truth) -> list[Incident]:
    """Those that begin after the world does. A gateway that is bad from the beginning has not broken."""
    found: dict[tuple[int, float, float], set[Kind]] = defaultdict(set)
    for kind in world.kinds:
        for gateway in range(len(world.gateways)):
            for begin, end in spans(world, truth, gateway, kind):
                if begin > 0:
                    found[gateway, begin, end].add(kind)
    incidents = []
    for (gateway, begin, end), kinds in sorted(found.items()):
        again = [other for (one, other, _), theirs in found.items() if one == gateway and other >= end and theirs & kinds]
        incidents.append(Incident(gateway, begin, end, min(again, default=world.duration_s), frozenset(kinds)))
    return incidents


def broken(truth: Truth, gateway: int, at_s: float, kind: Kind) -> bool:
    rates = truth.rates(at_s, *kind)
    return rates[gateway].health <= max(one.health for one in rates) - GAP


def spans(world: World, truth: Truth, gateway: int, kind: Kind) -> list[tuple[float, float]]:
    """From when until when it is broken, in order; what drifts is looked at every `DRIFT_S`."""
    looks = {truth.stretch(DRIFT_S * number) for number in range(int(world.duration_s / DRIFT_S))} | set(truth.changes_s[:-1])
    found: list[tuple[float, float]] = []
    begin: float | None = None
    for at_s in sorted(looks):
        if broken(truth, gateway, at_s, kind):
            begin = at_s if begin is None else begin
        elif begin is not None:
            found.append((begin, at_s))
            begin = None
    return found if begin is None else [*found, (begin, world.duration_s)]


def reaction(incident: Incident, payments: Sequence[Payment], trips: Sequence[Trip]) -> Reaction:
    """Of one policy in one incident."""
    last: deque[bool] = deque(maxlen=LAST)
    before = [0, 0]
    during = [0, 0]
    left_s = back_s = None
    for payment, trip in zip(payments, trips, strict=True):
        if (payment.method, payment.bank) not in incident.kinds:
            continue
        there = trip.first == incident.gateway
        last.append(there)
        if payment.at_s < incident.begin_s:
            before = [before[0] + 1, before[1] + there]
        elif payment.at_s < incident.end_s:
            during = [during[0] + 1, during[1] + there]
            if left_s is None and sum(last) <= LEFT * len(last):
                left_s = payment.at_s - incident.begin_s
        elif payment.at_s < incident.until_s and back_s is None and sum(last) >= BACK * USED * len(last):
            back_s = payment.at_s - incident.end_s
    used = before[1] >= USED * before[0] and before[0] > 0
    if left_s is None:
        left_s = incident.end_s - incident.begin_s
    if back_s is None:
        back_s = incident.until_s - incident.end_s
    return Reaction(during[0], during[1], left_s if used else None, back_s if used and incident.until_s > incident.end_s else None)
