"""Routes of webhook endpoints: where a merchant, or the operators, want to be told, and of what."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.api.http.change import NO_REASON, Change, Reason, Why
from services.api.http.fields import Time
from services.api.http.layer import Caller, Code, Reply, Role, Routes
from services.api.http.owners import ASKING, Owners
from shared.clock import utc_now
from shared.contracts import OPERATORS
from shared.contracts.questions import (
    ChangeEndpoint,
    CreateEndpoint,
    DeleteEndpoint,
    DeliveryView,
    EndpointView,
    ListEndpoints,
    ReplayDeliveries,
    ReplayedView,
    RotateSecret,
    SecretView,
    ShowEndpoint,
    TryEndpoint,
)
from shared.letter import Letterbox

router = Routes(tag="webhook endpoints", description="Where webhooks go, what they are signed with, and which of them are sent again.")
EITHER = (Role.MERCHANT, Role.OPERATOR)
MISSING = (*ASKING, Code.NOT_FOUND)

Url = Annotated[str, Field(min_length=1, max_length=500, examples=["https://shop.example/hooks"], description="https, a public host")]
Description = Annotated[str, Field(max_length=200)]
Events = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=64)], ...],
    Field(max_length=50, examples=[["payment.*", "refund.failed"]], description="types to hear, `payment.*` all of a noun; none: all"),
]
Ordered = Annotated[bool, Field(description="a payment's events one after another, the next once the one before has arrived or is parked")]


class NewEndpoint(Change):
    url: Url
    events: Events = ()
    description: Description = ""
    ordered: Ordered = False


class EndpointChange(Change):
    """What is left out stays."""

    url: Url | None = None
    events: Events | None = None
    description: Description | None = None
    ordered: Ordered | None = None
    enabled: Annotated[bool, Field(description="while it is not, what is owed to it is kept as skipped")] | None = None


class Rotation(Change):
    overlap_s: Annotated[int, Field(ge=0, le=604_800, description="how long the old secret signs as well, in seconds")] = 86_400


class EndpointPath(BaseModel):
    endpoint_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=["we_02UwR5cXq1ZbT4rJvYkN8s"])]


class Replay(BaseModel):
    model_config = ConfigDict(extra="forbid")

    since: Annotated[Time, Field(description="owed then or later; with its zone")]
    until: Annotated[Time | None, Field(description="owed before then; now, where it is left out")] = None
    state: Annotated[Literal["delivered", "parked", "skipped"] | None, Field(description="only these; all of them otherwise")] = None
    reason: Reason = NO_REASON


class Endpoints(BaseModel):
    items: list[EndpointView]


class EndpointWithSecret(EndpointView):
    """`secret` is shown this once: keep it."""

    secret: str


class Trial(BaseModel):
    """`delivery_id` is the `webhook-id`; `GET /webhooks/deliveries/{delivery_id}` shows what became of it."""

    delivery_id: UUID
    endpoint_id: str
    type: str


class Replayed(BaseModel):
    """`continue_from`: there was more than one call takes; it is the next one's `since`."""

    deliveries: int
    continue_from: datetime | None


def whose(caller: Caller) -> str:
    return OPERATORS if caller.role is Role.OPERATOR else caller.merchant_id


def who(caller: Caller) -> str:
    """For the audit, which is of all merchants."""
    return caller.name if caller.role is Role.OPERATOR else f"{caller.merchant_id}/{caller.name}"


def with_secret(found: SecretView, letterbox: Letterbox) -> EndpointWithSecret:
    return EndpointWithSecret(**found.endpoint.model_dump(), secret=letterbox.open(found.secret_letter))


@router.post(
    "/webhook-endpoints", needs=EITHER, status=201, errors=[*ASKING, Code.CONFLICT], sends={"Location": "where the endpoint is found"}
)
async def create_webhook_endpoint(body: NewEndpoint, caller: Caller, owners: Owners) -> Reply[EndpointWithSecret]:
    """Have webhooks sent somewhere. The answer has the secret they are signed with, once."""
    letterbox = Letterbox()
    question = CreateEndpoint(merchant_id=whose(caller), letterbox=letterbox.address, actor=who(caller), **body.model_dump())
    made = with_secret(await owners.ask(question, SecretView), letterbox)
    return Reply(made, headers={"Location": f"/api/v1/webhook-endpoints/{made.endpoint_id}"})


