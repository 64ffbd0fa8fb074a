"""Routes of subscriptions: tokens that payments take, made, added to and switched off by the merchant."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from services.api import subscriptions
from services.api.domain.cursor import CURSOR_CHARS, BadCursor, Place, read_cursor, write_cursor
from services.api.domain.quota import own_id
from services.api.http.access.keys import Merchant
from services.api.http.availability import available
from services.api.http.fields import Text64
from services.api.http.layer import Code, Problem, Reply, Role, Routes, refused
from services.api.http.paying.edge import Edge
from services.api.subscriptions import Subscription
from shared import ids
from shared.clock import new_id, utc_now
from shared.storage.work import AlreadyHandled

router = Routes(tag="subscriptions", description="Tokens that payments take: a quota, exact under any load.")
TOKENS_MAX = 1_000_000_000  # at a time; the sum has 63 bits

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$", examples=["sub_gold_42"])]
Tokens = Annotated[int, Field(le=TOKENS_MAX, strict=True, examples=[100])]


class CreateSubscription(BaseModel):
    """`id` is the merchant's own name of it; without one it gets one."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"id": "sub_gold_42", "plan": "gold", "tokens": 100}]})

    tokens: Annotated[Tokens, Field(ge=0)]
    id: Name | None = None
    customer_id: Text64 | None = None
    plan: Text64 | None = None


class AddTokens(BaseModel):
    model_config = ConfigDict(extra="forbid")

    tokens: Annotated[Tokens, Field(ge=1)]


class Switch(BaseModel):
    model_config = ConfigDict(extra="forbid")

    active: bool


class GrantHeaders(BaseModel):
    idempotency_key: Annotated[
        Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")] | None, Field(alias="Idempotency-Key")
    ] = None


class SubscriptionPath(BaseModel):
    subscription_id: Name


class SubscriptionList(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(max_length=CURSOR_CHARS, description="`next_cursor` of the answer before; empty to begin")] = ""


class SubscriptionView(BaseModel):
    """`tokens` are those that are left."""

    subscription_id: str
    tokens: int
    active: bool
    customer_id: str | None
    plan: str | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, one: Subscription) -> Self:
        return cls(**{name: getattr(one, name) for name in cls.model_fields})


class Subscriptions(BaseModel):
    """Newest first; `next_cursor` is null at the end."""

    items: list[SubscriptionView]
    next_cursor: str | None


AWAY = [Code.TEMPORARILY_UNAVAILABLE]


@router.post(
    "/subscriptions",
    needs=Role.MERCHANT,
    status=201,
    also=[200],
    errors=[Code.CONFLICT, Code.OVERLOADED, *AWAY],
    sends={"Location": "where the subscription is"},
)
async def create_subscription(body: CreateSubscription, caller: Merchant, edge: Edge) -> Reply[SubscriptionView]:
    """Make a subscription with some tokens. 200 where there is one of this id that was made the same."""
    if edge.unit_of_work.overloaded():
        raise Problem(Code.OVERLOADED)
    name, now = body.id or ids.public(ids.SUBSCRIPTION, new_id()), utc_now()
    made = Subscription(
        own_id=own_id(caller.merchant_id, name),
        merchant_id=caller.merchant_id,
        subscription_id=name,
        customer_id=body.customer_id,
        plan=body.plan,
        tokens=body.tokens,
        tokens_first=body.tokens,
        active=True,
        created_at=now,
        updated_at=now,
    )
    status = None
    try:
        with available():
            await edge.unit_of_work.win(subscriptions.claim_of(made))
    except AlreadyHandled:
        known, status = await _find(edge, caller, name), 200
        if (known.customer_id, known.plan, known.tokens_first) != (made.customer_id, made.plan, made.tokens_first):
            raise Problem(Code.CONFLICT, "There is another subscription of this id.") from None
        made = known
    return Reply(SubscriptionView.of(made), status=status, headers={"Location": f"/api/v1/subscriptions/{name}"})


