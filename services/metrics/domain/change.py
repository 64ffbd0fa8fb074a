"""Whether a gateway has changed, so that what was learnt of it before can be forgotten at once instead of fading.

Two CUSUMs over its outcomes (Page, 1954), one for worse and one for better: the log of how much likelier they are if the odds of success
have become a fourth, or four times, what they were, never below zero. Where one passes the alarm the gateway has changed, and only what
came since that sum last left zero is of now (bandits that forget so: Liu, Lee and Shroff, AAAI 2018). After ten minutes of success six
failures in a row are enough; one payment in ten lost more than before takes four hundred.

A gateway is watched as a whole, which sees an outage of its own with payments of every method, and method by method.
"""

from dataclasses import dataclass, field
from math import log, sqrt
from typing import NamedTuple, Self

ODDS = 4.0
ALARM = 7.0  # e^7: where nothing changes, more than a thousand outcomes come before a false alarm, and it costs little
HEARD_MAX = 200.0  # outcomes that the rate before is of
SINCE_MAX = 64
RATE_MIN = 0.02  # nothing is so sure that one outcome says that it has changed
PRIOR, PRIOR_WEIGHT = 0.85, 4.0
Z_FITS = 2.0  # standard errors
BELOW_MAX = 8.0  # when the whole gateway has changed, its rate is no more than this many outcomes worth to a method

Scope = tuple[str] | tuple[str, str]  # gateway, or gateway and method


class Word(NamedTuple):
    """One attributable outcome, as it was heard first."""

    method: str
    bank: str | None
    success: bool
    timeout: bool


class Change(NamedTuple):
    """`since`: the outcomes that are of the time after it."""

    scope: Scope
    better: bool
    since: tuple[Word, ...]

    def fits(self, successes: float, failures: float) -> bool:
        """Whether what came since may be of a rate of which this is known, or of a lower one."""
        rate = (successes + 1.0) / (successes + failures + 2.0)
        found = sum(one.success for one in self.since) / len(self.since)
        return found - rate < Z_FITS * sqrt(rate * (1.0 - rate) / len(self.since))


@dataclass(slots=True)
class Sum:
    """One of the two; `odds` is what it looks for."""

    odds: float
    likelier: float = 0.0
    since: list[Word] = field(default_factory=list)

    def hear(self, word: Word, rate: float) -> bool:
        odds = rate / (1.0 - rate) * self.odds
        other = odds / (1.0 + odds)
        self.likelier += log(other / rate) if word.success else log((1.0 - other) / (1.0 - rate))
        if self.likelier <= 0.0:
            self.likelier = 0.0
            self.since.clear()
            return False
        self.since.append(word)
        del self.since[:-SINCE_MAX]
        return self.likelier >= ALARM


@dataclass(slots=True)
class Watch:
    """Of one scope. `rate` is that of the last `heard` outcomes, at most `HEARD_MAX`."""

    rate: float = PRIOR
    heard: float = PRIOR_WEIGHT
    worse: Sum = field(default_factory=lambda: Sum(1.0 / ODDS))
    better: Sum = field(default_factory=lambda: Sum(ODDS))

    @classmethod
    def known(cls, successes: float, failures: float) -> Self:
        """Of which so much is known already."""
        heard = successes + failures + PRIOR_WEIGHT
        return cls((successes + PRIOR * PRIOR_WEIGHT) / heard, min(heard, HEARD_MAX))

    def hear(self, word: Word) -> Sum | None:
        """The sum that has passed the alarm."""
        rate = min(1.0 - RATE_MIN, max(RATE_MIN, self.rate))
        # At a bound nothing but the bound itself could make it look likelier that things go still further.
        sums = [one for one, possible in ((self.worse, rate > RATE_MIN), (self.better, rate < 1.0 - RATE_MIN)) if possible]
        passed = [one for one in sums if one.hear(word, rate)]
        self.heard = min(self.heard + 1.0, HEARD_MAX)
        self.rate += (word.success - self.rate) / self.heard
        return passed[0] if passed else None

    def begin(self, rate: float, heard: float) -> None:
        """Anew, after a change."""
        self.rate, self.heard = rate, heard
        self.worse, self.better = Sum(1.0 / ODDS), Sum(ODDS)


class Watches:
    """All of them. They live in memory only: a new leader hears soon enough what goes on."""

    def __init__(self) -> None:
        self.watches: dict[Scope, Watch] = {}
        self.changed_s: dict[Scope, float] = {}

    def hear(self, scope: Scope, word: Word, at_s: float) -> Change | None:
        """`scope` must have been given to `watch` before."""
        watch = self.watches[scope]
        passed = watch.hear(word)
        if passed is None:
            return None
        since, better = tuple(passed.since), passed is watch.better
        watch.begin((sum(one.success for one in since) + PRIOR) / (len(since) + 1.0), len(since) + 1.0)
        for other, below in self.watches.items():
            if len(other) > len(scope) and other[: len(scope)] == scope:
                below.begin(watch.rate, min(below.heard, BELOW_MAX))
        self.changed_s[scope] = at_s
        return Change(scope, better, since)

    def watch(self, scope: Scope, successes: float, failures: float) -> None:
        """Begin with what is known, where it is not watched yet."""
        self.watches[scope] = Watch.known(successes, failures)

    def before(self, gateway: str, method: str, at_s: float) -> bool:
        """Whether the gateway or its method has changed since `at_s`: what was heard then has been forgotten, and is not corrected."""
        return any(at_s < self.changed_s.get(scope, float("-inf")) for scope in ((gateway,), (gateway, method)))
