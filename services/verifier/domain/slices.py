"""Reconciliation's arithmetic of time: which window is due, and which slice of it is asked for next."""

from dataclasses import dataclass
from datetime import datetime, timedelta

SLICE_S = 300.0  # a slice to begin with; halved where one holds more than an answer may
SLICE_MIN_S = 1.0
LAG_S = 60.0  # what is younger may still be under way on either side
OVERLAP_S = 120.0  # a window begins before the last one ended: a charge may be listed late, and clocks differ
WINDOW_MAX_S = 31 * 86_400.0
FIRST_S = 3_600.0  # how far the first window of an account reaches back


@dataclass(frozen=True, slots=True)
class Window:
    since: datetime
    until: datetime


def due_window(*, now: datetime, covered_until: datetime | None) -> Window:
    """What the schedule compares next. After a long pause it catches up by at most WINDOW_MAX_S."""
    until = now - timedelta(seconds=LAG_S)
    earliest = until - timedelta(seconds=WINDOW_MAX_S)
    if covered_until is None:
        return Window(until - timedelta(seconds=FIRST_S), until)
    return Window(max(earliest, min(covered_until, until) - timedelta(seconds=OVERLAP_S)), until)


def bad_window(window: Window, *, now: datetime) -> str | None:
    """Why an operator's window cannot be compared; None where it can."""
    if window.since.tzinfo is None or window.until.tzinfo is None:
        return "from and to need a zone"
    if window.since >= window.until:
        return "from must be before to"
    if window.until > now:
        return "to lies in the future"
    if (window.until - window.since).total_seconds() > WINDOW_MAX_S:
        return f"at most {WINDOW_MAX_S / 86_400:.0f} days at once"
    return None


def slice_of(window: Window, *, covered_until: datetime, slice_s: float) -> Window:
    """The next slice of what is not covered yet."""
    return Window(covered_until, min(window.until, covered_until + timedelta(seconds=slice_s)))


def halved(slice_s: float) -> float | None:
    """A smaller slice; None where it is as small as can be."""
    return slice_s / 2 if slice_s / 2 >= SLICE_MIN_S else None
