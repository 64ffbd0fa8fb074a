"""What is learnt from outcomes: rates, breakers, estimates, arms, and the picture of them all."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.metrics.domain.breaker import Transition
from services.metrics.domain.decline import Drop
from services.metrics.domain.learner import BANKS_MAX, Learner
from services.metrics.domain.learnt import minute_of
from services.metrics.domain.outcome import Outcome
from services.metrics.domain.picture import picture_of
from shared.contracts import ArmHealth, GatewayHealth

SMALL = {"amount_bucket": "<50000", "segment": "UPI:<50000"}
NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def outcome(outcome_class: Any = "success", seconds: float = 0, **more: Any) -> Outcome:
    told: dict[str, Any] = {
        "gateway": "alpha",
        "method": "UPI",
        "latency_ms": 200,
        "amount_bucket": "<50000",
        "segment": "UPI:<50000",
        **more,
    }
    return Outcome(attempt_id=UUID(int=0), phase=0, outcome_class=outcome_class, at_s=after(seconds).timestamp(), **told)


def learnt(*outcomes: Outcome, now: datetime = NOW) -> Learner:
    learner = Learner()
    learner.learn(outcomes, now)
    return learner


def gateway(learner: Learner, now: datetime = NOW, *, bank: str | None = None, name: str = "alpha") -> GatewayHealth | None:
    return next((one for one in picture_of(learner, now, 1).gateways if (one.gateway, one.bank) == (name, bank)), None)


def test_a_failure_rescued_elsewhere_still_lowers_the_first_gateway() -> None:
    learner = learnt(outcome("gateway_fault"), outcome("success", gateway="beta"))
    alpha, beta = gateway(learner), gateway(learner, name="beta")
    assert alpha
    assert beta
    assert (alpha.attributable, alpha.succeeded) == (1, 0)
    assert (beta.attributable, beta.succeeded) == (1, 1)


@pytest.mark.parametrize("outcome_class", ["user_decline", "issuer_fault", "fraud_block", "our_fault"])
def test_what_is_not_the_gateways_doing_opens_nothing_and_teaches_nothing(outcome_class: str) -> None:
    learner = learnt(*[outcome(outcome_class)] * 20)
    picture = picture_of(learner, NOW, 1)
    assert (picture.gateways, picture.breakers, picture.arms) == ((), (), ())
    assert learner.windows.read(5, gateway="alpha").attempts == 20, "it is counted all the same"


def test_a_breaker_opens_and_closes_again() -> None:
    learner = Learner()
    facts = learner.learn([outcome("gateway_fault")] * 10, NOW).facts
    assert [one.state for one in facts if isinstance(one, Transition)] == ["open"]
    (breaker,) = picture_of(learner, NOW, 1).breakers
    assert (breaker.state, breaker.epoch, breaker.until, breaker.probe_share) == ("open", 1, after(30), 0.0)
    assert [getattr(one, "state", None) for one in learner.advance(after(30))] == ["half_open"]
    (breaker,) = picture_of(learner, after(30), 1).breakers
    assert breaker.state == "half_open"
    assert breaker.probe_share == 1.0, "ten attempts in the last minute: a probe in five seconds is more than 10 % of them"
    probes = [outcome("success", 31, probe=True, epoch=2)] * 5
    assert [getattr(one, "state", None) for one in learner.learn(probes, after(31)).facts] == ["closed"]
    (breaker,) = picture_of(learner, after(31), 1).breakers
    assert (breaker.state, breaker.epoch) == ("closed", 3), "told, because attempts must carry its epoch"


def test_ten_old_failures_open_nothing_today() -> None:
    learner = Learner()
    assert learner.learn([outcome("gateway_fault", -300)] * 20, NOW).facts == []


def test_a_correction_takes_its_first_word_back_everywhere() -> None:
    learner = Learner()
    first = outcome("unknown", bank="hdfc", experiment_id="exp", arm="control", control_pct=50)
    learner.learn([first] * 12, NOW)
    corrected = learner.learn([replace(first, phase=2, outcome_class="success", was="unknown", latency_ms=None)] * 12, after(60))
    for bank in (None, "hdfc"):
        found = gateway(learner, after(60), bank=bank)
        assert found
        assert (found.attributable, found.succeeded) == (12, 12)
        assert found.failures == pytest.approx(0.0, abs=1e-9)
        assert found.latency_ms_p95 == pytest.approx(200, rel=0.05), "it did take that long"
    (arm,) = picture_of(learner, after(60), 1).arms
    assert arm.beta == pytest.approx(1.0)
    minute = minute_of(NOW.timestamp())
    assert dict(corrected.counts) == {
        (minute, "alpha", "UPI", "hdfc", "<50000", "success"): 12,
        (minute, "alpha", "UPI", "hdfc", "<50000", "unknown"): -12,
    }
    assert dict(corrected.experiments) == {("exp", "control", "success"): 12, ("exp", "control", "unknown"): -12}
    assert not corrected.latencies


def test_banks_are_told_only_where_enough_is_known() -> None:
    learner = learnt(*[outcome(bank="hdfc")] * 10, *[outcome(bank="icici")] * 9)
    assert {one.bank for one in picture_of(learner, NOW, 1).gateways} == {None, "hdfc"}


def test_banks_that_merchants_make_up_do_not_fill_the_memory() -> None:
    learner = learnt(*[outcome(bank=f"bank {number}") for number in range(3 * BANKS_MAX)])
    assert len({bank for _, _, bank in learner.rates.keys}) == BANKS_MAX + 2, "all of them, the known ones, and the rest together"
    assert learner.windows.read(5, bank="?").attempts == 2 * BANKS_MAX
    assert gateway(learner, bank="?")


def test_what_has_faded_is_forgotten() -> None:
    learner = learnt(*[outcome("unknown", bank="hdfc")] * 10)
    assert set(learner.silences.weights) == set(learner.estimates.weights) == {("alpha", "UPI", None), ("alpha", "UPI", "hdfc")}
    learner.tidy(after(600))
    assert len(learner.silences.weights) == len(learner.estimates.weights) == 2, "ten of ten minutes ago still weigh 0.3"
    learner.tidy(after(1_800))
    assert not learner.silences.weights
    assert not learner.estimates.weights
    assert learner.arms.weights, "they fade 15 times as slowly"


def test_a_percentile_needs_more_than_a_call() -> None:
    few, enough = gateway(learnt(*[outcome()] * 4)), gateway(learnt(*[outcome()] * 5))
    assert few
    assert enough
    assert few.latency_ms_p95 is None
    assert enough.latency_ms_p95 == pytest.approx(200, rel=0.05)


def test_the_picture_forgets_after_five_minutes_and_estimates_fade() -> None:
    learner = learnt(*[outcome()] * 8)
    now, later = gateway(learner), gateway(learner, after(240))
    assert now
    assert later
    assert (now.attributable, later.attributable) == (8, 8)
    assert later.successes == pytest.approx(now.successes / 4)
    old = gateway(learner, after(400))
    assert old
    assert (old.attributable, old.latency_ms_p95) == (0, None)
    assert gateway(learner, after(3_600)) is None


def test_a_bandits_arm_forgets_an_outage() -> None:
    learner = learnt(*[outcome("gateway_fault")] * 9)
    assert picture_of(learner, NOW, 1).arms == (ArmHealth(segment="UPI:<50000", gateway="alpha", alpha=1.0, beta=10.0),)
    (faded,) = picture_of(learner, after(3_600), 1).arms
    assert faded.beta == pytest.approx(1 + 9 / 4)


def played(rates: Sequence[tuple[int, float]]) -> list[Drop]:
    """One outcome a second; `rates`: (seconds, share of successes)."""
    learner, second, said = Learner(), 0, []
    for seconds, rate in rates:
        for number in range(seconds):
            second += 1
            good = int((number + 1) * rate) > int(number * rate)
            learner.learn([outcome("success" if good else "gateway_fault", second, epoch=10**6)], after(second))
            said += [one for one in learner.advance(after(second)) if isinstance(one, Drop)]
    return said


def test_a_drop_is_said_once_until_it_is_over() -> None:
    assert len(played([(1_800, 0.95), (600, 0.7), (900, 0.95)])) == 1
    assert len(played([(1_800, 0.95), (600, 0.7), (900, 0.95), (600, 0.7)])) == 2
    assert played([(1_800, 0.9), (900, 0.85)]) == []
    (drop,) = played([(1_800, 0.95), (4_000, 0.7)])
    assert drop.rate < drop.rate_before - 0.1


def test_a_force_is_told_with_who_and_why() -> None:
    learner = Learner()
    moved = learner.breaker("alpha", "UPI", NOW.timestamp()).force(
        "forced_open", NOW.timestamp(), actor="ops", reason="a drill", expires_in_s=60
    )
    assert moved
    assert (moved.actor, moved.reason) == ("ops", "a drill")
    (breaker,) = picture_of(learner, NOW, 7).breakers
    assert (breaker.state, breaker.until, breaker.reason) == ("forced_open", after(60), "a drill")
    assert [getattr(one, "state", None) for one in learner.advance(after(60))] == ["half_open"]


def test_probes_come_through_in_proportion_to_what_comes() -> None:
    learner = Learner()
    learner.learn([outcome("gateway_fault")] * 10, NOW)
    learner.advance(after(30))
    for second in range(30, 91):
        learner.learn([outcome("success", second, gateway="beta")] * 5, after(second))
    assert picture_of(learner, after(90), 1).breakers[0].probe_share == pytest.approx(0.1)