@router.get("/subscriptions", needs=Role.MERCHANT, errors=AWAY)
async def list_subscriptions(query: SubscriptionList, caller: Merchant, edge: Edge) -> Subscriptions:
    """Your subscriptions, newest first."""
    title = f"subscriptions of {caller.merchant_id}"
    sql, named = subscriptions.NEWEST, {"merchant_id": caller.merchant_id, "limit": query.limit + 1}
    if query.cursor:
        try:
            after = read_cursor(query.cursor, of=title, key=edge.fingerprint_key)
        except BadCursor:
            raise refused("query", "cursor", "Give a next_cursor of this list", "cursor") from None
        sql, named = subscriptions.FOLLOWING, named | {"after_at": after.created_at, "after_id": after.item_id}
    with available():
        found = await edge.queries.subscriptions(sql, named)
    shown, more = found[: query.limit], None
    if len(found) > query.limit:
        more = write_cursor(Place(shown[-1].created_at, shown[-1].own_id), of=title, key=edge.fingerprint_key)
    return Subscriptions(items=[SubscriptionView.of(one) for one in shown], next_cursor=more)


@router.get("/subscriptions/{subscription_id}", needs=Role.MERCHANT, errors=AWAY)
async def show_subscription(path: SubscriptionPath, caller: Merchant, edge: Edge) -> SubscriptionView:
    """One subscription and the tokens that are left of it."""
    return SubscriptionView.of(await _find(edge, caller, path.subscription_id))


@router.post(
    "/subscriptions/{subscription_id}/tokens",
    needs=Role.MERCHANT,
    errors=[Code.MISSING_IDEMPOTENCY_KEY, Code.IDEMPOTENCY_KEY_REUSED_WITH_DIFFERENT_PAYLOAD, Code.OVERLOADED, *AWAY],
    sends={"Idempotent-Replayed": "`true` where the key had been used for this"},
)
async def add_tokens(
    path: SubscriptionPath, body: AddTokens, headers: GrantHeaders, caller: Merchant, edge: Edge
) -> Reply[SubscriptionView]:
    """Add tokens, once a key."""
    if headers.idempotency_key is None:
        raise Problem(Code.MISSING_IDEMPOTENCY_KEY, "Adding tokens needs an Idempotency-Key.")
    if edge.unit_of_work.overloaded():
        raise Problem(Code.OVERLOADED)
    found, more = await _find(edge, caller, path.subscription_id), {}
    grant = subscriptions.grant_of(found, headers.idempotency_key, body.tokens)
    try:
        with available():
            await edge.unit_of_work.win(grant, lambda work: subscriptions.add(work, found.own_id, body.tokens))
    except AlreadyHandled:
        with available():
            granted = await edge.queries.granted(grant.row["grant_id"])
        if granted != body.tokens:
            raise Problem(Code.IDEMPOTENCY_KEY_REUSED_WITH_DIFFERENT_PAYLOAD) from None
        more = {"Idempotent-Replayed": "true"}
    return Reply(SubscriptionView.of(await _find(edge, caller, path.subscription_id)), headers=more)


@router.patch("/subscriptions/{subscription_id}", needs=Role.MERCHANT, errors=[Code.OVERLOADED, *AWAY])
async def switch_subscription(path: SubscriptionPath, body: Switch, caller: Merchant, edge: Edge) -> SubscriptionView:
    """Switch a subscription off or on. One that is off gives no token; what its payments took still comes back to it."""
    if edge.unit_of_work.overloaded():
        raise Problem(Code.OVERLOADED)
    found = await _find(edge, caller, path.subscription_id)
    with available():
        await edge.unit_of_work.apply(lambda work: subscriptions.switch(work, found.own_id, body.active))
    return SubscriptionView.of(await _find(edge, caller, path.subscription_id))


async def _find(edge: Edge, caller: Merchant, subscription_id: str) -> Subscription:
    """Another merchant's is as unknown as one that never was."""
    with available():
        found = await edge.queries.subscription(caller.merchant_id, subscription_id)
    if found is None:
        raise Problem(Code.NOT_FOUND, "There is no such subscription.")
    return found
