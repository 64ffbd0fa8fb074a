"""A commit waits for company only where company is coming, and never long."""

import pytest

from shared.storage.pace import FROM_PER_S, LINGER_S_MAX, WANTED, Pace


def paced(rate_per_s: float, seconds: float = 10.0) -> tuple[Pace, float]:
    """A pace that has seen this rate for a while, and what time it is then."""
    pace, now, each_s = Pace(), 1000.0, 1 / rate_per_s
    for _ in range(int(seconds * rate_per_s)):
        now += each_s
        pace.count(1, now)
    return pace, now


def test_a_fresh_one_waits_for_nobody() -> None:
    assert Pace().linger_s(1, 1000.0) == 0.0


@pytest.mark.parametrize("rate_per_s", [1, 20, 100])
def test_light_load_waits_for_nobody(rate_per_s: float) -> None:
    pace, now = paced(rate_per_s)
    assert pace.linger_s(1, now) == 0.0


def test_a_burst_of_a_few_is_no_load() -> None:
    pace = Pace()
    pace.count(int(FROM_PER_S) - 1, 1000.0)
    assert pace.linger_s(1, 1000.001) == 0.0


@pytest.mark.parametrize(("rate_per_s", "expected_s"), [(300, LINGER_S_MAX), (1_000, 0.039), (10_000, 0.0039)])
def test_under_load_it_waits_as_long_as_a_batch_takes_to_fill(rate_per_s: float, expected_s: float) -> None:
    pace, now = paced(rate_per_s)
    assert pace.linger_s(1, now) == pytest.approx(expected_s, rel=0.05)


def test_a_full_batch_waits_no_longer() -> None:
    pace, now = paced(1_000)
    assert pace.linger_s(WANTED, now) == 0.0
    assert pace.linger_s(WANTED // 2, now) == pytest.approx(WANTED / 2 / 1_000, rel=0.05)


def test_a_load_that_has_passed_is_forgotten() -> None:
    pace, now = paced(1_000)
    assert pace.linger_s(1, now + 5) == 0.0
