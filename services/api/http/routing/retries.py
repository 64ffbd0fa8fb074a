"""Routes of retry policies and of what gateways' error codes mean for another try."""

from typing import Annotated

from pydantic import AliasChoices, BaseModel, Field

from services.api.http.access.merchants import MerchantPath, merchant
from services.api.http.change import Change, Why
from services.api.http.layer import Caller, Code, Problem, Role, Routes
from services.api.http.owners import ASKING, Owners
from services.api.office import Office
from shared.contracts import OutcomeClass
from shared.contracts.questions import (
    ChangeErrorClass,
    ChangeRetryPolicy,
    ErrorClass,
    ListErrorClasses,
    RetryPolicyView,
    ShowRetryPolicy,
)

router = Routes(tag="retries", description="How often a payment is tried, and which refusals allow another try.")


class RetryPolicy(Change):
    """What is left out gets its default."""

    merchant_id: Annotated[str | None, Field(max_length=64, description="where it is sent, the one of the path")] = None
    attempts_max: Annotated[int, Field(ge=1, le=10, validation_alias=AliasChoices("attempts_max", "max_attempts"))] = 3
    latency_budget_ms: Annotated[int, Field(ge=100, le=120_000)] = 10_000
    retry_on_timeout: Annotated[bool, Field(description="refused where true: a timeout proves nothing, so it is verified instead")] = False
    enabled: bool = True


class RetryPolicyInForce(BaseModel):
    """`is_default`: none was set for this merchant, so these are the routers' settings, which may lie outside a policy's bounds."""

    merchant_id: str
    attempts_max: int
    latency_budget_ms: int
    retry_on_timeout: bool
    enabled: bool
    is_default: bool


class ErrorClasses(BaseModel):
    items: list[ErrorClass]


class KindQuery(BaseModel):
    gateway_kind: Annotated[str | None, Field(max_length=31, examples=["sandbox"])] = None


class CodePath(BaseModel):
    gateway_kind: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")]
    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,100}$")]


class ErrorClassChange(Change):
    outcome_class: OutcomeClass
    retryable: Annotated[bool, Field(description="whether another gateway may be tried")] = False
    advice: Annotated[str, Field(max_length=500)] = ""


@router.get("/retry-policy/{merchant_id}", needs=(Role.OPERATOR, Role.MERCHANT), errors=ASKING)
async def show_retry_policy(path: MerchantPath, caller: Caller, owners: Owners) -> RetryPolicyInForce:
    """How often payments of a merchant are tried. A merchant sees its own; `is_default` where none was set."""
    if caller.role is Role.MERCHANT and caller.merchant_id != path.merchant_id:
        raise Problem(Code.NOT_FOUND)
    return await owners.ask(ShowRetryPolicy(merchant_id=path.merchant_id), RetryPolicyInForce)


@router.put("/retry-policy/{merchant_id}", needs=Role.OPERATOR, errors=ASKING)
async def change_retry_policy(path: MerchantPath, body: RetryPolicy, caller: Caller, owners: Owners, office: Office) -> RetryPolicyInForce:
    """Set how often payments of a merchant are tried."""
    if body.merchant_id not in (None, path.merchant_id):
        raise Problem(Code.VALIDATION_ERROR, "merchant_id is not the one of the path.")
    await merchant(office, path.merchant_id)  # which there are the router does not know
    policy = RetryPolicyView(
        merchant_id=path.merchant_id,
        attempts_max=body.attempts_max,
        latency_budget_ms=body.latency_budget_ms,
        retry_on_timeout=body.retry_on_timeout,
        enabled=body.enabled,
    )
    return await owners.ask(ChangeRetryPolicy(policy=policy, actor=caller.name, reason=body.reason), RetryPolicyInForce)


@router.get("/error-classes", needs=Role.OPERATOR, errors=[*ASKING, Code.NOT_FOUND])
async def list_error_classes(query: KindQuery, owners: Owners) -> ErrorClasses:
    """What gateways' codes mean: whose doing a refusal is, and whether another gateway may be tried."""
    return ErrorClasses(items=await owners.ask(ListErrorClasses(gateway_kind=query.gateway_kind), list[ErrorClass]))


@router.put("/error-classes/{gateway_kind}/{code}", needs=Role.OPERATOR, errors=ASKING)
async def change_error_class(path: CodePath, body: ErrorClassChange, caller: Caller, owners: Owners) -> ErrorClass:
    """Say what a code means, in place of what the codec says, or of a code that it does not know."""
    question = ChangeErrorClass(
        gateway_kind=path.gateway_kind,
        code=path.code,
        outcome_class=body.outcome_class,
        retryable=body.retryable,
        advice=body.advice,
        actor=caller.name,
        reason=body.reason,
    )
    return await owners.ask(question, ErrorClass)


@router.delete("/error-classes/{gateway_kind}/{code}", needs=Role.OPERATOR, errors=ASKING)
async def restore_error_class(path: CodePath, query: Why, caller: Caller, owners: Owners) -> ErrorClass:
    """Take an override back. The answer is what the code means from now on."""
    question = ChangeErrorClass(gateway_kind=path.gateway_kind, code=path.code, outcome_class=None, actor=caller.name, reason=query.reason)
    return await owners.ask(question, ErrorClass)
