"""The rate limit as arithmetic: bursts, the pace after them, and what a refused caller is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.domain.rate import Rate, Verdict, admit

FIVE = Rate(per_min=60, burst=5)  # one a second, five at once


def asked(times_s: list[float], rate: Rate = FIVE) -> list[Verdict]:
    verdicts: list[Verdict] = []
    for now_s in times_s:
        verdicts.append(admit(verdicts[-1].due_s if verdicts else None, now_s=now_s, rate=rate))
    return verdicts


@pytest.mark.parametrize(
    ("times_s", "admitted"),
    [
        ([0] * 7, [True] * 5 + [False] * 2),
        ([0] * 5 + [0.99, 1.0, 1.0], [True] * 5 + [False, True, False]),
        ([0] * 6 + [1e6] * 6, [True] * 5 + [False] + [True] * 5 + [False]),
        ([float(second) for second in range(100)], [True] * 100),
        ([0] * 100 + [1.0], [True] * 5 + [False] * 95 + [True]),  # refused requests push nothing back
    ],
)
def test_who_is_let_in(times_s: list[float], admitted: list[bool]) -> None:
    assert [one.admitted for one in asked(times_s)] == admitted


def test_what_a_caller_is_told() -> None:
    verdicts = asked([100.0] * 6)
    assert [one.remaining for one in verdicts] == [4, 3, 2, 1, 0, 0]
    assert [round(one.full_s, 6) for one in verdicts] == [1, 2, 3, 4, 5, 5]
    assert verdicts[-1].wait_s == pytest.approx(1)
    assert verdicts[-1].reason == "more than 60 a minute"


RATES = st.builds(Rate, per_min=st.integers(1, 10_000), burst=st.integers(1, 500))
STEPS = st.lists(st.floats(0, 30, allow_nan=False), max_size=60)


@given(RATES, STEPS, st.floats(0, 1e6))
def test_no_stretch_of_time_lets_in_more_than_its_share(rate: Rate, steps_s: list[float], start_s: float) -> None:
    times_s = [start_s := start_s + step_s for step_s in steps_s]
    let_in = [at_s for at_s, one in zip(times_s, asked(times_s, rate), strict=True) if one.admitted]
    for first, begin_s in enumerate(let_in):
        for last in range(first, len(let_in)):
            assert last - first + 1 <= rate.burst + (let_in[last] - begin_s) / rate.interval_s + 1e-3


@given(RATES, STEPS)
def test_who_waits_as_told_is_let_in_and_not_a_moment_earlier(rate: Rate, steps_s: list[float]) -> None:
    now_s, due_s = 0.0, None
    for step_s in steps_s:
        now_s += step_s
        verdict = admit(due_s, now_s=now_s, rate=rate)
        if not verdict.admitted:
            assert admit(verdict.due_s, now_s=now_s + verdict.wait_s, rate=rate).admitted
            assert not admit(verdict.due_s, now_s=now_s + verdict.wait_s * 0.99 - rate.interval_s * 1e-3, rate=rate).admitted
        due_s = verdict.due_s


@given(RATES, STEPS)
def test_remaining_is_what_is_let_in_at_once(rate: Rate, steps_s: list[float]) -> None:
    now_s, due_s = 0.0, None
    for step_s in steps_s:
        now_s += step_s
        due_s = admit(due_s, now_s=now_s, rate=rate).due_s
    verdict = admit(due_s, now_s=now_s, rate=rate)
    let_in = 0
    while (following := admit(verdict.due_s, now_s=now_s, rate=rate)).admitted:
        assert following.remaining == verdict.remaining - 1
        let_in, verdict = let_in + 1, following
    assert verdict.remaining == 0
    assert let_in < rate.burst
