"""What the default believes of a gateway: what is general tells of what is particular, as far as what is nearer agrees with it."""

from dataclasses import replace
from typing import Any

import pytest

from services.router.domain.adaptive import believed, shares
from services.router.domain.board import longs_of
from services.router.domain.candidate import Candidate, Facts
from shared.contracts import ArmHealth, BreakerState, GatewayHealth
from tests.domain.boards import account, board, health

METHODS = ("UPI", "CARD", "NETBANKING")
MANY: dict[str, Any] = {"successes": 190.0, "failures": 10.0}
DOWN: dict[str, Any] = {"successes": 2.0, "failures": 198.0, "timeouts": 150.0}


def facts(*parts: Any, method: str = "UPI", bank: str | None = None) -> Facts:
    on = board(*parts, gateways=(account("alpha", methods=METHODS),), policy="adaptive")
    (found,) = on.row(method, "INR", bank, 50_000).candidates
    return found.facts


def told(method: str, bank: str | None = None, **estimates: Any) -> GatewayHealth:
    return health("alpha", 200, 190, method=method, bank=bank, **estimates)


def arm(segment: str, alpha: float, beta: float) -> ArmHealth:
    return ArmHealth(segment=segment, gateway="alpha", alpha=alpha, beta=beta)


@pytest.mark.parametrize(
    ("parts", "least", "most"),
    [
        ((), 0.85, 0.85),  # nothing known
        ((told("UPI", **MANY),), 0.93, 0.96),
        ((told("CARD", **MANY),), 0.92, 0.95),  # of another method only: nearly as much
        ((told("CARD", **DOWN),), 0.05, 0.20),
        ((told("CARD", **DOWN), told("UPI", **MANY)), 0.90, 0.96),  # one method is down: the other is what it is
        ((told("CARD", **MANY), told("UPI", **DOWN)), 0.0, 0.06),
        ((told("UPI", **DOWN), arm("UPI:<50000", 900.0, 50.0)), 0.0, 0.06),  # what was good for half an hour is down now
        ((told("UPI", successes=1.0), arm("UPI:<50000", 900.0, 50.0)), 0.93, 0.96),  # and is remembered while nobody goes there
        ((told("CARD", **MANY), arm("UPI:<50000", 1.0, 30.0)), 0.85, 0.95),  # what is known of the whole outweighs old failures
    ],
)
def test_what_is_believed_of_a_method(parts: Any, least: float, most: float) -> None:
    assert least <= believed(facts(*parts)).success <= most


def test_a_bank_that_differs_is_believed_of_its_own() -> None:
    parts = told("UPI", **MANY), told("UPI", "HDFC", successes=5.0, failures=25.0)
    assert believed(facts(*parts, bank="HDFC")).success < 0.35
    assert believed(facts(*parts, bank="SBI")).success > 0.9


def test_the_slow_clock_is_of_a_method_over_all_amounts() -> None:
    arms = [arm("UPI:<50000", 11.0, 2.0), arm("UPI:<200000", 21.0, 3.0), arm("CARD:<50000", 5.0, 1.0)]
    assert longs_of(arms) == {("alpha", "UPI"): (30.0, 3.0), ("alpha", "CARD"): (4.0, 0.0)}


def test_what_is_not_trusted_weighs_less() -> None:
    found = facts(told("UPI", **MANY), arm("UPI:<50000", 900.0, 50.0))
    weights = [believed(replace(found, trust=trust)).weight for trust in (1.0, 0.5, 0.01, 0.0)]
    assert weights == sorted(weights, reverse=True)
    assert weights[-1] == pytest.approx(4.0, abs=0.1)


def test_who_is_far_behind_a_half_open_one_is_still_compared_with_who_is_closed() -> None:
    """The chance of either closed one to be the best of all is zero, to the last bit of a float."""
    states: tuple[BreakerState, ...] = ("half_open", "closed", "closed")
    candidates = [
        Candidate(Facts(gateway, 1, 1, 10**9, breaker=one, probe_share=0.1), {}) for gateway, one in zip("abc", states, strict=True)
    ]
    probed, best, other = shares(candidates, [(0.99, 0.001), (0.3, 0.001), (0.2, 0.001)])
    assert probed <= 0.1
    assert best > 0.85
    assert 0.0 < other < 0.01
