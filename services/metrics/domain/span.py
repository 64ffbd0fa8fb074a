"""What share of a breaker's last outcomes was bad, over two or five minutes: slots of five seconds, with their sum kept."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Self

SLOT_S = 5


class Span:
    __slots__ = ("bad", "samples", "slots", "slots_max")

    def __init__(self, seconds: int) -> None:
        self.slots_max = seconds // SLOT_S
        self.slots: deque[list[int]] = deque()  # slot, samples, bad; oldest first
        self.samples = self.bad = 0

    @classmethod
    def of(cls, seconds: int, slots: Iterable[Sequence[int]]) -> Self:
        span = cls(seconds)
        for slot, samples, bad in slots:
            span.slots.append([slot, samples, bad])
            span.samples += samples
            span.bad += bad
        return span

    def add(self, at_s: float, bad: bool) -> None:
        slot = int(at_s // SLOT_S)
        slots = self.slots
        if not slots or slot > slots[-1][0]:
            slots.append([slot, 0, 0])
        found = slots[-1] if slots[-1][0] == slot else self._find(slot)
        if found is None:
            return  # older than what is kept
        found[1] += 1
        found[2] += bad
        self.samples += 1
        self.bad += bad

    def take_back(self, at_s: float) -> None:
        """One that was counted bad at `at_s` was not, if it still counts."""
        slot = int(at_s // SLOT_S)
        for one in self.slots:
            if one[0] == slot and one[2] > 0:
                one[2] -= 1
                self.bad -= 1
                return

    def read(self, now_s: float) -> tuple[int, float]:
        """Samples, and the share of bad ones among them (0 without samples)."""
        oldest = int(now_s // SLOT_S) - self.slots_max
        slots = self.slots
        while slots and slots[0][0] <= oldest:
            _, samples, bad = slots.popleft()
            self.samples -= samples
            self.bad -= bad
        return self.samples, self.bad / self.samples if self.samples else 0.0

    def dump(self) -> list[list[int]]:
        return [list(one) for one in self.slots]

    def _find(self, slot: int) -> list[int] | None:
        """Outcomes come nearly in order: one of a slot that was passed over is counted with the next younger."""
        if slot >= self.slots[0][0]:
            return next(one for one in self.slots if one[0] >= slot)
        if self.slots[-1][0] - slot >= self.slots_max:
            return None
        self.slots.appendleft([slot, 0, 0])
        return self.slots[0]
