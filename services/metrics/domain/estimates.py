"""Successes and failures that fade: what came one half-life ago counts half.

Weights are kept as if every outcome had come at one landmark (forward decay: Cormode, Shkapenyuk, Srivastava, Xu, ICDE 2009), so that a
later correction takes back exactly what its first word had added, and reading all of them costs one power of two.
"""

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
ESTIMATE_HALF_LIFE_S = 120.0  # of a gateway's rate: an outage of a minute shows, one of ten minutes ago does not
ARM_HALF_LIFE_S = 1_800.0  # of what a bandit has learnt: it sees fewer outcomes a segment, and must still forget an outage
DOUBLINGS_MAX = 200.0  # between landmark and now: 2**200 squared is still a float


class Fading(Generic[K]):
    """`half_life_s` decides how fast. Weights are never below zero when read."""

    def __init__(self, half_life_s: float) -> None:
        self.half_life_s = half_life_s
        self.landmark_s = 0.0
        self.weights: dict[K, list[float]] = {}  # key → successes, failures

    def add(self, key: K, success: bool, at_s: float, times: float = 1.0) -> None:
        """`times` -1 takes one back that was added with the same time."""
        doublings = (at_s - self.landmark_s) / self.half_life_s
        if doublings > DOUBLINGS_MAX:
            self._move(at_s)
            doublings = 0.0
        found = self.weights.get(key)
        if found is None:
            found = self.weights[key] = [0.0, 0.0]
        found[0 if success else 1] += times * 2.0 ** max(doublings, -DOUBLINGS_MAX)

    def read(self, key: K, now_s: float) -> tuple[float, float]:
        """Successes and failures as they count now."""
        found = self.weights.get(key)
        if found is None:
            return 0.0, 0.0
        factor = self.factor(now_s)
        return max(0.0, found[0] * factor), max(0.0, found[1] * factor)

    def factor(self, now_s: float) -> float:
        """What a kept weight is worth now."""
        return float(2.0 ** max((self.landmark_s - now_s) / self.half_life_s, -1000.0))

    def all(self, now_s: float) -> Iterator[tuple[K, float, float]]:
        factor = self.factor(now_s)
        for key, (successes, failures) in self.weights.items():
            yield key, max(0.0, successes * factor), max(0.0, failures * factor)

    def restore(self, key: K, successes: float, failures: float, at_s: float) -> None:
        """As they counted at `at_s`."""
        self.add(key, True, at_s, successes)
        self.add(key, False, at_s, failures)

    def put(self, key: K, successes: float, failures: float, at_s: float) -> None:
        """As `restore`, instead of what is there."""
        self.weights.pop(key, None)
        self.restore(key, successes, failures, at_s)

    def keep(self, key: K, most: float, now_s: float, latest: tuple[float, float] = (0.0, 0.0)) -> float:
        """What came before the `latest` successes and failures shall weigh `most` at most. Returns the share of it that is kept."""
        older = sum(max(0.0, weight - new) for weight, new in zip(self.read(key, now_s), latest, strict=True))
        share = most / older if older > most else 1.0
        self.scale(key, share, now_s, latest)
        return share

    def scale(self, key: K, share: float, now_s: float, latest: tuple[float, float] = (0.0, 0.0)) -> None:
        found = self.weights.get(key)
        if found is not None and share < 1.0:
            factor = self.factor(now_s)
            for at, new in enumerate(latest):
                found[at] = (new + share * max(0.0, found[at] * factor - new)) / factor

    def forget(self, now_s: float, below: float) -> None:
        """Drop what has faded, so that keys that nobody uses any more do not pile up."""
        for key in [key for key, successes, failures in self.all(now_s) if successes + failures < below]:
            del self.weights[key]

    def _move(self, to_s: float) -> None:
        factor = self.factor(to_s)
        for found in self.weights.values():
            found[0] *= factor
            found[1] *= factor
        self.landmark_s = to_s
