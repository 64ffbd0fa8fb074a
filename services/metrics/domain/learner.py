"""All that metrics knows of how gateways do, learnt from outcomes. Deterministic: time is an argument, and there is no chance in it.

learner = Learner()
learnt = learner.learn(outcomes, now)      # increments to persist, breakers that moved
facts = learner.advance(now)               # what time alone changes: cooldowns, expiry, drops
picture = picture_of(learner, now, epoch=1)  # what routers decide by
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from services.metrics.domain.breaker import Breaker, Transition
from services.metrics.domain.change import Change, Scope, Watches, Word
from services.metrics.domain.decline import Drop, dropped, recovered
from services.metrics.domain.estimates import ARM_HALF_LIFE_S, ESTIMATE_HALF_LIFE_S, Fading
from services.metrics.domain.histogram import bin_of
from services.metrics.domain.learnt import Fact, Learnt, Pair
from services.metrics.domain.outcome import ATTRIBUTABLE, Outcome
from services.metrics.domain.windows import Latencies, Rates, Windows

FRESH_S: Final = 120.0  # an outcome that was heard longer ago says nothing about a gateway's breaker any more
DROPS_EVERY_S: Final = 5.0
BANKS_MAX: Final = 100  # told apart; a bank is what a merchant says it is, and memory must not be theirs to fill
OTHER_BANK: Final = "?"
FADED: Final = 0.001  # an estimate that weighs less is forgotten
KEPT: Final = 2.0  # outcomes that an estimate is worth, beside those since, when the gateway has changed
KEPT_ARM: Final = 0.5  # and an arm, when it has become better than it ever was: its half-life would remember for an hour


class Learner:
    """One per leader, or per simulated world. `learn` and `advance` must see `now` in order; a correction carries `was`."""

    def __init__(self) -> None:
        self.windows, self.rates, self.latencies = Windows(), Rates(), Latencies()
        self.breakers: dict[Pair, Breaker] = {}
        self.estimates: Fading[tuple[str, str, str | None]] = Fading(ESTIMATE_HALF_LIFE_S)
        # Late successes and timeouts.
        self.silences: Fading[tuple[str, str, str | None]] = Fading(ESTIMATE_HALF_LIFE_S)
        self.arms: Fading[tuple[str, str]] = Fading(ARM_HALF_LIFE_S)
        # Arms as they were before their gateway became worse. Like the watches in memory only.
        self.before: Fading[tuple[str, str]] = Fading(ARM_HALF_LIFE_S)
        self.watches = Watches()
        self.banks: set[str] = set()
        self.drops: dict[Pair, float] = {}  # said and not over: the rate before
        self.drops_due_s = 0.0

    def learn(self, outcomes: Iterable[Outcome], now: datetime) -> Learnt:
        """Outcomes as `words.settled` orders them: each counts once, and takes back what it corrects."""
        now_s, learnt = now.timestamp(), Learnt()
        self.forget(now_s)
        for heard in outcomes:
            outcome = self._bounded(heard)
            number = bin_of(outcome.latency_ms) if outcome.latency_ms is not None and outcome.was is None else None
            learnt.count(outcome, number)
            self._count(outcome, number)
            if outcome.was is None or not self.watches.before(outcome.gateway, outcome.method, outcome.at_s):
                self._estimate(outcome, learnt)
            if outcome.was is None and outcome.outcome_class in ATTRIBUTABLE:
                self._watch(outcome, learnt)
            moved = self._judge(outcome, now_s, learnt)
            if moved is not None:
                learnt.facts.append(moved)
        return learnt

    def advance(self, now: datetime) -> list[Fact]:
        """What the passing of time changes: open breakers are tried again, forced ones expire, rates that fell are noticed."""
        now_s = now.timestamp()
        self.forget(now_s)
        facts: list[Fact] = [moved for breaker in self.breakers.values() if (moved := breaker.tick(now_s))]
        if now_s >= self.drops_due_s:
            self.drops_due_s = now_s + DROPS_EVERY_S
            facts += self._drops()
        return facts

    def due(self, now: datetime) -> bool:
        """Whether `advance` has something to do."""
        now_s = now.timestamp()
        return now_s >= self.drops_due_s or any(one.until_s is not None and now_s >= one.until_s for one in self.breakers.values())

    def tidy(self, now: datetime) -> None:
        """Drop what has faded: once a minute is often enough."""
        now_s = now.timestamp()
        self.estimates.forget(now_s, FADED)
        self.silences.forget(now_s, FADED)
        self.arms.forget(now_s, FADED)
        self.before.forget(now_s, FADED)

    def breaker(self, gateway: str, method: str, now_s: float) -> Breaker:
        found = self.breakers.get((gateway, method))
        if found is None:
            found = self.breakers[gateway, method] = Breaker(gateway, method, since_s=now_s)
        return found

    def _bounded(self, outcome: Outcome) -> Outcome:
        if outcome.bank is None or outcome.bank in self.banks:
            return outcome
        if len(self.banks) >= BANKS_MAX:
            return replace(outcome, bank=OTHER_BANK)
        self.banks.add(outcome.bank)
        return outcome

    def forget(self, now_s: float) -> None:
        """Let go of what the windows have passed."""
        self.windows.advance(now_s)
        self.rates.advance(now_s)
        self.latencies.advance(now_s)

    def _count(self, outcome: Outcome, number: int | None) -> None:
        gateway, method, bank, at_s = outcome.gateway, outcome.method, outcome.bank, outcome.at_s
        leaf = gateway, method, bank or "", outcome.amount_bucket
        pair, keyed = (gateway, method, None), (gateway, method, bank)
        for outcome_class, times in ((outcome.outcome_class, 1), (outcome.was, -1)):
            if outcome_class is not None:
                self.windows.add(leaf, outcome_class, at_s, times)
                self.rates.add(pair, outcome_class, at_s, times)
                if bank is not None:
                    self.rates.add(keyed, outcome_class, at_s, times)
        if number is not None:
            self.latencies.add(pair, number, at_s)
            if bank is not None:
                self.latencies.add(keyed, number, at_s)

    def _estimate(self, outcome: Outcome, learnt: Learnt) -> None:
        """Only what is the gateway's doing teaches anything about it."""
        gateway, method, bank, at_s = outcome.gateway, outcome.method, outcome.bank, outcome.at_s
        for outcome_class, times in ((outcome.outcome_class, 1.0), (outcome.was, -1.0)):
            if outcome_class not in ATTRIBUTABLE:
                continue
            success = outcome_class == "success"
            self.estimates.add((gateway, method, None), success, at_s, times)
            learnt.estimates.add((gateway, method, ""))
            if bank is not None:
                self.estimates.add((gateway, method, bank), success, at_s, times)
                learnt.estimates.add((gateway, method, bank))
            if outcome.segment is not None:
                self.arms.add((outcome.segment, gateway), success, at_s, times)
                learnt.arms.add((outcome.segment, gateway))
        if outcome.timeout or (outcome.was == "unknown" and outcome.outcome_class == "success"):
            for one in {None, bank}:
                self.silences.add((gateway, method, one), not outcome.timeout, at_s)
                learnt.silences.add((gateway, method, one or ""))

    def _watch(self, outcome: Outcome, learnt: Learnt) -> None:
        """Notice that a gateway has changed. The outcome has been added."""
        gateway, method, at_s = outcome.gateway, outcome.method, outcome.at_s
        word = Word(method, outcome.bank, outcome.outcome_class == "success", outcome.timeout)
        scopes: tuple[Scope, Scope] = ((gateway,), (gateway, method))
        for scope in scopes:
            if scope not in self.watches.watches:
                self.watches.watch(scope, *self.estimates.read((gateway, method, None), at_s))
            if change := self.watches.hear(scope, word, at_s):
                self._begin_anew(change, outcome.at_s, learnt)

    def _begin_anew(self, change: Change, at_s: float, learnt: Learnt) -> None:
        """Of what was learnt before the change next to nothing counts."""
        gateway, *methods = change.scope
        for key in [one for one in self.estimates.weights if one[0] == gateway and (not methods or one[1] == methods[0])]:
            since = [one for one in change.since if one.method == key[1] and key[2] in (None, one.bank)]
            successes, timeouts = sum(one.success for one in since), sum(one.timeout for one in since)
            share = self.estimates.keep(key, KEPT, at_s, (successes, len(since) - successes))
            self.silences.scale(key, share, at_s, (0.0, timeouts))
            touched = key[0], key[1], key[2] or ""
            learnt.estimates.add(touched)
            learnt.silences.add(touched)
        for arm in [one for one in self.arms.weights if one[1] == gateway and (not methods or one[0].startswith(f"{methods[0]}:"))]:
            self._begin_arm(arm, change, at_s)
            learnt.arms.add(arm)

    def _begin_arm(self, arm: tuple[str, str], change: Change, at_s: float) -> None:
        """What a gateway was before its outage is the best guess of what it will be afterwards. So when it has become better, its arm
        forgets what came since it became worse, and the rest too only where that cannot be what it is now."""
        known, before = self.arms.read(arm, at_s), self.before.read(arm, at_s)
        if not change.better:
            if sum(known) > 2.0 * sum(before):  # more has come since than what is kept still weighs
                self.before.put(arm, *known, at_s)
            return
        if arm in self.before.weights:
            self.arms.put(arm, *before, at_s)
            del self.before.weights[arm]
        if not change.fits(*self.arms.read(arm, at_s)):
            self.arms.keep(arm, KEPT_ARM, at_s)

    def _judge(self, outcome: Outcome, now_s: float, learnt: Learnt) -> Transition | None:
        """A breaker hears first words, and of corrections only that a failure was none: they are old news of what it does now."""
        failed = outcome.outcome_class != "success"
        if outcome.outcome_class not in ATTRIBUTABLE:
            failed = False
            if outcome.was is None:
                return None
        breaker = self.breaker(outcome.gateway, outcome.method, now_s)
        learnt.breakers.add((outcome.gateway, outcome.method))
        if outcome.was is None:
            if now_s - outcome.at_s > FRESH_S:
                return None
            return breaker.hear(
                failed=failed, timeout=outcome.timeout, probe=outcome.probe, epoch=outcome.epoch, at_s=outcome.at_s, now_s=now_s
            )
        if outcome.was in ATTRIBUTABLE and outcome.was != "success" and not failed:
            breaker.take_back(epoch=outcome.epoch, at_s=outcome.at_s)
        return None

    def _drops(self) -> list[Drop]:
        found: list[Drop] = []
        for gateway, method in self.breakers:
            pair = gateway, method
            last_5, last_60 = (self.rates.read(minutes, (gateway, method, None)) for minutes in (5, 60))
            if pair in self.drops:
                if recovered(last_5, last_60, self.drops[pair]):
                    del self.drops[pair]
            elif (rates := dropped(last_5, last_60)) is not None:
                self.drops[pair] = rates[1]
                found.append(Drop(gateway, method, rates[0], rates[1], last_5[0]))
        return found
