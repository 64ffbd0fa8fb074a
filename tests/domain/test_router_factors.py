"""The score, factor by factor, and what it is worth where nothing is known."""

from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.domain.candidate import Candidate
from services.router.domain.decision import Wish
from services.router.domain.factors import WEIGHTS, bank_affinity, factors_of, score_of
from shared.contracts.questions import FeeView
from tests.domain.boards import ALL, account, board, boards, decided, health, wishes

COLD = {"success_rate": 0.5, "latency": 0.4, "method_affinity": 0.7, "bank_affinity": 0.6, "amount_fit": 0.7, "time": 1.0}
SMALL, HDFC = Wish(40_000, "INR", "UPI"), Wish(40_000, "INR", "UPI", bank="HDFC")


def candidate(*parts: Any, wish: Wish = SMALL, **columns: Any) -> Candidate:
    on = board(*parts, gateways=(account("alpha", **columns),))
    (found,) = on.row(wish.method, wish.currency, wish.bank, wish.amount_minor).candidates
    return found


def test_the_weights_are_the_documented_ones() -> None:
    assert WEIGHTS == {
        "success_rate": 0.35,
        "latency": 0.25,
        "method_affinity": 0.15,
        "bank_affinity": 0.12,
        "amount_fit": 0.08,
        "time": 0.05,
    }
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)


def test_a_gateway_nobody_knows_is_cold() -> None:
    found = candidate()
    assert asdict(found.factors) == COLD
    assert found.score == pytest.approx(0.35 * 0.5 + 0.25 * 0.4 + 0.15 * 0.7 + 0.12 * 0.6 + 0.08 * 0.7 + 0.05 * 1.0)


@pytest.mark.parametrize(
    ("found", "factor", "value"),
    [
        (candidate(health("alpha", 20, 19)), "success_rate", 0.95),
        (candidate(health("alpha", 1, 0)), "success_rate", 0.0),
        (candidate(health("alpha", 0, 0)), "success_rate", 0.5),
        (candidate(health("alpha", 20, 19, method="CARD")), "success_rate", 0.5),
        (candidate(health("alpha", 20, 19), health("alpha", 10, 4, bank="HDFC"), wish=HDFC), "success_rate", 0.4),
        (candidate(health("alpha", 20, 19), health("alpha", 0, 0, bank="HDFC"), wish=HDFC), "success_rate", 0.95),
        (candidate(health("alpha", 20, 19), health("alpha", 10, 4, bank="SBI"), wish=HDFC), "success_rate", 0.95),
        (candidate(health("alpha", 20, 19), health("alpha", 10, 4, bank="HDFC")), "success_rate", 0.95),
        (candidate(health("alpha", 20, 19, latency_ms_p95=250)), "latency", 0.8),
        (candidate(health("alpha", 20, 19, latency_ms_p95=0)), "latency", 1.0),
        (candidate(health("alpha", 20, 19)), "latency", 0.4),
        (candidate(method_affinity={"UPI": 0.9}), "method_affinity", 0.9),
        (candidate(method_affinity={"CARD": 0.9}), "method_affinity", 0.7),
        (candidate(bank="HDFC", wish=HDFC), "bank_affinity", 1.0),
        (candidate(bank="SBI", wish=HDFC), "bank_affinity", 0.5),
        (candidate(wish=HDFC), "bank_affinity", 0.5),
        (candidate(bank="HDFC"), "bank_affinity", 0.6),
        (candidate(bank="HDFC", bank_affinity={"HDFC": 0.2}, wish=HDFC), "bank_affinity", 0.2),
        (candidate(amount_fit={"<50000": 0.1}), "amount_fit", 0.1),
        (candidate(amount_fit={"<200000": 0.1}), "amount_fit", 0.7),
        (candidate(amount_fit={"<200000": 0.1}, wish=Wish(50_000, "INR", "UPI")), "amount_fit", 0.1),
        (candidate(time_factor={9: 0.3}), "time", 0.3),
        (candidate(time_factor={10: 0.3}), "time", 1.0),
    ],
)
def test_each_factor(found: Candidate, factor: str, value: float) -> None:
    assert getattr(found.factors, factor) == pytest.approx(value)


@pytest.mark.parametrize(
    ("bank", "own", "value"), [(None, None, 0.6), (None, "A", 0.6), ("A", "A", 1.0), ("A", "B", 0.5), ("A", None, 0.5)]
)
def test_bank_affinity(bank: str | None, own: str | None, value: float) -> None:
    assert bank_affinity(bank, own, {}) == value


@given(st.floats(-9, 9), st.integers(-9, 10**9), st.floats(-9, 9), st.floats(-9, 9), st.floats(-9, 9), st.floats(-9, 9))
def test_factors_are_clamped(rate: float, p95: int, method: float, bank: float, fit: float, time: float) -> None:
    found = factors_of(rate=rate, latency_ms_p95=p95, method_affinity=method, bank_affinity=bank, amount_fit=fit, time=time)
    assert all(0.0 <= value <= 1.0 for value in asdict(found).values())
    assert 0.0 <= score_of(found, WEIGHTS) <= 1.0 + 1e-9


@given(boards, wishes)
def test_every_candidate_has_a_score_of_its_factors(on: Any, wish: Wish) -> None:
    for one in on.row(wish.method, wish.currency, wish.bank, wish.amount_minor).candidates:
        assert one.score == pytest.approx(sum(WEIGHTS[name] * value for name, value in asdict(one.factors).items()))  # type: ignore[index]


@pytest.mark.parametrize(
    ("fees", "fee"),
    [
        ((), (0.0, 0)),
        ((FeeView(rate=0.02, fixed_minor=300),), (0.02, 300)),
        ((FeeView(rate=0.02), FeeView(method="UPI", rate=0.001)), (0.001, 0)),
        ((FeeView(method="CARD", rate=0.03),), (0.0, 0)),
    ],
)
def test_the_fee_of_the_method_goes_before_the_general_one(fees: tuple[FeeView, ...], fee: tuple[float, int]) -> None:
    found = candidate(fees=fees).facts
    assert (found.fee_rate, found.fee_fixed_minor) == fee


def test_banks_that_nobody_knows_share_what_is_compiled() -> None:
    on = board(health("alpha", 9, 9, bank="HDFC"), gateways=ALL)
    for bank in ("HDFC", "X", "Y", "Z", None):
        decided(on, Wish(40_000, "INR", "UPI", bank=bank))
    assert len(on.rows) == 3


def test_figures_of_the_method_are_not_counted_as_those_of_a_bank_too() -> None:
    found = candidate(health("alpha", 20, 19)).facts
    assert found.by_bank is None
    assert found.by_method is not None
