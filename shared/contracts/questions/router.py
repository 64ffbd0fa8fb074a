"""What the router is asked: gateways, policies, experiments, bandits, and why it decided what it decided."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.base import Frozen
from shared.contracts.instrument import Method
from shared.contracts.money import AMOUNT_MAX, Money
from shared.contracts.questions.base import RouterQuestion

Share = Annotated[float, Field(ge=0, le=1)]
Minor = Annotated[int, Field(ge=0, le=AMOUNT_MAX)]
Policy = Literal["fixed", "score", "bandit", "adaptive", "expected_value"]
Factor = Literal["success_rate", "latency", "method_affinity", "bank_affinity", "amount_fit", "time"]


class FeeView(Frozen):
    """What a gateway takes of a charge: `rate` of the amount and `fixed_minor`. `method` None: of those not named."""

    method: Method | None = None
    rate: Annotated[float, Field(ge=0, lt=1)] = 0.0
    fixed_minor: Minor = 0


class MaintenanceWindow(Frozen):
    """From `starts_at` until `ends_at` the gateway takes no payment of `method` (None: none at all)."""

    method: Method | None = None
    starts_at: datetime
    ends_at: datetime
    reason: Annotated[str, Field(max_length=500)] = ""  # every decision beside it repeats it


class GatewayView(Frozen):
    name: str
    methods: tuple[Method, ...]
    currencies: tuple[str, ...]
    priority: int
    amount_minor_min: int
    amount_minor_max: int
    enabled: bool
    bank: str | None = None  # the bank whose own gateway this is: bank affinity 1.0
    method_affinity: dict[Method, Share] = Field(default_factory=dict)
    bank_affinity: dict[str, Share] = Field(default_factory=dict)
    amount_fit: dict[str, Share] = Field(default_factory=dict)  # by amount bucket
    time_factor: dict[int, Share] = Field(default_factory=dict)  # by hour of the day, UTC
    fees: tuple[FeeView, ...] = ()
    maintenance: tuple[MaintenanceWindow, ...] = ()


class ListGateways(RouterQuestion):
    """Answer: list[GatewayView]."""

    kind: Literal["router.gateways.v1"] = "router.gateways.v1"


class ChangeGateway(RouterQuestion):
    """Answer: GatewayView. `changes` holds fields of GatewayView other than `name`; unknown ones and wrong values are a complaint."""

    kind: Literal["router.change_gateway.v1"] = "router.change_gateway.v1"
    name: str
    changes: dict[str, Any]
    actor: str
    reason: str


class ScoringView(Frozen):
    """`policy` is the order of candidates; weights are those of the score's six factors and sum to 1."""

    policy: Policy
    weights: dict[Factor, Share]


class ShowScoring(RouterQuestion):
    """Answer: ScoringView."""

    kind: Literal["router.scoring.v1"] = "router.scoring.v1"


class ChangeScoring(RouterQuestion):
    """Answer: ScoringView. What is None stays."""

    kind: Literal["router.change_scoring.v1"] = "router.change_scoring.v1"
    policy: str | None = None
    weights: dict[str, float] | None = None
    actor: str
    reason: str


class CandidateView(Frozen):
    """One gateway in one decision. `rank` None: no candidate, for `reason`. `factors` are each in [0, 1]."""

    gateway: str
    rank: int | None
    reason: str
    score: float | None = None
    factors: dict[str, float] = Field(default_factory=dict)
    estimate: float | None = None  # expected share of successes, of policies that estimate
    expected_value_minor: int | None = None
    break_even_rate: float | None = None  # the success rate at which it is worth as much as the best other
    breaker: str | None = None


class DecisionView(Frozen):
    payment_id: UUID | None = None
    number: int
    policy: str
    gateway: str | None
    reason: str
    probe: bool = False
    experiment_id: str | None = None
    arm: Literal["control", "treatment"] | None = None
    segment: str | None = None
    candidates: tuple[CandidateView, ...]
    inputs: dict[str, Any] = Field(default_factory=dict)
    made_at: datetime | None = None


class ExplainDecision(RouterQuestion):
    """Answer: DecisionView of a payment that is not made."""

    kind: Literal["router.explain.v1"] = "router.explain.v1"
    amount: Money
    method: Method
    bank: str | None = None
    merchant_id: str | None = None
    customer_id: str | None = None
    preferred_gateway: str | None = None


class ShowDecisions(RouterQuestion):
    """Answer: list[DecisionView], one an attempt. `merchant_id` None: an operator asks."""

    kind: Literal["router.decisions.v1"] = "router.decisions.v1"
    payment_id: UUID
    merchant_id: str | None


