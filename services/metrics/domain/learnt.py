"""What folding outcomes changed: increments to persist, and facts to say."""

from collections import defaultdict
from dataclasses import dataclass, field

from services.metrics.domain.breaker import Transition
from services.metrics.domain.decline import Drop
from services.metrics.domain.outcome import Outcome

Fact = Transition | Drop
Pair = tuple[str, str]  # gateway, method


def minute_of(at_s: float) -> int:
    """Unix seconds of the minute's begin."""
    return int(at_s // 60) * 60


@dataclass(slots=True)
class Learnt:
    """Increments may be negative: a correction takes back what its first word had added, in the minute where it was added."""

    counts: dict[tuple[int, str, str, str, str, str], int] = field(default_factory=lambda: defaultdict(int))
    """(minute, gateway, method, bank, amount bucket, class) → attempts."""
    latencies: dict[tuple[int, str, str, str, int], int] = field(default_factory=lambda: defaultdict(int))
    """(minute, gateway, method, bank, bin) → attempts."""
    experiments: dict[tuple[str, str, str], int] = field(default_factory=lambda: defaultdict(int))
    """(experiment, arm, class) → attempts."""
    experiment_latencies: dict[tuple[str, str, int], int] = field(default_factory=lambda: defaultdict(int))
    """(experiment, arm, bin) → attempts."""
    control_pcts: dict[str, int] = field(default_factory=dict)
    breakers: set[Pair] = field(default_factory=set)
    estimates: set[tuple[str, str, str]] = field(default_factory=set)
    silences: set[tuple[str, str, str]] = field(default_factory=set)
    arms: set[tuple[str, str]] = field(default_factory=set)
    facts: list[Fact] = field(default_factory=list)

    def count(self, outcome: Outcome, number: int | None) -> None:
        """`number` is the latency's bin, None where there is no latency or it was counted with the first word."""
        where = minute_of(outcome.at_s), outcome.gateway, outcome.method, outcome.bank or ""
        self.counts[*where, outcome.amount_bucket, outcome.outcome_class] += 1
        if outcome.was is not None:
            self.counts[*where, outcome.amount_bucket, outcome.was] -= 1
        if number is not None:
            self.latencies[*where, number] += 1
        if outcome.experiment_id is not None and outcome.arm is not None:
            self.experiments[outcome.experiment_id, outcome.arm, outcome.outcome_class] += 1
            if outcome.was is not None:
                self.experiments[outcome.experiment_id, outcome.arm, outcome.was] -= 1
            if number is not None:
                self.experiment_latencies[outcome.experiment_id, outcome.arm, number] += 1
            if outcome.control_pct is not None:
                self.control_pcts[outcome.experiment_id] = outcome.control_pct
