"""The order of candidates: policies, experiments, bandits, wishes, probes; and that every decision says why."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given

from services.router.domain.board import Board
from services.router.domain.candidate import Facts
from services.router.domain.decision import Decision, Wish, decide
from services.router.domain.draw import Draw
from services.router.domain.policy import POLICIES, PROBING
from services.router.domain.row import Row
from shared.contracts import ArmHealth
from shared.contracts.questions import FeeView
from shared.ids import derived
from tests.domain.boards import ALL, WISH, account, board, boards, breaker, decided, draws, experiment, health, picture, scoring, wishes
from tests.domain.stand import NOW, PAYMENT, after

MANY = 4_000


def order(found: Decision) -> list[str]:
    return [place.candidate.name for place in found.places]


def draw(number: int) -> int:
    """As many message ids as one likes."""
    return derived(PAYMENT, f"message:{number}").int


def shares(on: Board, wish: Wish = WISH, among: int = MANY) -> dict[str | None, float]:
    """Which share of payments each gateway gets."""
    counted = Counter(decided(on, wish, draw(number)).gateway for number in range(among))
    return {name: count / among for name, count in counted.items()}


@pytest.mark.parametrize(
    ("policy", "parts", "expected"),
    [
        ("fixed", [health("alpha", 20, 0), health("beta", 20, 20)], ["alpha", "beta", "gamma"]),
        ("score", [], ["alpha", "beta", "gamma"]),
        ("score", [health("gamma", 20, 19), health("alpha", 20, 10)], ["gamma", "alpha", "beta"]),
        ("score", [health("alpha", 20, 19, latency_ms_p95=9_000), health("beta", 20, 19, latency_ms_p95=90)], ["beta", "alpha", "gamma"]),
        ("expected_value", [health("beta", 20, 19)], ["beta", "alpha", "gamma"]),
    ],
)
def test_the_order_of_a_policy(policy: str, parts: list[Any], expected: list[str]) -> None:
    assert order(decided(board(*parts, policy=policy))) == expected


def test_expected_value_weighs_the_fee_against_the_rate() -> None:
    dear = account("dear", 1, fees=(FeeView(rate=0.05),))
    cheap = account("cheap", 2, fees=(FeeView(fixed_minor=100),))
    parts = [health("dear", 100, 95), health("cheap", 100, 92)]
    on = board(*parts, policy="expected_value", gateways=(dear, cheap))
    assert order(decided(on, Wish(50_000, "INR", "UPI"))) == ["cheap", "dear"]
    assert decided(on, Wish(50_000, "INR", "UPI")).places[0].reason == "worth 45908 minor units"
    assert order(decided(on, Wish(1_000, "INR", "UPI"))) == ["dear", "cheap"], "a fixed fee eats a small amount"


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_every_policy_ranks_every_candidate_once(policy: str) -> None:
    found = decided(board(health("alpha", 20, 3), health("beta", 20, 19), policy=policy))
    assert sorted(order(found)) == ["alpha", "beta", "gamma"]
    assert found.policy == policy


@pytest.mark.parametrize(
    ("wish", "first"),
    [
        (WISH, "alpha"),
        (Wish(50_000, "INR", "UPI", tried=frozenset({"alpha"})), "beta"),
        (Wish(50_000, "INR", "UPI", tried=frozenset({"alpha", "beta"})), "gamma"),
        (Wish(50_000, "INR", "UPI", preferred="gamma"), "gamma"),
        (Wish(50_000, "INR", "CARD", preferred="gamma"), "alpha"),
        (Wish(50_000, "INR", "UPI", preferred="gamma", tried=frozenset({"gamma"})), "alpha"),
        (Wish(50_000, "INR", "UPI", preferred="nobody"), "alpha"),
    ],
)
def test_who_comes_first(wish: Wish, first: str) -> None:
    assert decided(board(), wish).gateway == first


def test_what_was_asked_for_goes_before_an_experiment() -> None:
    on = board(experiments=[experiment(control_pct=1)])
    found = decided(on, Wish(50_000, "INR", "UPI", customer_id="c_1", preferred="gamma"))
    assert order(found) == ["gamma", "beta", "alpha"]
    assert found.places[0].reason == "asked for; priority 3"


def test_a_treatment_goes_first_and_a_control_stays_as_it_is() -> None:
    on = board(experiments=[experiment()])
    for customer in map(str, range(50)):
        found = decided(on, Wish(50_000, "INR", "UPI", customer_id=customer))
        assert found.assignment is not None
        assert found.gateway == {"treatment": "beta", "control": "alpha"}[found.assignment.arm]
        assert found.assignment.control_pct == 50


def test_a_treatment_that_cannot_take_it_is_still_a_treatment() -> None:
    """Who was assigned is counted as assigned, or a gateway that is away would look better than it is."""
    on = board(breaker("beta", "open"), experiments=[experiment(control_pct=1)])
    found = decided(on, Wish(50_000, "INR", "UPI", customer_id="c_1"))
    assert (found.gateway, found.assignment and found.assignment.arm) == ("alpha", "treatment")


@pytest.mark.parametrize(
    ("running", "wish"),
    [
        (experiment(), WISH),
        (experiment(), Wish(50_000, "INR", "UPI", customer_id="c_1", tried=frozenset({"alpha"}))),
        (experiment(method="CARD"), Wish(50_000, "INR", "UPI", customer_id="c_1")),
        (experiment(merchant_id="m_002"), Wish(50_000, "INR", "UPI", customer_id="c_1", merchant_id="m_001")),
        (experiment(status="paused"), Wish(50_000, "INR", "UPI", customer_id="c_1")),
        (experiment(status="stopped"), Wish(50_000, "INR", "UPI", customer_id="c_1")),
    ],
    ids=["no customer", "a later attempt", "another method", "another merchant", "paused", "stopped"],
)
def test_who_is_in_no_experiment(running: Any, wish: Wish) -> None:
    assert decided(board(experiments=[running]), wish).assignment is None


ARMS = [ArmHealth(segment="UPI:<200000", gateway=name, alpha=alpha, beta=5.0) for name, alpha in (("alpha", 45.0), ("beta", 95.0))]


def test_a_bandit_sends_most_where_it_believes_and_some_elsewhere() -> None:
    on = board(*ARMS, policy="fixed", bandits=["UPI:<200000"])
    found = shares(on)
    assert found["beta"] > 0.6
    assert found["alpha"] > 0.01
    assert found["gamma"] > 0.001, "of whom nothing is known"


def test_a_bandit_is_switched_by_segment() -> None:
    on = board(*ARMS, policy="fixed", bandits=["UPI:<50000", "CARD:<200000"])
    assert shares(on, among=50) == {"alpha": 1.0}


def test_a_treatment_stays_first_under_a_bandit() -> None:
    on = board(*ARMS, bandits=["UPI:<200000"], experiments=[experiment(control_pct=1, treatment_gateway="gamma")])
    assert shares(on, Wish(50_000, "INR", "UPI", customer_id="c_1"), among=50) == {"gamma": 1.0}


def test_a_half_open_breaker_gets_its_share_and_goes_first() -> None:
    on = board(breaker("gamma", "half_open", share=0.1))
    assert shares(on)["gamma"] == pytest.approx(0.1, abs=0.02)
    probes = [found for number in range(200) if (found := decided(on, WISH, draw(number))).probe]
    assert probes
    assert {(found.gateway, found.epoch, found.places[0].reason) for found in probes} == {("gamma", 7, "probe of a half-open breaker")}
    assert all(order(found) == ["gamma", "alpha", "beta"] and not found.skipped for found in probes)


def test_several_half_open_breakers_get_a_share_each() -> None:
    on = board(breaker("beta", "half_open", share=0.1), breaker("gamma", "half_open", share=0.3))
    found = shares(on)
    assert found["beta"] == pytest.approx(0.1, abs=0.02)
    assert found["gamma"] == pytest.approx(0.3, abs=0.03)


def test_a_half_open_breaker_without_a_share_is_left_alone() -> None:
    assert shares(board(breaker("alpha", "half_open", share=0.0)), among=500) == {"beta": 1.0}


def test_a_payment_that_is_no_probe_carries_its_breakers_epoch() -> None:
    found = decided(board(breaker("alpha", "forced_closed", epoch=4)))
    assert (found.gateway, found.probe, found.epoch) == ("alpha", False, 4)


def test_forced_open_is_never_tried() -> None:
    on = board(*(breaker(name, "forced_open") for name in ("alpha", "beta", "gamma")))
    assert shares(on, among=500) == {None: 1.0}


def test_with_every_breaker_open_the_least_bad_is_tried_at_the_probe_rate() -> None:
    parts = [breaker(name, "open", reason="all failed") for name in ("alpha", "beta", "gamma")]
    on = board(*parts, health("alpha", 20, 0), health("beta", 20, 4), health("gamma", 20, 1))
    found = shares(on)
    assert found["beta"] == pytest.approx(0.1, abs=0.02)
    assert found[None] == pytest.approx(0.9, abs=0.02)
    tried = next(one for number in range(100) if (one := decided(on, WISH, draw(number))).gateway)
    assert (tried.probe, tried.epoch, tried.places[0].reason) == (True, 7, "probe of the least bad: every breaker is open")
    refused = next(one for number in range(100) if not (one := decided(on, WISH, draw(number))).gateway)
    assert refused.reason == "no gateway of 3 takes it: " + "; ".join(
        f"{name}: breaker open: all failed" for name in ("alpha", "beta", "gamma")
    )
    assert (refused.probe, refused.places, len(refused.skipped)) == (False, (), 3)


def test_while_one_is_half_open_the_others_are_not_tried() -> None:
    on = board(breaker("alpha", "open"), breaker("beta", "half_open", share=0.1), breaker("gamma", "forced_open"))
    found = shares(on)
    assert found["beta"] == pytest.approx(0.1, abs=0.02)
    assert set(found) == {"beta", None}


@pytest.mark.parametrize(
    ("age_s", "said"),
    [
        (1.0, "priority 1; first of 3 among 3"),
        (5.0, "priority 1; first of 3 among 3"),
        (11.0, "among 3; health picture 11 s old, trusted 89%"),
        (64.0, "among 3; health picture 64 s old, trusted 50%"),
    ],
)
def test_an_old_picture_is_gone_by_and_said(age_s: float, said: str) -> None:
    on = Board.of(ALL, picture(breaker("beta", "open"), age_s=age_s), now=NOW, scoring=scoring("fixed"))
    found = decided(on)
    assert found.reason.endswith(said.replace("of 3", "of 2"))
    assert "beta" not in order(found)


def test_no_picture_is_said() -> None:
    found = decided(Board.of(ALL, now=NOW, scoring=scoring("score")))
    assert found.gateway == "alpha"
    assert found.reason == "score 0.5580; first of 3 among 3; no health picture yet"


def test_no_route_says_why_of_each() -> None:
    found = decided(board(), Wish(50_000, "INR", "CARD", tried=frozenset({"alpha", "beta"})))
    assert (found.gateway, found.places) == (None, ())
    assert found.reason == "no gateway of 3 takes it: alpha: already tried; beta: already tried; gamma: does not take CARD"


@pytest.mark.parametrize("policy", sorted(PROBING))
def test_a_policy_that_shares_out_its_probes_keeps_to_the_rules(policy: str) -> None:
    half, wish = breaker("gamma", "half_open", share=0.1), Wish(50_000, "INR", "UPI", preferred="gamma")
    found = [decided(board(half, policy=policy), wish, draw(number)) for number in range(400)]
    assert sum(one.gateway == "gamma" for one in found) / len(found) < 0.2, "asked for is no way past a breaker"
    assert all(one.probe == (one.gateway == "gamma") for one in found)
    broken = board(breaker("alpha", "forced_open"), *(breaker(name, "open") for name in ("beta", "gamma")), policy=policy)
    found = [decided(broken, WISH, draw(number)) for number in range(400)]
    assert {one.gateway for one in found} <= {"beta", "gamma"}, "with every breaker open it refuses nobody, and forces nothing open"
    assert all(one.probe and one.epoch == 7 for one in found)


@pytest.mark.parametrize(
    ("probe_share", "known", "least", "most"),
    [
        (0.1, {}, 0.05, 0.13),  # nothing has been heard of it: all that its breaker lets through
        (0.1, {"successes": 0.0, "failures": 9.0, "timeouts": 9.0}, 0.003, 0.03),
        (1.0, {"successes": 0.0, "failures": 9.0, "timeouts": 9.0}, 0.08, 0.25),  # a payment a minute: it must not take a day to close
        (0.0, {}, 0.0, 0.0),
    ],
)
def test_the_default_gives_a_half_open_gateway_no_more_than_its_share_and_enough_to_close(
    probe_share: float, known: dict[str, Any], least: float, most: float
) -> None:
    seen = [health(name, 100, 90, successes=90.0, failures=10.0) for name in ("alpha", "beta")]
    half = health("gamma", 20, 19, **known) if known else health("gamma", 20, 20, successes=20.0)
    on = board(*seen, half, breaker("gamma", "half_open", share=probe_share), policy="adaptive")
    assert least <= shares(on).get("gamma", 0.0) <= most


@given(boards, wishes, draws)
def test_a_decision_is_complete_and_only_a_probe_passes_a_breaker(on: Board, wish: Wish, seed: int) -> None:
    found = decide(on, wish, seed, NOW)
    names = [one.candidate.name for one in found.places]
    assert sorted([*names, *(one.gateway for one in found.losers)]) == sorted(one.name for one in on.gateways)
    assert found.gateway == (names[0] if names else None)
    facts: list[Facts] = [place.candidate.facts for place in found.places]
    assert all(one.unfit is None and one.gateway not in wish.tried for one in facts)
    assert all(one.amount_minor_min <= wish.amount_minor <= one.amount_minor_max for one in facts)
    probing = {"half_open", "open"} if found.policy in PROBING and not found.row.bandit else set()
    assert {one.breaker for one in facts[int(found.probe) :]} <= {"closed", "forced_closed"} | probing
    assert not facts or found.probe == (facts[0].breaker in ("open", "half_open"))
    closed = {one.gateway for one in facts if one.breaker in ("closed", "forced_closed")}
    assert found.probe or wish.preferred not in closed or found.gateway == wish.preferred


@given(boards, wishes, draws)
def test_the_same_again_is_the_same_whatever_was_decided_between(on: Board, wish: Wish, seed: int) -> None:
    before = decide(on, wish, seed, NOW).answer
    for number in range(3):
        decide(on, Wish(wish.amount_minor, "INR", "UPI", tried=frozenset({"gamma"})), number, after(1))
    assert decide(on, wish, seed, NOW).answer == before


def test_which_gateways_were_tried_fills_no_memory() -> None:
    facts = [Facts(gateway=f"g{number}", priority=1, amount_minor_min=1, amount_minor_max=9) for number in range(10)]
    row = Row.of(facts, policy="fixed", weights={}, segment="UPI:<50000", bandit=False)
    for number in range(500):
        tried = frozenset(f"g{place}" for place in range(9) if number >> place & 1)
        assert [place.candidate.name not in tried for place in row.standing(5, tried).rank(5, Draw(1))]
    assert len(row.standings) <= 64
