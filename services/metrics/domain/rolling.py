"""Counts over the last minutes, cheap to add to and to forget.

A slot holds what came in ten seconds; a window is the sum of the slots that are not older than it. Sums are kept, not made: adding is one
step a window, and when a slot leaves a window its counts are taken off.
"""

from collections.abc import Sequence

SLOT_S = 10
SLOTS_A_MINUTE = 60 // SLOT_S


class Rolling:
    """Cells are numbered from 0; `totals[minutes][cell]` is what a window holds. `watched`: cells that moved gather in `changed`."""

    __slots__ = ("changed", "coarse_until", "longest", "slot", "slots", "totals", "watched", "windows")

    def __init__(self, minutes: Sequence[int], *, watched: bool = False) -> None:
        self.totals: dict[int, list[int]] = {one: [] for one in minutes}
        self.windows = [(one * SLOTS_A_MINUTE, self.totals[one]) for one in minutes]
        self.longest = max(minutes) * SLOTS_A_MINUTE
        self.slots: dict[int, dict[int, int]] = {}
        self.slot = -1  # the youngest; nothing is younger
        self.coarse_until = -1  # slots up to this one were restored from whole minutes
        self.watched = watched
        self.changed: set[int] = set()

    def grow(self, cells: int) -> None:
        for total in self.totals.values():
            total.extend([0] * cells)

    def add(self, cell: int, at_s: float, times: int = 1) -> None:
        """What is older than the longest window changes nothing; what is of the future counts as of now."""
        slot = int(at_s // SLOT_S)
        if slot <= self.coarse_until:
            slot = min(slot - slot % SLOTS_A_MINUTE + SLOTS_A_MINUTE - 1, self.coarse_until)
        age = self.slot - slot
        if age < 0:
            slot, age = self.slot, 0
        elif age >= self.longest:
            return
        for size, total in self.windows:
            if age < size:
                total[cell] += times
        counts = self.slots.get(slot)
        if counts is None:
            counts = self.slots[slot] = {}
        counts[cell] = counts.get(cell, 0) + times
        if self.watched:
            self.changed.add(cell)

    def advance(self, now_s: float) -> None:
        """Forget what has become too old. Time that goes backwards changes nothing."""
        now, before = int(now_s // SLOT_S), self.slot
        if now <= before:
            return
        self.slot = now
        for slot, counts in list(self.slots.items()):
            for size, total in self.windows:
                if before - slot < size <= now - slot:
                    for cell, times in counts.items():
                        total[cell] -= times
                    if self.watched:
                        self.changed.update(counts)
            if now - slot >= self.longest:
                del self.slots[slot]

    def restore(self, cell: int, minute_s: float, times: int) -> None:
        """Counts of a whole minute, kept until its last second is too old: after a restart a window may hold a minute too much for a
        while, never too little. `advance` comes first."""
        self.coarse_until = self.slot
        self.add(cell, minute_s, times)
