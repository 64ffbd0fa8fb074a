"""The circuit breaker: every edge of its state machine, and what no order of outcomes may do to it."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.domain.breaker import LIMITS, Breaker, Transition

SUCCESS, FAULT, TIMEOUT = "S", "F", "T"
NOW_S = 1_000_000.0


def hear(
    breaker: Breaker, words: str, *, at_s: float = NOW_S, step_s: float = 0.1, probe: bool = False, epoch: int | None = None
) -> list[Transition]:
    """One outcome a letter, `step_s` apart, of attempts decided under the breaker's own epoch unless another is given."""
    moved: list[Transition] = []
    for number, word in enumerate(words):
        when_s = at_s + number * step_s
        under = breaker.epoch if epoch is None else epoch
        one = breaker.hear(failed=word != SUCCESS, timeout=word == TIMEOUT, probe=probe, epoch=under, at_s=when_s, now_s=when_s)
        moved += [one] if one else []
    return moved


def opened() -> Breaker:
    breaker = Breaker("alpha", "UPI")
    hear(breaker, FAULT * 10)
    assert breaker.state == "open"
    return breaker


def probing() -> Breaker:
    breaker = opened()
    assert breaker.tick(breaker.until_s or 0.0)
    assert breaker.state == "half_open"
    return breaker


@pytest.mark.parametrize(
    ("words", "state", "why"),
    [
        ("F" * 9, "closed", "nine are too few, whatever they are"),
        ("F" * 10, "open", "10 failures in a row"),
        ("F" * 9 + "S", "open", "90% of 10 attempts failed"),
        ("SSSSSSFFFF", "closed", "40 % of ten is not more than 40 %"),
        ("SSSSSFFFFF", "open", "50% of 10 attempts failed"),
        ("SSSSSSSSSS" + "FFFFFF", "closed", "6 of 16 are 37.5 %"),
        ("SSSSSSSSSS" + "FFFFFFF", "open", "41% of 17 attempts failed"),
        ("S" * 30 + "F" * 9, "closed", "nine in a row among many"),
        ("S" * 30 + "F" * 10, "open", "10 failures in a row"),
        ("FS" * 4, "closed", "eight are too few"),
    ],
)
def test_a_closed_breaker_opens(words: str, state: str, why: str) -> None:
    breaker = Breaker("alpha", "UPI")
    moved = hear(breaker, words)
    assert breaker.state == state, why
    if state == "open":
        assert [(one.previous, one.state, one.epoch) for one in moved] == [("closed", "open", 1)]
        assert why in breaker.reason
        assert breaker.until_s == breaker.since_s + 30


def test_failures_older_than_two_minutes_do_not_open() -> None:
    breaker = Breaker("alpha", "UPI")
    hear(breaker, "FSFSFSFSF")
    hear(breaker, "SSSSSSSF", at_s=NOW_S + 130)
    assert breaker.state == "closed"


def test_timeouts_count_for_five_minutes_even_where_they_turned_out_well() -> None:
    """A gateway that charges but never answers in time: every failure is taken back, and still it opens."""
    breaker, when_s = Breaker("alpha", "UPI"), NOW_S
    while breaker.state == "closed" and when_s < NOW_S + 300:
        hear(breaker, TIMEOUT, at_s=when_s)
        breaker.take_back(epoch=breaker.epoch, at_s=when_s)
        when_s += 10
    assert breaker.state == "open"
    assert "100% of 10 attempts timed out" in breaker.reason


def test_half_of_them_timing_out_is_not_enough() -> None:
    breaker = Breaker("alpha", "UPI")
    for number in range(20):
        hear(breaker, "S" if number % 2 == 0 else "T", at_s=NOW_S + number * 14)
        breaker.take_back(epoch=0, at_s=NOW_S + number * 14)
    assert breaker.state == "closed"


def test_a_failure_that_was_none_counts_no_more() -> None:
    breaker = Breaker("alpha", "UPI")
    hear(breaker, "F" * 9)
    for _ in range(9):
        breaker.take_back(epoch=0, at_s=NOW_S)
    assert breaker.consecutive_failures == 0
    hear(breaker, "F" * 5)
    assert breaker.state == "closed"


