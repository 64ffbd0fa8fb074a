"""The circuit breaker of one method of one gateway.

closed ──too many failures──▶ open ──30 s──▶ half open ──probes succeed──▶ closed
                               ▲                 └──────probes fail──▶ open
An operator forces it open or closed, for a time or until further notice; afterwards it is half open, or closed with a clean slate.

Every change raises `epoch`. An attempt carries the epoch that it was decided under, so what is heard late of an older one neither opens nor
closes nor probes a newer state. Only attributable outcomes are heard here.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from services.metrics.domain.span import Span
from shared.contracts import BreakerState

Forced = Literal["forced_open", "forced_closed"]


@dataclass(frozen=True, slots=True)
class Limits:
    fail_share: float = 0.40  # of two minutes
    timeout_share: float = 0.50  # of five
    samples_min: int = 10  # of each share
    failures_in_row: int = 10
    cooldown_s: float = 30.0
    probe_share: float = 0.10
    probe_every_s: float = 5.0  # at low traffic the share is raised so that about one probe comes through in this time
    close_in_row: int = 5
    close_probes: int = 5
    close_share: float = 0.80
    reopen_in_row: int = 3


@dataclass(frozen=True, slots=True)
class Transition:
    gateway: str
    method: str
    state: BreakerState
    previous: BreakerState
    epoch: int
    reason: str
    actor: str | None
    until_s: float | None


LIMITS = Limits()
FAIL_S, TIMEOUT_S = 120, 300


@dataclass(slots=True)
class Breaker:
    """Times are Unix seconds. `until_s`: when an open one is tried again, or a forced state ends."""

    gateway: str
    method: str
    state: BreakerState = "closed"
    epoch: int = 0
    since_s: float = 0.0
    until_s: float | None = None
    reason: str = ""
    actor: str | None = None
    consecutive_failures: int = 0
    probes: int = 0
    probe_successes: int = 0
    probe_run: int = 0  # > 0 successes in a row, < 0 failures in a row
    fail_2m: Span = field(default_factory=lambda: Span(FAIL_S))
    timeout_5m: Span = field(default_factory=lambda: Span(TIMEOUT_S))

    def hear(self, *, failed: bool, timeout: bool, probe: bool, epoch: int, at_s: float, now_s: float) -> Transition | None:
        """One attributable outcome of an attempt decided under `epoch`, heard at `at_s`."""
        if epoch < self.epoch:
            return None
        if self.state in ("closed", "forced_closed"):
            self.consecutive_failures = self.consecutive_failures + 1 if failed else 0
            self.fail_2m.add(at_s, failed)
            self.timeout_5m.add(at_s, timeout)
            return self._judge(now_s) if self.state == "closed" else None
        if self.state == "half_open" and probe:
            return self._probe(failed, now_s)
        return None

    def take_back(self, *, epoch: int, at_s: float) -> None:
        """A failure heard at `at_s` was none after all. That it did not answer in time stays true."""
        if epoch >= self.epoch and self.state in ("closed", "forced_closed"):
            self.fail_2m.take_back(at_s)
            self.consecutive_failures = max(0, self.consecutive_failures - 1)

    def tick(self, now_s: float) -> Transition | None:
        """What the passing of time alone changes."""
        if self.until_s is None or now_s < self.until_s:
            return None
        if self.state == "open":
            return self._move("half_open", now_s, f"{LIMITS.cooldown_s:g} s have passed: probing")
        if self.state == "forced_open":
            return self._move("half_open", now_s, "the forced state has expired: probing")
        if self.state == "forced_closed":
            return self._move("closed", now_s, "the forced state has expired")
        return None

    def force(self, to: Forced | None, now_s: float, *, actor: str, reason: str, expires_in_s: float | None = None) -> Transition | None:
        """`to` None ends a forced state, and changes nothing where there is none."""
        if to is not None:
            return self._move(to, now_s, reason, actor, None if expires_in_s is None else now_s + expires_in_s)
        if self.state == "forced_open":
            return self._move("half_open", now_s, reason, actor)
        if self.state == "forced_closed":
            return self._move("closed", now_s, reason, actor)
        return None

    def share_let_through(self, payments_per_s: float) -> float:
        """Of the payments that could use it, while it is half open: `payments_per_s` of them come."""
        if self.state != "half_open":
            return 0.0
        guaranteed = 1.0 / (LIMITS.probe_every_s * payments_per_s) if payments_per_s > 0 else 1.0
        return min(1.0, max(LIMITS.probe_share, guaranteed))

    def counts(self) -> dict[str, Any]:
        """What `restore` needs beside the fields that a row has columns for; JSON."""
        return {"run": self.probe_run, "fail_2m": self.fail_2m.dump(), "timeout_5m": self.timeout_5m.dump()}

    def restore(self, counts: dict[str, Any]) -> None:
        self.probe_run = counts.get("run", 0)
        self.fail_2m = Span.of(FAIL_S, counts.get("fail_2m", ()))
        self.timeout_5m = Span.of(TIMEOUT_S, counts.get("timeout_5m", ()))

    def _judge(self, now_s: float) -> Transition | None:
        if self.consecutive_failures >= LIMITS.failures_in_row:
            return self._open(now_s, f"{self.consecutive_failures} failures in a row")
        samples, share = self.fail_2m.read(now_s)
        if samples >= LIMITS.samples_min and share > LIMITS.fail_share:
            return self._open(now_s, f"{share:.0%} of {samples} attempts failed in two minutes, more than {LIMITS.fail_share:.0%}")
        samples, share = self.timeout_5m.read(now_s)
        if samples >= LIMITS.samples_min and share > LIMITS.timeout_share:
            return self._open(now_s, f"{share:.0%} of {samples} attempts timed out in five minutes, more than {LIMITS.timeout_share:.0%}")
        return None

    def _probe(self, failed: bool, now_s: float) -> Transition | None:
        self.probes += 1
        self.probe_successes += not failed
        if failed:
            self.probe_run = min(0, self.probe_run) - 1
        else:
            self.probe_run = max(0, self.probe_run) + 1
        if self.probe_run >= LIMITS.close_in_row:
            return self._move("closed", now_s, f"{self.probe_run} probes in a row succeeded")
        if self.probes >= LIMITS.close_probes and self.probe_successes >= LIMITS.close_share * self.probes:
            return self._move("closed", now_s, f"{self.probe_successes} of {self.probes} probes succeeded")
        if self.probe_run <= -LIMITS.reopen_in_row:
            return self._open(now_s, f"{-self.probe_run} probes in a row failed")
        return None

    def _open(self, now_s: float, reason: str) -> Transition:
        return self._move("open", now_s, reason, until_s=now_s + LIMITS.cooldown_s)

    def _move(self, to: BreakerState, now_s: float, reason: str, actor: str | None = None, until_s: float | None = None) -> Transition:
        previous, self.state = self.state, to
        self.epoch += 1
        self.since_s, self.until_s, self.reason, self.actor = now_s, until_s, reason, actor
        self.consecutive_failures = self.probes = self.probe_successes = self.probe_run = 0
        self.fail_2m, self.timeout_5m = Span(FAIL_S), Span(TIMEOUT_S)
        return Transition(self.gateway, self.method, to, previous, self.epoch, reason, actor, until_s)
