"""Routes of the decision: which policy orders the gateways, how factors weigh, what would be decided, and a policy in the shadow."""

from typing import Annotated

from pydantic import AliasChoices, BaseModel, Field, model_validator

from services.api.http.change import AnyCaseMethod, Change, Why
from services.api.http.fields import Currency
from services.api.http.layer import Caller, Code, Role, Routes
from services.api.http.owners import ASKING, Owners
from shared.contracts import AMOUNT_MAX, Money
from shared.contracts.questions import (
    ChangeScoring,
    DecisionView,
    ExplainDecision,
    Factor,
    Policy,
    ScoringView,
    SetShadow,
    ShadowView,
    ShowScoring,
    ShowShadow,
)

router = Routes(tag="scoring", description="How gateways are chosen, and what would be chosen.")

Text = Annotated[str, Field(min_length=1, max_length=64)]


class Hypothetical(BaseModel):
    """A payment that is not made."""

    amount: Annotated[int, Field(gt=0, le=AMOUNT_MAX, validation_alias=AliasChoices("amount", "amount_minor"), examples=[250000])]
    currency: Currency = "INR"
    method: Annotated[AnyCaseMethod, Field(validation_alias=AliasChoices("method", "payment_method"))]
    bank: Annotated[Text | None, Field(validation_alias=AliasChoices("bank", "issuing_bank"))] = None
    merchant_id: Text | None = None
    customer_id: Text | None = None
    alias: Annotated[str | None, Field(max_length=31, description="the gateway account wished for")] = None


class ScoringChange(Change):
    """What is left out stays. Weights are given all at once, and sum to 1."""

    policy: Annotated[Policy | None, Field(examples=["expected_value"])] = None
    weights: dict[Factor, Annotated[float, Field(ge=0, le=1)]] | None = None

    @model_validator(mode="after")
    def _something(self) -> "ScoringChange":
        if self.policy is None and self.weights is None:
            raise ValueError("say what shall change: policy, weights or both")
        return self


class ShadowChange(Change):
    policy: Policy


@router.get("/scoring", needs=Role.OPERATOR, errors=ASKING)
async def show_scoring(owners: Owners) -> ScoringView:
    """The policy that orders gateways, and the weights of the score's factors."""
    return await owners.ask(ShowScoring(), ScoringView)


@router.put("/scoring", needs=Role.OPERATOR, errors=[*ASKING, Code.CONFLICT])
async def change_scoring(body: ScoringChange, caller: Caller, owners: Owners) -> ScoringView:
    """Set the policy or the weights. 409 where the routers' environment sets the policy."""
    weights = dict[str, float](body.weights.items()) if body.weights is not None else None
    question = ChangeScoring(policy=body.policy, weights=weights, actor=caller.name, reason=body.reason)
    return await owners.ask(question, ScoringView)


@router.get("/scoring/debug", needs=Role.OPERATOR, errors=ASKING)
async def explain_decision(query: Hypothetical, owners: Owners) -> DecisionView:
    """What would be decided for such a payment now, and why: every gateway, factor by factor. Nothing is stored."""
    question = ExplainDecision(
        amount=Money(amount_minor=query.amount, currency=query.currency),
        method=query.method,
        bank=query.bank,
        merchant_id=query.merchant_id,
        customer_id=query.customer_id,
        preferred_gateway=query.alias,
    )
    return await owners.ask(question, DecisionView)


@router.get("/shadow-policy", needs=Role.OPERATOR, errors=ASKING)
async def show_shadow_policy(owners: Owners) -> ShadowView:
    """The policy that decides in the shadow, how often it disagrees with the one that counts, and what either expected of itself."""
    return await owners.ask(ShowShadow(), ShadowView)


@router.put("/shadow-policy", needs=Role.OPERATOR, errors=ASKING)
async def set_shadow_policy(body: ShadowChange, caller: Caller, owners: Owners) -> ShadowView:
    """Let a second policy decide on the same inputs. It can touch no payment."""
    return await owners.ask(SetShadow(policy=body.policy, actor=caller.name, reason=body.reason), ShadowView)


@router.delete("/shadow-policy", needs=Role.OPERATOR, errors=ASKING)
async def end_shadow_policy(query: Why, caller: Caller, owners: Owners) -> ShadowView:
    """End it. The answer is its last report."""
    return await owners.ask(SetShadow(policy=None, actor=caller.name, reason=query.reason), ShadowView)
