"""Every operators' route asks the right owner the right question, under the caller's name, and shows the answer."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.contracts import ArmHealth, Money
from shared.contracts import questions as q
from tests.services.api.conftest import Client
from tests.services.api.stand_in import StandIn

NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
WINDOW = {"method": "UPI", "starts_at": "2026-12-01T00:00:00+05:30", "ends_at": "2026-12-01T06:00:00Z", "reason": "disks"}
BY = {"actor": "root"}
ALPHA = q.GatewayView(
    name="alpha", methods=("UPI",), currencies=("INR",), priority=1, amount_minor_min=1, amount_minor_max=10**6, enabled=True
)
FIGURES = q.GatewayFigures(
    gateway="alpha",
    as_of=NOW,
    windows=(q.WindowFigures(minutes=5, attempts=3, attributable=2, succeeded=1, success_rate=0.5, by_class={"success": 1}),),
)
SCORING = q.ScoringView(policy="adaptive", weights={"success_rate": 0.5, "latency": 0.5})
DECISION = q.DecisionView(
    number=1,
    policy="adaptive",
    gateway="alpha",
    reason="first of one",
    candidates=(q.CandidateView(gateway="alpha", rank=1, reason="fit", score=0.9, factors={"success_rate": 0.9}),),
)
SHADOW = q.ShadowView(policy="score", decisions=10, disagreements=2)
BREAKER = q.BreakerView(gateway="alpha", method="UPI", state="forced_open", epoch=3, since=NOW, reason="drill", actor="operator")
RETRIES = q.RetryPolicyView(merchant_id="m_001", is_default=True)
DECLINED = q.ErrorClass(gateway_kind="sandbox", code="card_declined", outcome_class="user_decline", retryable=False)
TRIAL = q.ExperimentView(experiment_id="exp_1", name="beta first", treatment_gateway="beta", control_pct=80, created_at=NOW)
RESULTS = q.ResultsView(
    experiment_id="exp_1",
    arms=(q.ArmResult(arm="control", attempts=9, attributable=9, succeeded=9, success_rate=1.0, latency_ms_p95=90),),
    difference=0.05,
    z=2.0,
    p_value=0.04,
    likelihood_ratio=30.0,
    verdict="treatment_better",
    mismatch_p_value=0.5,
    reason="Λ = 30",
)
PREVIEW = q.PreviewView(experiment_id="exp_1", arms={"c1": "control", "c2": "treatment"}, control_share=0.5)
BANDIT = q.BanditView(segment="UPI:<50000", enabled=True, changed_at=NOW)
ARM = ArmHealth(segment="UPI:<50000", gateway="alpha", alpha=3.0, beta=1.5)
ASIDE = "UPI:%3C50000"
NEW_TRIAL = {"name": "beta first", "treatment_gateway": "beta", "control_pct": 80}
EXPLAIN = q.ExplainDecision(amount=Money(amount_minor=250_000, currency="INR"), method="UPI", bank="HDFC")


def shown(view: Any) -> Any:
    return view.model_dump(mode="json")


# what is called → the questions that must be asked, what the owners answer, what must be shown
Row = tuple[str, str, Any, list[q.Question], list[Any], Any]
ROUTES: dict[str, Row] = {
    "gateways": ("GET", "/gateways", None, [q.ListGateways()], [[ALPHA]], {"items": [shown(ALPHA)]}),
    "change a gateway": (
        "PATCH", "/gateways/alpha", {"enabled": False, "bank": None, "reason": "maintenance"},
        [q.ChangeGateway(name="alpha", changes={"enabled": False, "bank": None}, reason="maintenance", **BY)], [ALPHA], shown(ALPHA),
    ),
    "fees": (
        "PATCH", "/gateways/alpha", {"fees": [{"method": "UPI", "rate": 0.01}], "time_factor": {"3": 0.5}},
        [
            q.ChangeGateway(
                name="alpha", changes={"fees": [{"method": "UPI", "rate": 0.01}], "time_factor": {"3": 0.5}},
                reason="no reason given", **BY,
            )
        ],
        [ALPHA], shown(ALPHA),
    ),
    "a window": (
        "PATCH", "/gateways/alpha", {"maintenance": [WINDOW]},
        [q.ChangeGateway(name="alpha", changes={"maintenance": [WINDOW]}, reason="no reason given", **BY)], [ALPHA], shown(ALPHA),
    ),
    "figures": ("GET", "/metrics/gateways/alpha", None, [q.ShowGatewayFigures(gateway="alpha")], [FIGURES], shown(FIGURES)),
    "scoring": ("GET", "/scoring", None, [q.ShowScoring()], [SCORING], shown(SCORING)),
    "policy": (
        "PUT", "/scoring", {"policy": "score", "reason": "compare"},
        [q.ChangeScoring(policy="score", reason="compare", **BY)], [SCORING], shown(SCORING),
    ),
    "weights": (
        "PUT", "/scoring", {"weights": {"latency": 0.2, "success_rate": 0.8}},
        [q.ChangeScoring(weights={"latency": 0.2, "success_rate": 0.8}, reason="no reason given", **BY)], [SCORING], shown(SCORING),
    ),
    "explain": ("GET", "/scoring/debug?amount=250000&method=upi&bank=HDFC", None, [EXPLAIN], [DECISION], shown(DECISION)),
    "explain in other words": (
        "GET", "/scoring/debug?amount_minor=250000&payment_method=UPI&issuing_bank=HDFC", None, [EXPLAIN], [DECISION], shown(DECISION),
    ),
    "explain in full": (
        "GET", "/scoring/debug?amount=1&currency=usd&method=CARD&merchant_id=m_001&customer_id=c&alias=beta", None,
        [
            q.ExplainDecision(
                amount=Money(amount_minor=1, currency="USD"), method="CARD", merchant_id="m_001", customer_id="c", preferred_gateway="beta"
            )
        ],
        [DECISION], shown(DECISION),
    ),
    "shadow": ("GET", "/shadow-policy", None, [q.ShowShadow()], [SHADOW], shown(SHADOW)),
    "begin shadow": (
        "PUT", "/shadow-policy", {"policy": "score", "reason": "curious"},
        [q.SetShadow(policy="score", reason="curious", **BY)], [SHADOW], shown(SHADOW),
    ),
    "end shadow": (
        "DELETE", "/shadow-policy?reason=enough", None, [q.SetShadow(policy=None, reason="enough", **BY)], [SHADOW], shown(SHADOW),
    ),
    "breakers": ("GET", "/circuit-breaker/status", None, [q.ListBreakers()], [[BREAKER]], {"items": [shown(BREAKER)]}),
    "force open": (
        "POST", "/circuit-breaker/force-open/alpha/upi", {"reason": "drill", "expires_in_s": 60},
        [
            q.ListGateways(),
            q.ForceBreaker(gateway="alpha", method="UPI", to="forced_open", expires_in_s=60, reason="drill", **BY),
        ],
        [[ALPHA], BREAKER], shown(BREAKER),
    ),
    "force close without a body": (
        "POST", "/circuit-breaker/force-close/alpha/CARD", None,
        [
            q.ListGateways(),
            q.ForceBreaker(gateway="alpha", method="CARD", to="forced_closed", reason="no reason given", **BY),
        ],
        [[ALPHA], BREAKER], shown(BREAKER),
    ),
    "release": (
        "POST", "/circuit-breaker/release/alpha/UPI", {"reason": "over"},
        [q.ListGateways(), q.ForceBreaker(gateway="alpha", method="UPI", to=None, reason="over", **BY)], [[ALPHA], BREAKER], shown(BREAKER),
    ),
    "retry policy": ("GET", "/retry-policy/m_009", None, [q.ShowRetryPolicy(merchant_id="m_009")], [RETRIES], shown(RETRIES)),
    "change a retry policy": (
        "PUT", "/retry-policy/m_001",
        {"merchant_id": "m_001", "max_attempts": 2, "latency_budget_ms": 5000, "retry_on_timeout": False, "enabled": True},
        [
            q.ChangeRetryPolicy(
                policy=q.RetryPolicyView(merchant_id="m_001", attempts_max=2, latency_budget_ms=5000), reason="no reason given", **BY
            )
        ],
        [RETRIES], shown(RETRIES),
    ),
    "error classes": ("GET", "/error-classes", None, [q.ListErrorClasses()], [[DECLINED]], {"items": [shown(DECLINED)]}),
    "error classes of one": (
        "GET", "/error-classes?gateway_kind=sandbox", None,
        [q.ListErrorClasses(gateway_kind="sandbox")], [[DECLINED]], {"items": [shown(DECLINED)]},
    ),
    "change an error class": (
        "PUT", "/error-classes/sandbox/card_declined", {"outcome_class": "issuer_fault", "retryable": True, "advice": "a", "reason": "b"},
        [
            q.ChangeErrorClass(
                gateway_kind="sandbox", code="card_declined", outcome_class="issuer_fault", retryable=True, advice="a", reason="b", **BY
            )
        ],
        [DECLINED], shown(DECLINED),
    ),
    "restore an error class": (
        "DELETE", "/error-classes/sandbox/card_declined?reason=wrong", None,
        [q.ChangeErrorClass(gateway_kind="sandbox", code="card_declined", outcome_class=None, reason="wrong", **BY)],
        [DECLINED], shown(DECLINED),
    ),
    "new experiment": (
        "POST", "/experiments", {**NEW_TRIAL, "method": "upi", "merchant_id": "m_001", "reason": "cheaper"},
        [q.CreateExperiment(**NEW_TRIAL, method="UPI", merchant_id="m_001", reason="cheaper", **BY)], [TRIAL], shown(TRIAL),
    ),
    "experiments": ("GET", "/experiments", None, [q.ListExperiments()], [[TRIAL]], {"items": [shown(TRIAL)]}),
    "results": (
        "GET", "/experiments/exp_1/results", None,
        [q.ShowExperiment(experiment_id="exp_1"), q.ExperimentResults(experiment_id="exp_1", control_pct=80)], [TRIAL, RESULTS],
        {"experiment": shown(TRIAL), "results": shown(RESULTS)},
    ),
    "winner": (
        "GET", "/experiments/exp_1/winner", None,
        [q.ShowExperiment(experiment_id="exp_1"), q.ExperimentResults(experiment_id="exp_1", control_pct=80)], [TRIAL, RESULTS],
        {"experiment_id": "exp_1", "winner": "treatment", "gateway": "beta", "verdict": "treatment_better", "reason": "Λ = 30"},
    ),
    "preview": (
        "GET", "/experiments/exp_1/preview?customer_id=c1&customer_id=c2", None,
        [q.PreviewExperiment(experiment_id="exp_1", customer_ids=("c1", "c2"))], [PREVIEW], shown(PREVIEW),
    ),
    "preview many": (
        "POST", "/experiments/exp_1/preview", {"customer_ids": ["c1", "c2"]},
        [q.PreviewExperiment(experiment_id="exp_1", customer_ids=("c1", "c2"))], [PREVIEW], shown(PREVIEW),
    ),
    "stop": (
        "POST", "/experiments/exp_1/stop", {"reason": "done"},
        [q.StopExperiment(experiment_id="exp_1", reason="done", **BY)], [TRIAL], shown(TRIAL),
    ),
    "bandit": (
        "GET", "/bandit/state", None, [q.ListBandits(), q.ShowArms()], [[BANDIT], [ARM]],
        {"policies": [shown(BANDIT)], "arms": [shown(ARM)]},
    ),
    "bandit of one": (
        "GET", "/bandit/state?segment=CARD:%3C50000", None,
        [q.ListBandits(), q.ShowArms(segment="CARD:<50000")], [[BANDIT], []], {"policies": [], "arms": []},
    ),
    "bandit on": (
        "POST", f"/bandit/policy/{ASIDE}/enable", {"reason": "try"},
        [q.SetBandit(segment="UPI:<50000", enabled=True, reason="try", **BY)], [BANDIT], shown(BANDIT),
    ),
    "bandit off": (
        "POST", f"/bandit/policy/{ASIDE.lower()}/disable", None,
        [q.SetBandit(segment="UPI:<50000", enabled=False, reason="no reason given", **BY)], [BANDIT], shown(BANDIT),
    ),
}  # fmt: skip


@pytest.mark.parametrize("prefix", ["", "/api/v1"], ids=["root", "v1"])
@pytest.mark.parametrize("row", ROUTES.values(), ids=ROUTES.keys())
async def test_a_route_asks_its_owner(operator: Client, stand_in: StandIn, row: Row, prefix: str) -> None:
    method, path, body, questions, answers, expected = row
    stand_in.says = {type(question): answer for question, answer in zip(questions, answers, strict=True)}
    answer = await operator.call(method, prefix + path, body)
    assert answer.status == (201 if path == "/experiments" and method == "POST" else 200), answer.body
    assert stand_in.asked == questions
    assert answer.body == expected


INVALID: dict[str, tuple[str, str, Any]] = {
    "nothing to change": ("PATCH", "/gateways/alpha", {"reason": "none"}),
    "misspelt": ("PATCH", "/gateways/alpha", {"enable": False}),
    "null": ("PATCH", "/gateways/alpha", {"enabled": None}),
    "hour": ("PATCH", "/gateways/alpha", {"time_factor": {"24": 1}}),
    "method": ("PATCH", "/gateways/alpha", {"methods": ["CASH"]}),
    "no method left": ("PATCH", "/gateways/alpha", {"methods": []}),
    "share": ("PATCH", "/gateways/alpha", {"bank_affinity": {"HDFC": 1.1}}),
    "no currency": ("PATCH", "/gateways/alpha", {"currencies": ["INR", "QQQ"]}),
    "a fee beyond all amounts": ("PATCH", "/gateways/alpha", {"fees": [{"fixed_minor": 2**53}]}),
    "a misspelt fee": ("PATCH", "/gateways/alpha", {"fees": [{"rates": 0.02}]}),
    "a misspelt window": ("PATCH", "/gateways/alpha", {"maintenance": [{**WINDOW, "methods": ["UPI"]}]}),
    "a window of years": ("PATCH", "/gateways/alpha", {"maintenance": [{"starts_at": "2026", "ends_at": "2027"}]}),
    "a window for ever": ("PATCH", "/gateways/alpha", {"maintenance": [{**WINDOW, "ends_at": "9999-12-31T23:59:59-01:00"}]}),
    "a window with a novel": ("PATCH", "/gateways/alpha", {"maintenance": [{**WINDOW, "reason": "a" * 501}]}),
    "policy": ("PUT", "/scoring", {"policy": "best"}),
    "factor": ("PUT", "/scoring", {"weights": {"luck": 1.0}}),
    "no scoring": ("PUT", "/scoring", {}),
    "amount": ("GET", "/scoring/debug?amount=0&method=UPI", None),
    "no amount": ("GET", "/scoring/debug?method=UPI", None),
    "unknown method": ("GET", "/scoring/debug?amount=1&method=CASH", None),
    "a currency that is none": ("GET", "/scoring/debug?amount=1&method=UPI&currency=QQQ", None),
    "no shadow": ("PUT", "/shadow-policy", {}),
    "expiry": ("POST", "/circuit-breaker/force-open/alpha/UPI", {"expires_in_s": 0}),
    "expiry of a release": ("POST", "/circuit-breaker/release/alpha/UPI", {"expires_in_s": 5}),
    "long reason": ("POST", "/circuit-breaker/force-open/alpha/UPI", {"reason": "a" * 501}),
    "no attempts": ("PUT", "/retry-policy/m_001", {"attempts_max": 0}),
    "another merchant": ("PUT", "/retry-policy/m_001", {"merchant_id": "m_002"}),
    "class": ("PUT", "/error-classes/sandbox/x", {"outcome_class": "fate"}),
    "split": ("POST", "/experiments", {**NEW_TRIAL, "control_pct": 100}),
    "no name": ("POST", "/experiments", {"treatment_gateway": "beta"}),
    "nobody": ("POST", "/experiments/exp_1/preview", {"customer_ids": []}),
    "too many": ("POST", "/experiments/exp_1/preview", {"customer_ids": [str(number) for number in range(1001)]}),
    "nobody asked for": ("GET", "/experiments/exp_1/preview", None),
    "limit": ("GET", "/audit?limit=501", None),
}


@pytest.mark.parametrize(("method", "path", "body"), INVALID.values(), ids=INVALID.keys())
async def test_what_is_not_valid_is_asked_of_nobody(operator: Client, stand_in: StandIn, method: str, path: str, body: Any) -> None:
    answer = await operator.call(method, path, body)
    assert (answer.status, answer.code) == (422, "VALIDATION_ERROR"), answer.body
    assert stand_in.asked == []


NAMES_NOTHING = {
    "a method that is none": ("POST", "/circuit-breaker/force-open/alpha/CASH"),
    "a segment that is none": ("POST", "/bandit/policy/UPI:50000/enable"),
    "a gateway that cannot be": ("GET", "/metrics/gateways/Alpha%20"),
    "a merchant that cannot be": ("GET", "/retry-policy/%20"),
}

OF_NOBODY = {
    "a retry policy": ("PUT", "/retry-policy/m_nobody", {"attempts_max": 2}),
    "an experiment": ("POST", "/experiments", {**NEW_TRIAL, "merchant_id": "m_nobody"}),
}


@pytest.mark.parametrize(("method", "path", "body"), OF_NOBODY.values(), ids=OF_NOBODY.keys())
async def test_what_is_set_for_a_merchant_that_does_not_exist_is_asked_of_nobody(
    operator: Client, stand_in: StandIn, method: str, path: str, body: Any
) -> None:
    answer = await operator.call(method, path, body)
    assert (answer.status, answer.code) == (404, "NOT_FOUND")
    assert answer.body["error"]["message"] == "There is no such merchant."
    assert stand_in.asked == []


@pytest.mark.parametrize(("method", "path"), NAMES_NOTHING.values(), ids=NAMES_NOTHING.keys())
async def test_a_path_that_names_nothing_is_not_found(operator: Client, stand_in: StandIn, method: str, path: str) -> None:
    answer = await operator.call(method, path)
    assert (answer.status, answer.code) == (404, "NOT_FOUND")
    assert stand_in.asked == []


@pytest.mark.parametrize("act", ["force-open", "force-close", "release"])
async def test_the_breaker_of_an_unknown_gateway_is_not_found(operator: Client, stand_in: StandIn, act: str) -> None:
    stand_in.says = {q.ListGateways: [ALPHA], q.ForceBreaker: BREAKER}
    answer = await operator.call("POST", f"/circuit-breaker/{act}/omega/UPI")
    assert (answer.status, answer.code) == (404, "NOT_FOUND")
    assert stand_in.asked == [q.ListGateways()]


async def test_the_figures_of_an_unknown_gateway_are_not_found(operator: Client, stand_in: StandIn) -> None:
    still = FIGURES.model_copy(update={"windows": (FIGURES.windows[0].model_copy(update={"attempts": 0}),)})
    for nothing in (still, FIGURES.model_copy(update={"windows": ()})):
        stand_in.says = {q.ListGateways: [ALPHA], q.ShowGatewayFigures: nothing}
        assert (await operator.get("/metrics/gateways/omega")).code == "NOT_FOUND"
        assert (await operator.get("/metrics/gateways/alpha")).body == shown(nothing)


@pytest.mark.parametrize(
    ("verdict", "winner", "gateway"),
    [
        ("treatment_better", "treatment", "beta"),
        ("control_better", "control", None),
        ("no_difference_yet", None, None),
        ("too_early", None, None),
    ],
)
async def test_a_winner_is_what_the_verdict_says(
    operator: Client, stand_in: StandIn, verdict: str, winner: str | None, gateway: str | None
) -> None:
    stand_in.says = {q.ShowExperiment: TRIAL, q.ExperimentResults: RESULTS.model_copy(update={"verdict": verdict})}
    answer = await operator.get("/experiments/exp_1/winner")
    assert (answer.body["winner"], answer.body["gateway"]) == (winner, gateway)
