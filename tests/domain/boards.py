"""Boards for tests of decisions: accounts, a health picture of them, and what hypothesis makes of both."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from services.router.domain.board import Board
from services.router.domain.decision import Decision, Wish, decide
from services.router.domain.factors import WEIGHTS
from services.router.domain.policy import POLICIES
from shared.contracts import ArmHealth, BreakerHealth, GatewayHealth, HealthPicture
from shared.contracts.money import BUCKETS
from shared.contracts.questions import ExperimentView, FeeView, GatewayView, MaintenanceWindow, ScoringView
from tests.domain.stand import NOW, after

NAMES = ("alpha", "beta", "gamma", "delta")
WISH = Wish(50_000, "INR", "UPI")


def account(name: str, priority: int = 1, **more: Any) -> GatewayView:
    columns: dict[str, Any] = {
        "methods": ("UPI", "CARD"), "currencies": ("INR",), "amount_minor_min": 100, "amount_minor_max": 1_000_000, "enabled": True,
    }  # fmt: skip
    return GatewayView(name=name, priority=priority, **{**columns, **more})


ALL = (account("alpha", 1), account("beta", 2), account("gamma", 3, methods=("UPI",)))


def health(gateway: str, attributable: int, succeeded: int, *, method: str = "UPI", **more: Any) -> GatewayHealth:
    return GatewayHealth(gateway=gateway, method=method, attributable=attributable, succeeded=succeeded, **more)


def breaker(gateway: str, state: Any, *, share: float = 0.1, **more: Any) -> BreakerHealth:
    probe_share = share if state == "half_open" else 0.0
    return BreakerHealth(gateway=gateway, method="UPI", state=state, probe_share=probe_share, **{"epoch": 7, **more})


def picture(*parts: GatewayHealth | BreakerHealth | ArmHealth, epoch: int = 1, age_s: float = 1.0) -> HealthPicture:
    return HealthPicture(
        epoch=epoch,
        as_of=after(-age_s),
        gateways=tuple(one for one in parts if isinstance(one, GatewayHealth)),
        breakers=tuple(one for one in parts if isinstance(one, BreakerHealth)),
        arms=tuple(one for one in parts if isinstance(one, ArmHealth)),
    )


def scoring(policy: str, **weights: float) -> ScoringView:
    return ScoringView.model_validate({"policy": policy, "weights": {**WEIGHTS, **weights}})


def experiment(**more: Any) -> ExperimentView:
    columns: dict[str, Any] = {"experiment_id": "exp_1", "name": "beta first", "treatment_gateway": "beta", "control_pct": 50}
    return ExperimentView(**{**columns, "created_at": NOW, **more})


def board(*parts: Any, policy: str = "fixed", gateways: Any = ALL, **more: Any) -> Board:
    return Board.of(gateways, picture(*parts), now=NOW, scoring=scoring(policy), **more)


def decided(on: Board, wish: Wish = WISH, draw: int = 1) -> Decision:
    return decide(on, wish, draw, NOW)


methods, banks = st.sampled_from(["UPI", "CARD"]), st.sampled_from([None, "HDFC", "ICICI"])
shares = st.floats(0, 1)
windows = st.builds(
    lambda method, start_s, length_s, reason: MaintenanceWindow(
        method=method, starts_at=after(start_s), ends_at=after(start_s + length_s), reason=reason
    ),
    st.sampled_from([None, "UPI"]), st.integers(-100, 50), st.integers(1, 200), st.sampled_from(["", 'new "line"\n']),
)  # fmt: skip
accounts = st.builds(
    GatewayView,
    name=st.sampled_from(NAMES),
    methods=st.sampled_from([("UPI",), ("CARD",), ("UPI", "CARD")]),
    currencies=st.sampled_from([("INR",), ("USD",), ("INR", "USD")]),
    priority=st.integers(1, 3),
    amount_minor_min=st.sampled_from([1, 60_000]),
    amount_minor_max=st.sampled_from([40_000, 2**53]),
    enabled=st.sampled_from([True, True, True, False]),
    bank=banks,
    method_affinity=st.dictionaries(methods, shares, max_size=2),
    bank_affinity=st.dictionaries(st.sampled_from(["HDFC", "ICICI"]), shares, max_size=1),
    amount_fit=st.dictionaries(st.sampled_from(BUCKETS), shares, max_size=2),
    time_factor=st.dictionaries(st.sampled_from([8, 9, 10]), shares, max_size=2),
    fees=st.lists(
        st.builds(FeeView, method=st.sampled_from([None, "UPI"]), rate=st.floats(0, 0.5), fixed_minor=st.integers(0, 5_000)), max_size=2
    ).map(tuple),
    maintenance=st.lists(windows, max_size=1).map(tuple),
)
figures = st.integers(0, 40).flatmap(
    lambda seen: st.builds(
        GatewayHealth,
        gateway=st.sampled_from(NAMES),
        method=methods,
        bank=banks,
        attributable=st.just(seen),
        succeeded=st.integers(0, seen),
        latency_ms_p95=st.sampled_from([None, 90, 2_500]),
        successes=st.floats(0, 100),
        failures=st.floats(0, 100),
    )
)
breakers = st.builds(
    BreakerHealth,
    gateway=st.sampled_from(NAMES),
    method=methods,
    state=st.sampled_from(["closed", "open", "half_open", "forced_open", "forced_closed"]),
    epoch=st.integers(0, 9),
    probe_share=st.floats(0, 0.6),
    until=st.sampled_from([None, after(-1), after(30)]),
    reason=st.sampled_from(["", "10 of 12 failed"]),
)
arms = st.builds(
    ArmHealth,
    segment=st.builds(lambda method, bucket: f"{method}:{bucket}", methods, st.sampled_from(BUCKETS)),
    gateway=st.sampled_from(NAMES),
    alpha=st.floats(0.1, 500),
    beta=st.floats(0.1, 500),
)
pictures = st.none() | st.builds(
    HealthPicture,
    epoch=st.just(1),
    as_of=st.sampled_from([NOW, NOW - timedelta(seconds=60)]),
    gateways=st.lists(figures, max_size=8).map(tuple),
    breakers=st.lists(breakers, max_size=4, unique_by=lambda one: (one.gateway, one.method)).map(tuple),
    arms=st.lists(arms, max_size=6).map(tuple),
)
trials = st.builds(
    experiment,
    treatment_gateway=st.sampled_from(NAMES),
    control_pct=st.integers(1, 99),
    method=st.sampled_from([None, "UPI"]),
    merchant_id=st.sampled_from([None, "m_001"]),
    status=st.sampled_from(["running", "running", "paused"]),
)
boards = st.builds(
    lambda gateways, picture, policy, trials, bandits: Board.of(
        gateways, picture, now=NOW, scoring=scoring(policy), experiments=trials, bandits=bandits
    ),
    st.lists(accounts, unique_by=lambda one: one.name, max_size=4),
    pictures,
    st.sampled_from(sorted(POLICIES)),
    st.lists(trials, max_size=1),
    st.frozensets(st.builds(lambda method, bucket: f"{method}:{bucket}", methods, st.sampled_from(BUCKETS)), max_size=3),
)
wishes = st.builds(
    Wish,
    amount_minor=st.sampled_from([1, 39_999, 50_000, 65_000, 10**7]),
    currency=st.sampled_from(["INR", "USD"]),
    method=methods,
    bank=st.sampled_from([None, "HDFC", "SBI"]),
    merchant_id=st.sampled_from(["m_001", "m_002"]),
    customer_id=st.sampled_from([None, "c_1", "c_2", "c_3"]),
    preferred=st.sampled_from([None, "alpha", "nobody"]),
    tried=st.frozensets(st.sampled_from(["alpha", "beta"]), max_size=2),
)
draws = st.integers(0, 2**128 - 1)