@router.get("/webhook-endpoints", needs=EITHER, errors=ASKING)
async def list_webhook_endpoints(caller: Caller, owners: Owners) -> Endpoints:
    """Your endpoints, the oldest first. Operators see the operators'."""
    return Endpoints(items=await owners.ask(ListEndpoints(merchant_id=whose(caller)), list[EndpointView]))


@router.get("/webhook-endpoints/{endpoint_id}", needs=EITHER, errors=MISSING)
async def show_webhook_endpoint(path: EndpointPath, caller: Caller, owners: Owners) -> EndpointView:
    """One endpoint, and since when it fails."""
    return await owners.ask(ShowEndpoint(merchant_id=whose(caller), endpoint_id=path.endpoint_id), EndpointView)


@router.patch("/webhook-endpoints/{endpoint_id}", needs=EITHER, errors=MISSING)
async def change_webhook_endpoint(path: EndpointPath, body: EndpointChange, caller: Caller, owners: Owners) -> EndpointView:
    """Change where it lies, what it hears, or whether it does."""
    question = ChangeEndpoint(merchant_id=whose(caller), endpoint_id=path.endpoint_id, actor=who(caller), **body.model_dump())
    return await owners.ask(question, EndpointView)


@router.delete("/webhook-endpoints/{endpoint_id}", needs=EITHER, errors=MISSING)
async def delete_webhook_endpoint(path: EndpointPath, query: Why, caller: Caller, owners: Owners) -> None:
    """Send nothing there any more. What is due to it is skipped; the log of its deliveries stays."""
    question = DeleteEndpoint(merchant_id=whose(caller), endpoint_id=path.endpoint_id, actor=who(caller), reason=query.reason)
    await owners.ask(question, EndpointView)


@router.post("/webhook-endpoints/{endpoint_id}/rotate-secret", needs=EITHER, errors=MISSING)
async def rotate_webhook_secret(path: EndpointPath, body: Rotation | None, caller: Caller, owners: Owners) -> EndpointWithSecret:
    """A new secret, shown once. Until the overlap ends every delivery is signed with both."""
    letterbox, rotation = Letterbox(), (body or Rotation()).model_dump()
    question = RotateSecret(
        merchant_id=whose(caller), endpoint_id=path.endpoint_id, letterbox=letterbox.address, actor=who(caller), **rotation
    )
    return with_secret(await owners.ask(question, SecretView), letterbox)


@router.post("/webhook-endpoints/{endpoint_id}/test", needs=EITHER, status=202, errors=[*MISSING, Code.CONFLICT])
async def try_webhook_endpoint(path: EndpointPath, caller: Caller, owners: Owners) -> Trial:
    """Have a `webhook.test` sent there at once, whatever it filters."""
    question = TryEndpoint(merchant_id=whose(caller), endpoint_id=path.endpoint_id, actor=who(caller))
    delivery = await owners.ask(question, DeliveryView)
    return Trial(delivery_id=delivery.delivery_id, endpoint_id=delivery.endpoint_id, type=delivery.type)


@router.post("/webhook-endpoints/{endpoint_id}/enable", needs=EITHER, errors=MISSING)
async def enable_webhook_endpoint(path: EndpointPath, body: Change | None, caller: Caller, owners: Owners) -> EndpointView:
    """Send there again from now on; how it failed is forgotten. What was skipped meanwhile can be replayed."""
    reason = (body or Change()).reason
    question = ChangeEndpoint(merchant_id=whose(caller), endpoint_id=path.endpoint_id, enabled=True, actor=who(caller), reason=reason)
    return await owners.ask(question, EndpointView)


@router.post("/webhook-endpoints/{endpoint_id}/replay", needs=EITHER, status=202, errors=[*MISSING, Code.CONFLICT])
async def replay_webhooks(path: EndpointPath, query: Replay, caller: Caller, owners: Owners) -> Replayed:
    """Have everything of a time sent again, 10000 deliveries a call at most, each under the `webhook-id` that it had."""
    question = ReplayDeliveries(
        merchant_id=whose(caller),
        endpoint_id=path.endpoint_id,
        since=query.since,
        until=query.until or utc_now(),
        states=(query.state,) if query.state else (),
        actor=who(caller),
        reason=query.reason,
    )
    found = await owners.ask(question, ReplayedView)
    return Replayed(deliveries=found.deliveries, continue_from=found.continue_from)
