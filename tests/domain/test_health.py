"""When an endpoint's owner is told that it fails, and when it is given up."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain.health import DISABLED_AFTER, FAILING_AFTER, Health, after_try
from services.notifier.domain.schedule import Delivered, Gone, Parked, Retry, Verdict
from tests.domain.stand import NOW

AGAIN, GIVEN_UP, GONE, ARRIVED = Retry(NOW, "answered 500"), Parked("answered 500; 10 tries made"), Gone("gone"), Delivered("answered 200")
SECOND = timedelta(seconds=1)


def failing(since: timedelta, *, told: bool = False, enabled: bool = True) -> Health:
    return Health(NOW - since, told, enabled)


@pytest.mark.parametrize(
    ("health", "verdict", "after", "say"),
    [
        (Health(), ARRIVED, Health(), None),
        (failing(DISABLED_AFTER, told=True), ARRIVED, Health(), None),
        (Health(), AGAIN, Health(NOW), None),
        (failing(FAILING_AFTER - SECOND), AGAIN, failing(FAILING_AFTER - SECOND), None),
        (failing(FAILING_AFTER), AGAIN, failing(FAILING_AFTER, told=True), "failing"),
        (failing(FAILING_AFTER, told=True), AGAIN, failing(FAILING_AFTER, told=True), None),
        (failing(SECOND), GIVEN_UP, failing(SECOND, told=True), "failing"),
        (failing(DISABLED_AFTER - SECOND, told=True), GIVEN_UP, failing(DISABLED_AFTER - SECOND, told=True), None),
        (failing(DISABLED_AFTER, told=True), AGAIN, failing(DISABLED_AFTER, told=True, enabled=False), "disabled"),
        (Health(), GONE, Health(NOW, enabled=False), "disabled"),
        (failing(DISABLED_AFTER, enabled=False), GONE, failing(DISABLED_AFTER, enabled=False), None),
        (failing(SECOND, enabled=False), ARRIVED, Health(enabled=False), None),
    ],
)
def test_what_a_try_says_of_its_endpoint(health: Health, verdict: Verdict, after: Health, say: str | None) -> None:
    judged = after_try(health, verdict, now=NOW)
    assert (judged.health, judged.say) == (after, say)
    assert judged.reason


@given(st.lists(st.tuples(st.integers(0, 200_000), st.sampled_from([AGAIN, GIVEN_UP, ARRIVED])), max_size=40))
def test_only_five_days_without_one_success_disable(tries: list[tuple[int, Verdict]]) -> None:
    health, now, last_success, said = Health(), NOW, NOW, 0
    for pause_s, verdict in tries:
        now += timedelta(seconds=pause_s)
        judged = after_try(health, verdict, now=now)
        health = judged.health
        if isinstance(verdict, Delivered):
            last_success, said = now, 0
        said += judged.say == "failing"
        assert said <= 1
        if not health.enabled:
            assert now - last_success >= DISABLED_AFTER
            return
        assert health.failing_since is None or now - health.failing_since < DISABLED_AFTER
