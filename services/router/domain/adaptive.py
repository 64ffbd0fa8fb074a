"""The default order: by what is expected of each candidate, with as much trying of the others as costs next to nothing.

What a payment loses are timeouts, after which nobody else may be asked, and a provable failure only where nobody is left. So a candidate
is worth success + fault × (what the best other would make of it), and an order follows from that. What is known of it comes on two clocks:
the bandit's half-life of 30 minutes by method, and two minutes by gateway, method and bank, which metrics cuts short when the gateway has
changed. What is general tells of what is particular, and the slow clock tells near equals apart, each as far as what is nearer agrees with
it. The constants were tried in `./paymesh simulate`; docs/simulation.md has what they do.
"""

from collections.abc import Sequence
from itertools import accumulate
from math import erf, exp, sqrt
from typing import NamedTuple

from services.router.domain.candidate import Candidate, Facts, Figures, Place, Ranker
from services.router.domain.draw import Draw

GATEWAY_MAX = 30.0  # outcomes that a gateway as a whole is worth at most to one of its methods
LONG_MAX = 1_500.0  # and the slow clock
FAST_MIN = 5.0  # below which the fast clock of a method has no say in whether the slow one is right: all known until then has
BANK_MAX = 1_000.0  # outcomes that the method is worth at most when a bank is looked at
BANK_MIN = 4.0  # and at least, however much the bank differs
Z_FREE = 1.5  # standard errors that two clocks may lie apart and agree
EXPLORE_SHARE, EXPLORE_COST = 0.005, 0.00005  # of payments each other gets at least, unless that would lose more than the cost
PROBE_SHARE, PROBE_COST = 0.01, 0.004  # a half-open one gets more: it is known to have been better
PROBE_USUAL, PROBE_RARE = 0.10, 0.25  # of what metrics lets through beyond the usual, because payments are rare, this part is used
SHARPEN = 7.0  # near equals are mixed by (chance to be best / that of the likeliest) to this power
WEIGHT_MIN = 0.01


class Belief(NamedTuple):
    """Shares of attempts that succeed in time and that fail provably (the rest is silent), and the outcomes that the belief is worth."""

    success: float
    fault: float
    weight: float

    def told(self, other: "Belief") -> "Belief":
        """Both together."""
        total = self.weight + other.weight
        return Belief(
            (self.weight * self.success + other.weight * other.success) / total,
            (self.weight * self.fault + other.weight * other.fault) / total,
            total,
        )

    def agreement(self, other: "Belief") -> float:
        """1 where both may be of one rate, and towards 0 the less that is so: by the z of the pooled two-proportion test."""
        n, m = self.weight, other.weight
        pooled = (n * self.success + m * other.success + UNKNOWN.success) / (n + m + 1.0)
        z = abs(self.success - other.success) / sqrt(pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m))
        return exp(-0.5 * max(0.0, z - Z_FREE) ** 2)

    def worth(self, weight: float, nearer: "Belief | None") -> "Belief":
        """It with `weight` outcomes, as far as `nearer` agrees with it."""
        return self._replace(weight=weight * (self.agreement(nearer) if nearer else 1.0))


UNKNOWN = Belief(0.85, 0.10, 4.0)  # a gateway of which nothing has been heard


def seen(figures: Figures | None, trust: float = 1.0) -> Belief | None:
    """What the fast clock says; a success that only the verifier found was none for the payer."""
    if figures is None or trust * (weight := figures.successes + figures.failures) < WEIGHT_MIN:
        return None
    success = max(0.0, figures.successes - figures.late)
    return Belief(success / weight, max(0.0, weight - success - figures.timeouts) / weight, trust * weight)


def remembered(facts: Facts, fast: Belief | None) -> Belief | None:
    """What the slow clock says. It does not tell faults from silence, so that is taken as the fast one has it."""
    weight = facts.long_successes + facts.long_failures
    if facts.trust * weight < 0.5:
        return None
    success = facts.long_successes / weight
    faulty = (fast.fault * fast.weight + 1.0) / ((1.0 - fast.success) * fast.weight + 2.0) if fast else 0.5
    return Belief(success, (1.0 - success) * faulty, facts.trust * min(weight, LONG_MAX))


