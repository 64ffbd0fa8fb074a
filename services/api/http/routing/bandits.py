"""Routes of the bandit: a flag for every segment, and what it has learnt."""

from typing import Annotated

from pydantic import BaseModel, Field

from services.api.http.change import Change
from services.api.http.fields import Upper
from services.api.http.layer import Caller, Role, Routes
from services.api.http.owners import ASKING, Owners
from shared.contracts import ArmHealth
from shared.contracts.questions import BanditView, ListBandits, SetBandit, ShowArms

router = Routes(tag="bandit", description="Thompson sampling, segment by segment. A segment is `METHOD:amount bucket`, as `UPI:<50000`.")

Segment = Annotated[
    str,
    Upper,
    Field(pattern=r"^(UPI|CARD|NETBANKING|WALLET|PAYMENT_LINK):(<50000|<200000|<1000000|>=1000000)$", examples=["UPI:<50000"]),
]


class SegmentPath(BaseModel):
    segment: Segment


class SegmentQuery(BaseModel):
    segment: Segment | None = None


class Bandits(BaseModel):
    """`policies` are the segments that were ever switched; `arms` is what was learnt, switched or not: Beta(alpha, beta)."""

    policies: list[BanditView]
    arms: list[ArmHealth]


@router.get("/bandit/state", needs=Role.OPERATOR, errors=ASKING)
async def show_bandit(query: SegmentQuery, owners: Owners) -> Bandits:
    """Which segments are on, and what every gateway's arm knows."""
    policies = await owners.ask(ListBandits(), list[BanditView])
    arms = await owners.ask(ShowArms(segment=query.segment), list[ArmHealth])
    return Bandits(policies=[one for one in policies if query.segment in (None, one.segment)], arms=arms)


@router.post("/bandit/policy/{segment}/enable", needs=Role.OPERATOR, errors=ASKING)
async def enable_bandit(path: SegmentPath, body: Change | None, caller: Caller, owners: Owners) -> BanditView:
    """Let the bandit order the gateways of this segment."""
    return await switch(path, True, body, caller, owners)


@router.post("/bandit/policy/{segment}/disable", needs=Role.OPERATOR, errors=ASKING)
async def disable_bandit(path: SegmentPath, body: Change | None, caller: Caller, owners: Owners) -> BanditView:
    """Back to the policy that orders everything else. What was learnt stays."""
    return await switch(path, False, body, caller, owners)


async def switch(path: SegmentPath, enabled: bool, body: Change | None, caller: Caller, owners: Owners) -> BanditView:
    reason = (body or Change()).reason
    return await owners.ask(SetBandit(segment=path.segment, enabled=enabled, actor=caller.name, reason=reason), BanditView)
