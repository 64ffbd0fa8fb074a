"""Playing worlds: the same again from the same seed, the same luck for every policy, and nobody better than who knows the truth."""

from dataclasses import replace
from typing import Any

import pytest

from deploy.simulate.engine import Play
from deploy.simulate.incident import incidents_of
from deploy.simulate.luck import payments_of
from deploy.simulate.measure import DEFAULT, POLICIES, Difference, Run, played
from deploy.simulate.oracle import best_first
from deploy.simulate.reading import world_of
from deploy.simulate.report import figures, missed
from deploy.simulate.seat import Router
from deploy.simulate.truth import Rates, Truth
from deploy.simulate.world import World
from shared.contracts import AMOUNT_MAX

WELL = {"success": 0.94, "user_decline": 0.04, "timeout": 0.005}
DOWN = {"success": 0.02, "timeout": 0.70}


def world(duration_s: float = 240, **gateways: Any) -> World:
    said = {name: {"pieces": pieces} for name, pieces in gateways.items()}
    return world_of("short", {"duration_s": duration_s, "payments_per_s": 5, "gateways": said})


OUTAGE = world(480, alpha=[WELL, {"from_s": 120, "to_s": 300, **DOWN}], beta=[{**WELL, "success": 0.9, "timeout": 0.03}])


@pytest.fixture(scope="module")
def outage() -> dict[str, Run]:
    return played(OUTAGE, 1, list(POLICIES))


def test_the_same_seed_plays_the_same_again(outage: dict[str, Run]) -> None:
    assert played(OUTAGE, 1, [DEFAULT])[DEFAULT] == outage[DEFAULT]
    assert played(OUTAGE, 2, [DEFAULT])[DEFAULT] != outage[DEFAULT]


def test_luck_is_the_payments_and_not_the_policys() -> None:
    """Where all gateways are alike, it matters to nobody who is asked first only if each has its own luck: so it is the truth that is
    compared, and two seats that choose alike see the same."""
    payments = payments_of(OUTAGE, 1)
    truth = Truth(OUTAGE)
    trips = [Play(OUTAGE, truth, payments, Router(OUTAGE, "fixed", learns=learns, breakers=False)).run() for learns in (False, True)]
    assert trips[0] == trips[1]


def test_better_rates_never_make_a_payment_fail() -> None:
    good, bad = Rates(0.95, 0.04, 0.005, 5.0, 0.5), Rates(0.60, 0.04, 0.20, 5.0, 0.5)
    for payment in payments_of(OUTAGE, 3):
        if payment.fate(0, bad, 0.5).end == "success":
            assert payment.fate(0, good, 0.5).end == "success"


def test_fates_come_as_often_as_their_rates_say() -> None:
    rates = Rates(0.70, 0.10, 0.05, 7.0, 0.6)  # a median of 1.1 s: one answer in eleven comes too late
    fates = [payment.fate(0, rates, 0.5).end for payment in payments_of(world(3000, alpha=[]), 1)]
    seen = {end: fates.count(end) / len(fates) for end in set(fates)}
    assert seen["success"] == pytest.approx(rates.succeeds, abs=0.015)
    assert seen["gateway_fault"] == pytest.approx(rates.fails_over, abs=0.015)
    assert seen["unknown"] == pytest.approx(0.05 + 0.95 * (1 - rates.in_time), abs=0.015)


def test_nobody_is_better_than_the_oracle(outage: dict[str, Run]) -> None:
    for name, run in outage.items():
        difference = Difference.of(outage["oracle"], run)
        assert not difference.behind, name


def test_the_oracle_prefers_a_fault_that_can_be_mended_to_silence() -> None:
    faulty, silent = Rates(0.80, 0.0, 0.0, 5.0, 0.5), Rates(0.85, 0.0, 0.15, 5.0, 0.5)
    assert best_first((silent, faulty), frozenset(), 3) == 1
    assert best_first((silent, faulty), frozenset(), 1) == 0
    assert best_first((silent, faulty), frozenset({1}), 2) == 0
    assert best_first((silent, faulty), frozenset({0, 1}), 2) is None


def test_the_default_leaves_a_broken_gateway_and_comes_back(outage: dict[str, Run]) -> None:
    run, fixed = outage[DEFAULT], outage["fixed"]
    assert [(one.begin_s, one.end_s) for one in incidents_of(OUTAGE, Truth(OUTAGE))] == [(120, 300)]
    assert fixed.sent_to_broken == 1.0
    assert run.sent_to_broken is not None
    assert run.sent_to_broken < 0.2
    assert run.success_rate > fixed.success_rate + 0.1
    assert run.left_s is not None
    assert run.left_s < 30


def test_the_largest_amount_finds_a_gateway() -> None:
    largest = replace(world(60, alpha=[WELL]), amounts_minor={AMOUNT_MAX: 1.0})
    assert played(largest, 1, [DEFAULT])[DEFAULT].success_rate > 0.5


def test_where_every_gateway_is_bad_the_default_still_tries() -> None:
    bad = {"success": 0.3, "user_decline": 0.0, "timeout": 0.1}
    runs = played(world(300, alpha=[bad], beta=[bad], gamma=[bad]), 1, ["fixed", DEFAULT])
    assert runs[DEFAULT].success_rate > 0.9 * runs["fixed"].success_rate


def run(*by_seed: str) -> Run:
    """Of one seed each: 1 for a payment that came through."""
    found = Run()
    for one in by_seed:
        through = bytes(map(int, one))
        found.add(Run(len(through), sum(through), came_through=through, by_seed=[(len(through), sum(through))]))
    return found


@pytest.mark.parametrize(
    ("seeds", "over", "error"),
    [
        (1, "payments", 0.25),  # of four payments one differs: sqrt((1/4 - 1/16) / 4) = 0.2165
        (4, "payments", 0.108),
        (5, "seeds", 0.0),  # each seed says the same
    ],
)
def test_a_difference_is_that_of_seeds_where_there_are_enough(seeds: int, over: str, error: float) -> None:
    found = Difference.of(run(*["1011"] * seeds), run(*["1010"] * seeds))
    assert (found.mean, found.over) == (0.25, over)
    assert found.error == pytest.approx(error, abs=0.04)


def test_seeds_that_disagree_make_a_difference_doubtful() -> None:
    """By payments it would be beyond doubt: a run of wrong beliefs is no run of independent payments."""
    bad = Difference.of(run("0" * 50, *["1" * 50] * 5), run(*["1" * 50] * 6))
    assert bad.mean == pytest.approx(-1 / 6)
    assert bad.error == pytest.approx(1 / 6)
    assert not bad.behind


def test_a_goal_that_is_missed_is_said(outage: dict[str, Run]) -> None:
    reached = figures({"short": {**outage, DEFAULT: outage["score"]}})
    assert reached["worlds_behind_seed_scoring"] == []
    assert missed({**reached, "oracle_advantage_share": 0.95}) == []
    worse = {**outage, DEFAULT: replace(outage["fixed"])}
    found = figures({"short": worse})
    assert found["oracle_advantage_share"] == 0.0
    assert found["worlds_behind_seed_scoring"] == ["short"]
    assert len(missed(found)) == 2