def test_an_open_breaker_is_tried_again_after_its_cooldown() -> None:
    breaker = opened()
    until_s = breaker.until_s or 0.0
    assert breaker.tick(until_s - 0.001) is None
    moved = breaker.tick(until_s)
    assert moved
    assert (moved.previous, moved.state, moved.epoch) == ("open", "half_open", 2)
    assert breaker.tick(until_s + 1_000) is None, "only probes end a half-open state"


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("SSSS", "half_open"),
        ("SSSSS", "closed"),
        ("FSSSS", "closed"),  # four of five
        ("FFSSSSS", "closed"),  # five in a row, five of seven
        ("FF", "half_open"),
        ("FFF", "open"),
        ("TTT", "open"),
        ("SSSFFF", "open"),
        ("SFSFSFSFSF", "half_open"),
        ("FSSFS", "half_open"),  # three of five
        ("FSSFSSSS", "half_open"),  # six of eight, four in a row
        ("FSSFSSSSS", "closed"),
    ],
)
def test_probes_decide_a_half_open_breaker(words: str, state: str) -> None:
    breaker = probing()
    moved = hear(breaker, words, at_s=breaker.since_s, probe=True)
    assert breaker.state == state
    assert [one.state for one in moved] == ([state] if state != "half_open" else [])


def test_what_is_no_probe_decides_nothing_while_it_is_half_open() -> None:
    breaker = probing()
    assert not hear(breaker, "SSSSSSSSSS" + "FFFFFFFFFFFF", at_s=breaker.since_s)
    assert (breaker.state, breaker.probes) == ("half_open", 0)


def test_closed_again_it_starts_with_a_clean_slate() -> None:
    breaker = probing()
    hear(breaker, "SSSSS", at_s=breaker.since_s, probe=True)
    hear(breaker, "F" * 9, at_s=breaker.since_s)
    assert breaker.state == "closed"


@pytest.mark.parametrize("state", ["closed again", "open", "half_open"])
@pytest.mark.parametrize("probe", [True, False])
def test_an_older_epoch_changes_nothing(state: str, probe: bool) -> None:
    breaker = opened() if state == "open" else probing()
    if state == "closed again":
        hear(breaker, "SSSSS", at_s=breaker.since_s, probe=True)
    before = (breaker.state, breaker.epoch, breaker.probes, breaker.fail_2m.dump())
    for epoch in range(breaker.epoch):
        hear(breaker, "F" * 30 + "S" * 30, at_s=breaker.since_s, probe=probe, epoch=epoch)
        breaker.take_back(epoch=epoch, at_s=breaker.since_s)
    assert (breaker.state, breaker.epoch, breaker.probes, breaker.fail_2m.dump()) == before


@pytest.mark.parametrize(
    ("to", "expires_in_s", "after", "then"),
    [
        ("forced_open", 60.0, 60.0, "half_open"),
        ("forced_closed", 60.0, 60.0, "closed"),
        ("forced_open", 60.0, 59.9, "forced_open"),
        ("forced_open", None, 1e9, "forced_open"),
        ("forced_closed", None, 1e9, "forced_closed"),
    ],
)
def test_a_forced_state_lasts_until_it_expires(to: Any, expires_in_s: float | None, after: float, then: str) -> None:
    breaker = Breaker("alpha", "UPI")
    moved = breaker.force(to, NOW_S, actor="ops", reason="a drill", expires_in_s=expires_in_s)
    assert moved
    assert (moved.state, moved.actor, moved.reason, moved.epoch) == (to, "ops", "a drill", 1)
    hear(breaker, "F" * 30 + "S" * 30)
    hear(breaker, "F" * 30 + "S" * 30, probe=True)
    assert breaker.state == to
    breaker.tick(NOW_S + after)
    assert breaker.state == then


