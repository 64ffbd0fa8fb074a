"""What a long soak calls growth, and what it does not."""

import os
from collections.abc import Callable

import pytest

from deploy.faults.campaign import Result
from deploy.faults.judge import Verdict
from deploy.faults.report import soak_text
from deploy.faults.soak import ALLOWED, Soaked, memory_mb

CLEAN = Result(Verdict(1), {}, 0, 0, 0, {}, 1.0)
WHAT = ("MB of memory", "router")


def soaked(level: Callable[[int], float], rounds: int = 9, what: tuple[str, str] = WHAT) -> Soaked:
    return Soaked(CLEAN, [{what: level(number)} for number in range(rounds)])


@pytest.mark.parametrize("rounds", [6, 7, 8, 9, 30])
def test_what_is_flat_has_not_grown(rounds: int) -> None:
    assert soaked(lambda number: 100.0, rounds).grown() == []


def test_what_a_service_needs_to_warm_up_is_no_growth() -> None:
    """The first third is not looked at."""
    assert soaked(lambda number: 20.0 + 100.0 * min(number, 3)).grown() == []


def test_a_little_more_is_no_growth() -> None:
    assert soaked(lambda number: 100.0 + 5 * number).grown() == []


def test_a_leak_is_named_with_both_averages() -> None:
    (line,) = soaked(lambda number: 100.0 + 15 * number).grown()
    assert line == "MB of memory of router: 160.0, then 205.0"


@pytest.mark.parametrize("what", ALLOWED)
def test_everything_that_is_watched_has_a_bound(what: str) -> None:
    factor, more = ALLOWED[what]
    before = 10.0
    assert soaked(lambda number: before if number < 6 else before * factor + more, what=(what, "x")).grown() == []
    assert len(soaked(lambda number: before if number < 6 else before * factor + more + 1, what=(what, "x")).grown()) == 1


def test_what_was_not_there_all_the_time_is_not_compared() -> None:
    rounds = soaked(lambda number: 1_000.0 * number)
    del rounds.samples[-1][WHAT]
    assert (rounds.thirds(), rounds.grown()) == ({}, [])


def test_people_see_both_thirds_and_what_grew() -> None:
    text = soak_text(soaked(lambda number: 100.0 * number))
    assert "MB of memory router" in text
    assert "GREW: MB of memory of router: 400.0, then 700.0" in text


def test_memory_is_measured_of_a_process_and_none_of_one_that_is_gone() -> None:
    assert memory_mb(os.getpid()) > 1.0
    assert memory_mb(2**22 + 1) == 0.0