class TriedView(Frozen):
    """An attempt as the router knows it, skipped candidates among them (without number and id)."""

    attempt_id: UUID | None = None
    number: int | None = None
    gateway: str
    state: Literal["open", "failed", "succeeded", "skipped"]
    reason: str | None = None


class ShowAttempts(RouterQuestion):
    """Answer: list[TriedView]."""

    kind: Literal["router.attempts.v1"] = "router.attempts.v1"
    payment_id: UUID
    merchant_id: str | None


class RetryPolicyView(Frozen):
    merchant_id: str
    attempts_max: Annotated[int, Field(ge=1, le=10)] = 3
    latency_budget_ms: Annotated[int, Field(ge=100, le=120_000)] = 10_000
    retry_on_timeout: bool = False
    enabled: bool = True
    is_default: bool = False


class ShowRetryPolicy(RouterQuestion):
    """Answer: RetryPolicyView; the default where the merchant has none."""

    kind: Literal["router.retry_policy.v1"] = "router.retry_policy.v1"
    merchant_id: str


class ChangeRetryPolicy(RouterQuestion):
    """Answer: RetryPolicyView. `retry_on_timeout` true is a complaint unless the gateway can prove that nothing was charged: a timeout
    proves nothing, so paymesh verifies instead."""

    kind: Literal["router.change_retry_policy.v1"] = "router.change_retry_policy.v1"
    policy: RetryPolicyView
    actor: str
    reason: str


class ExperimentView(Frozen):
    """`control_pct` of customers stay as they are; the rest get `treatment_gateway` first. `merchant_id`, `method` None: of all."""

    experiment_id: str
    name: str
    treatment_gateway: str
    control_pct: Annotated[int, Field(ge=1, le=99)]
    method: Method | None = None
    merchant_id: str | None = None
    status: Literal["running", "paused", "stopped"] = "running"
    reason: str = ""
    created_at: datetime
    ended_at: datetime | None = None


class CreateExperiment(RouterQuestion):
    """Answer: ExperimentView. A complaint (CONFLICT) where a running one covers the same payments."""

    kind: Literal["router.create_experiment.v1"] = "router.create_experiment.v1"
    name: str
    treatment_gateway: str
    control_pct: int
    method: Method | None = None
    merchant_id: str | None = None
    actor: str
    reason: str = ""


class ListExperiments(RouterQuestion):
    """Answer: list[ExperimentView], newest first."""

    kind: Literal["router.experiments.v1"] = "router.experiments.v1"


class ShowExperiment(RouterQuestion):
    """Answer: ExperimentView."""

    kind: Literal["router.experiment.v1"] = "router.experiment.v1"
    experiment_id: str


class StopExperiment(RouterQuestion):
    """Answer: ExperimentView. Stopping a stopped one changes nothing."""

    kind: Literal["router.stop_experiment.v1"] = "router.stop_experiment.v1"
    experiment_id: str
    actor: str
    reason: str


class PreviewView(Frozen):
    experiment_id: str
    arms: dict[str, Literal["control", "treatment"]]  # customer id → arm
    control_share: float


class PreviewExperiment(RouterQuestion):
    """Answer: PreviewView: who would be assigned what. At most 1,000 customers."""

    kind: Literal["router.preview_experiment.v1"] = "router.preview_experiment.v1"
    experiment_id: str
    customer_ids: Annotated[tuple[str, ...], Field(min_length=1, max_length=1000)]


class BanditView(Frozen):
    segment: str
    enabled: bool
    changed_at: datetime | None = None


class ListBandits(RouterQuestion):
    """Answer: list[BanditView]: segments that were ever switched."""

    kind: Literal["router.bandits.v1"] = "router.bandits.v1"


class SetBandit(RouterQuestion):
    """Answer: BanditView."""

    kind: Literal["router.set_bandit.v1"] = "router.set_bandit.v1"
    segment: str
    enabled: bool
    actor: str
    reason: str = ""


class ShadowView(Frozen):
    """Values are sums of the success rates that the health picture gave the gateways chosen: what each policy expected of itself."""

    policy: str | None
    since: datetime | None = None
    decisions: int = 0
    disagreements: int = 0
    expected_successes_made: float = 0.0
    expected_successes_shadow: float = 0.0
    by_pair: tuple[dict[str, Any], ...] = ()  # {made, shadow, decisions, expected_gain}


class ShowShadow(RouterQuestion):
    """Answer: ShadowView."""

    kind: Literal["router.shadow.v1"] = "router.shadow.v1"


class SetShadow(RouterQuestion):
    """Answer: ShadowView. `policy` None ends it."""

    kind: Literal["router.set_shadow.v1"] = "router.set_shadow.v1"
    policy: str | None
    actor: str
    reason: str
