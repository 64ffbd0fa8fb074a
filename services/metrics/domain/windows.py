"""Outcomes of the last 1, 5, 15 and 60 minutes by gateway, method, bank and amount bucket, and latencies beside them."""

from collections.abc import Iterator
from typing import Final, Literal, get_args

from services.metrics.domain.histogram import BINS, percentile
from services.metrics.domain.outcome import ATTRIBUTABLE
from services.metrics.domain.rolling import Rolling
from shared.contracts import OutcomeClass

MINUTES: Final[tuple[Literal[1, 5, 15, 60], ...]] = (1, 5, 15, 60)
CLASSES: Final[tuple[OutcomeClass, ...]] = get_args(OutcomeClass)
NUMBER: Final = {one: number for number, one in enumerate(CLASSES)}
Leaf = tuple[str, str, str, str]  # gateway, method, bank, amount bucket; "" where it is not known
Key = tuple[str, str, str | None]  # gateway, method, bank; None for all banks


class Counts:
    """How often each class came, of everything that a question asks for together."""

    __slots__ = ("by_class",)

    def __init__(self) -> None:
        self.by_class: dict[OutcomeClass, int] = dict.fromkeys(CLASSES, 0)

    @property
    def attempts(self) -> int:
        return sum(self.by_class.values())

    @property
    def attributable(self) -> int:
        return sum(count for name, count in self.by_class.items() if name in ATTRIBUTABLE)

    @property
    def succeeded(self) -> int:
        return self.by_class["success"]


class Windows:
    """Additive and with sign: a correction subtracts one and adds another. `None` in a question fixes nothing."""

    def __init__(self) -> None:
        self.leaves: dict[Leaf, int] = {}
        self.counts = Rolling(MINUTES)

    def advance(self, now_s: float) -> None:
        self.counts.advance(now_s)

    def add(self, leaf: Leaf, outcome_class: OutcomeClass, at_s: float, times: int = 1) -> None:
        self.counts.add(self._first(leaf) + NUMBER[outcome_class], at_s, times)

    def restore(self, leaf: Leaf, outcome_class: OutcomeClass, minute_s: float, times: int) -> None:
        self.counts.restore(self._first(leaf) + NUMBER[outcome_class], minute_s, times)

    def read(
        self,
        minutes: int,
        *,
        gateway: str | None = None,
        method: str | None = None,
        bank: str | None = None,
        amount_bucket: str | None = None,
    ) -> Counts:
        asked, total, found = (gateway, method, bank, amount_bucket), self.counts.totals[minutes], Counts()
        for leaf, first in self.leaves.items():
            if all(want is None or want == have for want, have in zip(asked, leaf, strict=True)):
                for name, times in zip(CLASSES, total[first : first + len(CLASSES)], strict=True):
                    found.by_class[name] += times
        return found

    def attempts(self, minutes: int, method: str) -> int:
        """Of one method on all gateways."""
        total = self.counts.totals[minutes]
        return sum(sum(total[first : first + len(CLASSES)]) for leaf, first in self.leaves.items() if leaf[1] == method)

    def _first(self, leaf: Leaf) -> int:
        first = self.leaves.get(leaf)
        if first is None:
            first = self.leaves[leaf] = len(self.leaves) * len(CLASSES)
            self.counts.grow(len(CLASSES))
        return first


class Rates:
    """Attributable outcomes and successes by (gateway, method) and by bank, summed as they come: what the picture reads every second."""

    def __init__(self) -> None:
        self.keys: dict[Key, int] = {}
        self.counts = Rolling((5, 60))

    def advance(self, now_s: float) -> None:
        self.counts.advance(now_s)

    def add(self, key: Key, outcome_class: OutcomeClass, at_s: float, times: int = 1) -> None:
        if outcome_class in ATTRIBUTABLE:
            first = self._first(key)
            self.counts.add(first, at_s, times)
            if outcome_class == "success":
                self.counts.add(first + 1, at_s, times)

    def restore(self, key: Key, outcome_class: OutcomeClass, minute_s: float, times: int) -> None:
        if outcome_class in ATTRIBUTABLE:
            first = self._first(key)
            self.counts.restore(first, minute_s, times)
            if outcome_class == "success":
                self.counts.restore(first + 1, minute_s, times)

    def read(self, minutes: Literal[5, 60], key: Key) -> tuple[int, int]:
        """Attributable and succeeded."""
        first, total = self.keys.get(key), self.counts.totals[minutes]
        return (total[first], total[first + 1]) if first is not None else (0, 0)

    def _first(self, key: Key) -> int:
        first = self.keys.get(key)
        if first is None:
            first = self.keys[key] = len(self.keys) * 2
            self.counts.grow(2)
        return first


class Latencies:
    """Latencies by (gateway, method) and by bank. `p95(key)` is of the last five minutes and known until something of it changes."""

    def __init__(self) -> None:
        self.keys: dict[Key, int] = {}
        self.counts = Rolling(MINUTES, watched=True)
        self.known: dict[int, tuple[int, int | None]] = {}

    def advance(self, now_s: float) -> None:
        self.counts.advance(now_s)

    def add(self, key: Key, number: int, at_s: float, times: int = 1) -> None:
        self.counts.add(self._first(key) + number, at_s, times)

    def restore(self, key: Key, number: int, minute_s: float, times: int) -> None:
        self.counts.restore(self._first(key) + number, minute_s, times)

    def bins(self, minutes: int, key: Key) -> list[int]:
        first = self.keys.get(key)
        return self.counts.totals[minutes][first : first + BINS] if first is not None else [0] * BINS

    def p95(self, key: Key) -> tuple[int, int | None]:
        """How many latencies of the last five minutes there are, and their 95th percentile in ms."""
        first = self.keys.get(key)
        if first is None:
            return 0, None
        if self.counts.changed:
            for number in {cell // BINS for cell in self.counts.changed}:
                self.known.pop(number * BINS, None)
            self.counts.changed.clear()
        known = self.known.get(first)
        if known is None:
            bins = self.counts.totals[5][first : first + BINS]
            known = self.known[first] = sum(bins), percentile(bins, 0.95)
        return known

    def matching(self, *, gateway: str, method: str | None = None, bank: str | None = None) -> Iterator[Key]:
        """The keys whose sum answers a question."""
        return (one for one in self.keys if one[0] == gateway and one[2] == bank and (method is None or one[1] == method))

    def _first(self, key: Key) -> int:
        first = self.keys.get(key)
        if first is None:
            first = self.keys[key] = len(self.keys) * BINS
            self.counts.grow(BINS)
        return first
