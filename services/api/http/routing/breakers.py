"""Routes of circuit breakers: one for every gateway and method."""

from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, Field

from services.api.http.change import AnyCaseMethod, Change, Gateway
from services.api.http.layer import Caller, Role, Routes
from services.api.http.owners import ASKING, Owners
from shared.contracts.questions import BreakerView, ForceBreaker, ListBreakers

router = Routes(tag="circuit breakers", description="Which gateways get no payments, of which method, and why.")
EXPIRES_S_MAX = 30 * 24 * 3600


class BreakerPath(BaseModel):
    gateway: Gateway
    method: AnyCaseMethod


class Force(Change):
    """`expires_in_s`: when it judges by itself again; without it the state stays until it is released."""

    expires_in_s: Annotated[
        int | None, Field(ge=1, le=EXPIRES_S_MAX, validation_alias=AliasChoices("expires_in_s", "expires_in_seconds"))
    ] = None


class Breakers(BaseModel):
    items: list[BreakerView]


@router.get("/circuit-breaker/status", needs=Role.OPERATOR, errors=ASKING)
async def list_breakers(owners: Owners) -> Breakers:
    """Every breaker that has ever had an outcome or was forced, with the figures that it judges by."""
    return Breakers(items=await owners.ask(ListBreakers(), list[BreakerView]))


@router.post("/circuit-breaker/force-open/{gateway}/{method}", needs=Role.OPERATOR, errors=ASKING)
async def force_breaker_open(path: BreakerPath, body: Force | None, caller: Caller, owners: Owners) -> BreakerView:
    """No payment of this method goes to this gateway. Every router has it within a second."""
    return await force(path, "forced_open", body, caller, owners)


@router.post("/circuit-breaker/force-close/{gateway}/{method}", needs=Role.OPERATOR, errors=ASKING)
async def force_breaker_closed(path: BreakerPath, body: Force | None, caller: Caller, owners: Owners) -> BreakerView:
    """Payments go to this gateway however it does."""
    return await force(path, "forced_closed", body, caller, owners)


@router.post("/circuit-breaker/release/{gateway}/{method}", needs=Role.OPERATOR, errors=ASKING)
async def release_breaker(path: BreakerPath, body: Change | None, caller: Caller, owners: Owners) -> BreakerView:
    """End a forced state: it judges by itself again."""
    return await force(path, None, body, caller, owners)


async def force(
    path: BreakerPath, to: Literal["forced_open", "forced_closed"] | None, body: Change | None, caller: Caller, owners: Owners
) -> BreakerView:
    await owners.gateway(path.gateway)
    asked = body or Force()
    question = ForceBreaker(
        gateway=path.gateway,
        method=path.method,
        to=to,
        expires_in_s=asked.expires_in_s if isinstance(asked, Force) else None,
        actor=caller.name,
        reason=asked.reason,
    )
    return await owners.ask(question, BreakerView)
