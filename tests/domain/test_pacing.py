"""How fast an account is called: not at all limited until it says so, then slower, and faster again little by little."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.executor.domain.pacing import (
    FREE,
    FREE_AT,
    RATE_MIN,
    RETRY_AFTER_MAX_S,
    RETRY_AFTER_S,
    Pacing,
    refused,
    retry_after_s,
    sent,
    wait_s,
)


def sending(pacing: Pacing, *, count: int, every_s: float, from_s: float = 0.0) -> tuple[Pacing, list[float]]:
    """So many calls, one after the other: when each goes out."""
    at = []
    for number in range(count):
        now_s = from_s + number * every_s
        pacing, pause_s = sent(pacing, now_s)
        at.append(now_s + pause_s)
    return pacing, at


def test_an_account_that_never_complained_is_not_paced() -> None:
    _, at = sending(FREE, count=1_000, every_s=0.001)
    assert at == [number * 0.001 for number in range(1_000)]


@pytest.mark.parametrize(("said", "pause_s"), [(3.0, 3.0), (0.0, 0.0), (None, RETRY_AFTER_S), (86_400.0, RETRY_AFTER_MAX_S)])
def test_nothing_is_sent_before_it_said(said: float | None, pause_s: float) -> None:
    pacing = refused(FREE, 10.0, retry_after_s=said)
    assert wait_s(pacing, 10.0) == pytest.approx(pause_s)
    assert sent(pacing, 10.0)[1] == pytest.approx(pause_s)


def test_after_it_calls_go_out_at_half_the_rate_that_was_too_much() -> None:
    pacing, _ = sending(FREE, count=1_000, every_s=0.01)  # 100/s for 10 s: measured well
    pacing = refused(pacing, 10.0, retry_after_s=2.0)
    assert pacing.rate == pytest.approx(50, rel=0.2)
    pacing, at = sending(pacing, count=10, every_s=0.0, from_s=10.0)
    gaps = [later - earlier for earlier, later in pairwise(at)]
    assert at[0] == pytest.approx(12.0)
    assert gaps == [pytest.approx(0.02, rel=0.2)] * 9


def test_several_refusals_of_one_moment_halve_it_once() -> None:
    pacing, _ = sending(FREE, count=1_000, every_s=0.01)
    once = refused(pacing, 10.0, retry_after_s=1.0)
    many = once
    for _ in range(30):
        many = refused(many, 10.5, retry_after_s=1.0)
    assert many.rate == once.rate
    assert many.not_before_s == pytest.approx(11.5)
    assert refused(many, 12.0, retry_after_s=1.0).rate < (once.rate or 0)  # type: ignore[operator]


def test_it_grows_back_until_it_is_free() -> None:
    pacing, _ = sending(FREE, count=1_000, every_s=0.01)
    pacing = refused(pacing, 10.0, retry_after_s=0.0)
    slow = pacing.rate or 0.0
    pacing, _ = sent(pacing, 15.0)
    assert slow < (pacing.rate or 0.0) < FREE_AT * pacing.refused_rate
    pacing, _ = sent(pacing, 40.0)
    assert pacing.rate is None
    assert sending(pacing, count=100, every_s=0.0, from_s=41.0)[1] == [41.0] * 100


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("3", 3.0), ("0", 0.0), ("1.5", 1.5), ("", None), ("-1", None), ("inf", None), ("nan", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)],
)
def test_what_retry_after_says(value: str, seconds: float | None) -> None:
    assert retry_after_s(value) == seconds


steps = st.lists(
    st.tuples(st.floats(0, 30), st.one_of(st.none(), st.just("send"), st.floats(0, 1e6))),
    max_size=60,
)


@given(steps)
def test_whatever_happens_calls_keep_their_order_and_the_wait_is_bounded(happening: list[tuple[float, object]]) -> None:
    """No call goes out in the past or before the one before it, and what `wait_s` foretells is what a call waits."""
    pacing, now_s, last_s, queued = FREE, 0.0, 0.0, 0
    for gap_s, what in happening:
        now_s += gap_s
        if what == "send":
            foretold_s = wait_s(pacing, now_s)
            pacing, pause_s = sent(pacing, now_s)
            assert pause_s == pytest.approx(foretold_s, abs=1e-6)
            if pacing.rate is not None:
                assert now_s + pause_s >= last_s - 1e-6
                last_s = now_s + pause_s
            queued += 1
            assert 0 <= pause_s <= RETRY_AFTER_MAX_S + queued / RATE_MIN
        else:
            pacing = refused(pacing, now_s, retry_after_s=what if isinstance(what, float) else None)
            assert pacing.rate is not None
            assert pacing.rate >= RATE_MIN
