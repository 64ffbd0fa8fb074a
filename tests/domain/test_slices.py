"""Reconciliation's windows and slices: all time is covered, in order, and no window is too large."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.verifier.domain.slices import (
    LAG_S,
    OVERLAP_S,
    SLICE_MIN_S,
    SLICE_S,
    WINDOW_MAX_S,
    Window,
    bad_window,
    due_window,
    halved,
    slice_of,
)

NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
seconds = st.floats(0, 3 * WINDOW_MAX_S)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@given(seconds)
def test_each_window_follows_the_one_before_without_a_gap(pause_s: float) -> None:
    first = due_window(now=NOW, covered_until=None)
    second = due_window(now=after(pause_s), covered_until=first.until)
    assert second.since < second.until <= after(pause_s - LAG_S)
    if pause_s <= WINDOW_MAX_S - OVERLAP_S:
        assert second.since == first.until - timedelta(seconds=OVERLAP_S)
    assert bad_window(second, now=after(pause_s)) is None


@given(st.floats(1, WINDOW_MAX_S), st.floats(SLICE_MIN_S, SLICE_S * 3))
def test_slices_cover_a_window_in_order(long_s: float, slice_s: float) -> None:
    window, covered, count = Window(NOW, after(long_s)), NOW, 0
    while covered < window.until and count < 50:
        part = slice_of(window, covered_until=covered, slice_s=slice_s)
        assert part.since == covered < part.until <= window.until
        covered, count = part.until, count + 1
    assert covered == window.until or count == 50


@pytest.mark.parametrize(
    ("window", "wrong"),
    [
        (Window(NOW, NOW), "before"),
        (Window(after(10), NOW), "before"),
        (Window(NOW, after(3_601)), "future"),
        (Window(after(-40 * 86_400), NOW), "31 days"),
        (Window(NOW.replace(tzinfo=None), NOW), "zone"),
        (Window(NOW, after(3_600)), None),
    ],
)
def test_windows_that_cannot_be_compared(window: Window, wrong: str | None) -> None:
    said = bad_window(window, now=after(3_600))
    assert said is None if wrong is None else wrong in (said or "")


def test_halving_ends() -> None:
    sizes = [SLICE_S]
    while (smaller := halved(sizes[-1])) is not None:
        sizes.append(smaller)
    assert sizes[-1] >= SLICE_MIN_S > sizes[-1] / 2
