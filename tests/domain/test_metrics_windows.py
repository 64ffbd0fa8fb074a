"""Windows hold what came in their minutes, whatever was added, taken back or restored in between."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.domain.rolling import SLOT_S, Rolling
from services.metrics.domain.windows import MINUTES, Latencies, Rates, Windows

HOUR_S = 3_600.0
additions = st.lists(st.tuples(st.integers(0, 3), st.floats(0, 2 * HOUR_S), st.sampled_from([1, 1, 1, -1])), max_size=40)


@given(additions, st.floats(0, HOUR_S))
def test_a_window_is_the_sum_of_its_slots(added: list[tuple[int, float, int]], later_s: float) -> None:
    """Against counting by hand, with time moving on before every addition and after the last."""
    rolling, now_s = Rolling(MINUTES), 0.0
    rolling.grow(4)
    kept: list[tuple[int, int, int]] = []
    for cell, at_s, times in sorted(added, key=lambda one: one[1]):
        now_s = max(now_s, at_s)
        rolling.advance(now_s)
        rolling.add(cell, at_s, times)
        kept.append((cell, int(at_s // SLOT_S), times))
    now_s += later_s
    rolling.advance(now_s)
    for minutes in MINUTES:
        expected: Counter[int] = Counter()
        for cell, slot, times in kept:
            if int(now_s // SLOT_S) - slot < minutes * 60 // SLOT_S:
                expected[cell] += times
        assert rolling.totals[minutes] == [expected[cell] for cell in range(4)]


def test_slots_are_forgotten_after_the_hour() -> None:
    rolling = Rolling(MINUTES)
    rolling.grow(1)
    for second in range(0, 3 * int(HOUR_S), SLOT_S):
        rolling.advance(second)
        rolling.add(0, second)
    assert len(rolling.slots) == HOUR_S / SLOT_S


def test_what_comes_late_counts_where_it_belongs() -> None:
    rolling = Rolling(MINUTES)
    rolling.grow(1)
    rolling.advance(1_000)
    rolling.add(0, 1_000 - 200)
    rolling.add(0, 1_000 - 4_000)
    rolling.add(0, 1_000 + 500)
    assert [rolling.totals[minutes][0] for minutes in MINUTES] == [1, 2, 2, 2], "of the future counts as of now, of the day before not"


def filled() -> Windows:
    windows = Windows()
    windows.advance(0)
    windows.add(("alpha", "UPI", "hdfc", "<50000"), "success", 0)
    windows.add(("alpha", "UPI", "icici", "<50000"), "gateway_fault", 0)
    windows.add(("alpha", "CARD", "hdfc", "<200000"), "user_decline", 0)
    windows.add(("beta", "UPI", "hdfc", "<50000"), "unknown", 0)
    return windows


@pytest.mark.parametrize(
    ("asked", "attempts", "attributable", "succeeded"),
    [
        ({}, 4, 3, 1),
        ({"gateway": "alpha"}, 3, 2, 1),
        ({"gateway": "alpha", "method": "UPI"}, 2, 2, 1),
        ({"gateway": "alpha", "bank": "hdfc"}, 2, 1, 1),
        ({"method": "UPI", "bank": "hdfc"}, 2, 2, 1),
        ({"amount_bucket": "<200000"}, 1, 0, 0),
        ({"gateway": "alpha", "method": "UPI", "bank": "hdfc", "amount_bucket": "<50000"}, 1, 1, 1),
        ({"gateway": "gamma"}, 0, 0, 0),
    ],
)
def test_a_question_may_fix_any_subset(asked: dict[str, str], attempts: int, attributable: int, succeeded: int) -> None:
    counts = filled().read(5, **asked)
    assert (counts.attempts, counts.attributable, counts.succeeded) == (attempts, attributable, succeeded)


def test_a_correction_subtracts() -> None:
    windows, leaf = filled(), ("beta", "UPI", "hdfc", "<50000")
    windows.add(leaf, "unknown", 0, -1)
    windows.add(leaf, "success", 0)
    assert windows.read(5, gateway="beta").by_class["unknown"] == 0
    assert windows.read(5, gateway="beta").succeeded == 1


def test_rates_leave_out_what_is_not_the_gateways_doing() -> None:
    rates, key = Rates(), ("alpha", "UPI", None)
    rates.advance(0)
    for outcome_class in ("success", "gateway_fault", "unknown", "user_decline", "fraud_block", "issuer_fault", "our_fault"):
        rates.add(key, outcome_class, 0)
    assert rates.read(5, key) == (3, 1)


def test_a_restored_minute_counts_to_its_last_second_and_is_taken_back_in_one_piece() -> None:
    windows, leaf = Windows(), ("alpha", "UPI", "", "")
    windows.advance(600)
    windows.restore(leaf, "unknown", 300, 2)
    windows.add(leaf, "unknown", 310, -1)
    windows.add(leaf, "success", 310, 1)
    windows.advance(600 + 49)
    assert windows.read(5, gateway="alpha").attempts == 2
    windows.advance(600 + 50)
    assert windows.read(5, gateway="alpha").by_class == dict.fromkeys(windows.read(5).by_class, 0)
    assert windows.read(15, gateway="alpha").succeeded == 1


def test_a_p95_is_of_five_minutes_and_is_known_until_something_changes() -> None:
    latencies, key = Latencies(), ("alpha", "UPI", None)
    latencies.advance(0)
    latencies.add(key, 10, 0, 20)
    slow = latencies.p95(key)
    assert latencies.p95(key) == slow
    latencies.add(key, 50, 0, 20)
    assert latencies.p95(key)[0] == 40
    assert (latencies.p95(key)[1] or 0) > (slow[1] or 0)
    latencies.advance(300)
    assert latencies.p95(key) == (0, None)