def believed(facts: Facts) -> Belief:
    """Nothing known → gateway → slow clock → fast clock of the method → that of the bank, each as far as what is nearer agrees with it."""
    whole, fast, bank = (seen(one, facts.trust) for one in (facts.by_gateway, facts.by_method, facts.by_bank))
    found = UNKNOWN
    if whole:
        found = found.told(whole.worth(min(whole.weight, GATEWAY_MAX), fast))
    if slow := remembered(facts, fast or whole):
        found = found.told(slow.worth(slow.weight, fast if fast and fast.weight > FAST_MIN else found if whole else None))
    if fast:
        found = found.told(fast)
    if bank:
        weight = min(found.weight, BANK_MAX) * found.agreement(bank)
        found = found._replace(weight=max(BANK_MIN, weight)).told(bank)
    return found


def worths(beliefs: Sequence[Belief]) -> list[tuple[float, float]]:
    """Of each the share of payments that come through if it is asked first, and the standard error of that."""
    rescues = [one.success / max(1e-9, 1.0 - one.fault) for one in beliefs]
    found = []
    for at, one in enumerate(beliefs):
        other = min(1.0, max((rescue for number, rescue in enumerate(rescues) if number != at), default=0.0))
        mean = one.success + one.fault * other
        variance = one.success + one.fault * other * other - mean * mean  # of one payment: it is worth 1, `other` or 0
        found.append((mean, sqrt(max(1e-9, variance) / (one.weight + 1.0))))
    return found


def chances(worth: Sequence[tuple[float, float]]) -> list[float]:
    """Of each to be the best, if errors are normal: exact for two, for more by pairs with the likeliest."""
    best = max(range(len(worth)), key=lambda at: worth[at][0])
    top, error = worth[best]
    above = [0.0 if at == best else 0.5 * (1.0 - erf((top - one) / sqrt(2.0 * (error**2 + its**2)))) for at, (one, its) in enumerate(worth)]
    holds, total = 1.0, sum(above)
    for one in above:
        holds *= 1.0 - one
    found = [(1.0 - holds) * one / total if total > 0.0 else 0.0 for one in above]
    found[best] = holds
    return found


def shares(candidates: Sequence[Candidate], worth: Sequence[tuple[float, float]]) -> list[float]:
    """Of payments that each is given first; they sum to 1. A half-open one gets no more than its breaker lets through."""
    judged = [at for at, one in enumerate(candidates) if one.facts.closed] or range(len(candidates))
    everybody = chances(worth)
    if not any(everybody[at] for at in judged):  # a half-open one is so far ahead that theirs are zero to the last bit
        everybody = chances([worth[at] if at in judged else (0.0, 1e-6) for at in range(len(worth))])
    likely = {at: everybody[at] for at in judged}
    top, best = max(likely.values()), max(worth[at][0] for at in judged)
    found = []
    for at, one in enumerate(candidates):
        gap = max(best - worth[at][0], 1e-6)
        if at in likely:
            found.append(max((likely[at] / top) ** SHARPEN, min(EXPLORE_SHARE, EXPLORE_COST / gap)))
        else:
            rare = PROBE_RARE * (one.facts.probe_share - PROBE_USUAL)  # so that it closes after some fifty payments, not after 500
            found.append(min(one.facts.probe_share, max(PROBE_SHARE, PROBE_COST / gap, rare)))
    total = sum(found)
    return [one / total for one in found]


def adaptive(candidates: Sequence[Candidate]) -> Ranker:
    """Compiled once for the candidates of one kind of payment; the ranker is called for every payment (see `candidate.Policy`)."""
    worth = worths([believed(one.facts) for one in candidates])
    rows = sorted(
        zip(candidates, worth, shares(candidates, worth), strict=True),
        key=lambda row: (-row[1][0], row[0].facts.priority, row[0].name),
    )
    places = [Place(one, reason_of(one, mean, error, share), mean) for one, (mean, error), share in rows]
    ladder = list(accumulate(share for _, _, share in rows))
    orders = [(places[at], *places[:at], *places[at + 1 :]) for at in range(len(places))]

    def rank(amount_minor: int, draw: Draw) -> Sequence[Place]:
        luck = draw.uniform()
        return next((order for below, order in zip(ladder, orders, strict=True) if luck < below), orders[0])

    return rank


def reason_of(one: Candidate, mean: float, error: float, share: float) -> str:
    standing = "" if one.facts.closed else f"breaker {one.facts.breaker.replace('_', ' ')}, "
    return f"{standing}expected {mean:.4f} ± {error:.4f}, {share:.1%} of payments"