@pytest.mark.parametrize(("to", "then"), [("forced_open", "half_open"), ("forced_closed", "closed")])
def test_a_forced_state_is_ended_by_hand(to: Any, then: str) -> None:
    breaker = Breaker("alpha", "UPI")
    assert breaker.force(None, NOW_S, actor="ops", reason="none is forced") is None
    breaker.force(to, NOW_S, actor="ops", reason="a drill")
    moved = breaker.force(None, NOW_S + 1, actor="ops", reason="it is over")
    assert moved
    assert (moved.state, moved.epoch) == (then, 2)


def test_forced_open_from_every_state() -> None:
    for breaker in (Breaker("alpha", "UPI"), opened(), probing()):
        before = breaker.epoch
        moved = breaker.force("forced_open", NOW_S, actor="ops", reason="a drill")
        assert moved
        assert moved.epoch == before + 1


@pytest.mark.parametrize(
    ("payments_per_s", "share"), [(100.0, 0.1), (2.0, 0.1), (1.0, 0.2), (0.4, 0.5), (0.2, 1.0), (0.01, 1.0), (0.0, 1.0)]
)
def test_a_probe_comes_through_about_every_five_seconds(payments_per_s: float, share: float) -> None:
    assert probing().share_let_through(payments_per_s) == pytest.approx(share)
    assert opened().share_let_through(payments_per_s) == 0.0


steps = st.lists(
    st.one_of(
        st.tuples(st.just("hear"), st.sampled_from("SFT"), st.booleans(), st.integers(-2, 0)),
        st.tuples(st.just("wait"), st.floats(0, 40)),
        st.tuples(st.just("back")),
        st.tuples(st.just("force"), st.sampled_from(["forced_open", "forced_closed", None]), st.sampled_from([None, 5.0])),
    ),
    max_size=80,
)
EDGES = {
    ("closed", "open"),
    ("open", "half_open"),
    ("half_open", "closed"),
    ("half_open", "open"),
    ("forced_open", "half_open"),
    ("forced_closed", "closed"),
}


def lived(breaker: Breaker, life: Any, now_s: float = NOW_S) -> tuple[list[Transition], float]:
    moved: list[Transition | None] = []
    for step in life:
        match step:
            case ("hear", word, probe, older):
                moved.append(
                    breaker.hear(failed=word != "S", timeout=word == "T", probe=probe, epoch=breaker.epoch + older, at_s=now_s, now_s=now_s)
                )
            case ("wait", seconds):
                now_s += seconds
                moved.append(breaker.tick(now_s))
            case ("back",):
                breaker.take_back(epoch=breaker.epoch, at_s=now_s)
            case ("force", to, expires_in_s):
                moved.append(breaker.force(to, now_s, actor="ops", reason="a drill", expires_in_s=expires_in_s))
    return [one for one in moved if one], now_s


@given(steps)
def test_only_the_edges_of_the_machine_are_ever_taken(life: Any) -> None:
    breaker = Breaker("alpha", "UPI")
    moved, _ = lived(breaker, life)
    assert [one.epoch for one in moved] == list(range(1, len(moved) + 1)), "every change raises the epoch by one"
    for one in moved:
        assert (one.previous, one.state) in EDGES or one.state.startswith("forced_"), one
    assert all(one.actor == "ops" for one in moved if one.state.startswith("forced_"))
    assert all(before.state == after.previous for before, after in pairwise(moved))
    assert breaker.fail_2m.samples >= breaker.fail_2m.bad >= 0
    assert LIMITS.probe_share <= breaker.share_let_through(3.0) <= 1.0 or breaker.state != "half_open"


@given(steps, steps)
def test_restored_from_its_row_it_lives_on_the_same(life: Any, after: Any) -> None:
    breaker = Breaker("alpha", "UPI")
    _, now_s = lived(breaker, life)
    again = Breaker(
        "alpha",
        "UPI",
        state=breaker.state,
        epoch=breaker.epoch,
        since_s=breaker.since_s,
        until_s=breaker.until_s,
        reason=breaker.reason,
        actor=breaker.actor,
        consecutive_failures=breaker.consecutive_failures,
        probes=breaker.probes,
        probe_successes=breaker.probe_successes,
    )
    again.restore(json.loads(json.dumps(breaker.counts())))
    assert lived(again, after, now_s) == lived(breaker, after, now_s)
