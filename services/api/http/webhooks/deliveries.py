"""Routes of deliveries: what was sent to webhook endpoints, what they answered, and that it be sent again."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.api.domain.cursor import CURSOR_CHARS, BadCursor, Place, read_cursor, write_cursor
from services.api.http.change import Change
from services.api.http.fields import Time
from services.api.http.layer import Caller, Code, Problem, Role, Routes, refused
from services.api.http.owners import ASKING, Owners
from services.api.http.paying.edge import Edge
from services.api.http.webhooks.endpoints import EITHER, MISSING, who
from shared import ids
from shared.contracts.questions import DeliveryDetail, DeliveryTry, DeliveryView, ListDeliveries, RetryDelivery, ShowDelivery
from shared.contracts.questions.notifier import DeliveryState

router = Routes(tag="webhook deliveries", description="What was sent to webhook endpoints, every try of it, and what they answered.")

PaymentId = Annotated[str, AfterValidator(lambda text: ids.public(ids.PAYMENT, ids.private(ids.PAYMENT, text)))]


class DeliveriesQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    merchant_id: Annotated[str | None, Field(max_length=64, description="whose; operators see everybody's where it is left out")] = None
    endpoint_id: Annotated[str | None, Field(max_length=64)] = None
    payment_id: Annotated[PaymentId | None, Field(examples=["pay_02UwR5cXq1ZbT4rJvYkN8s"])] = None
    type: Annotated[str | None, Field(max_length=64, examples=["payment.succeeded"])] = None
    state: DeliveryState | None = None
    since: Annotated[Time | None, Field(alias="from", description="owed then or later; with its zone")] = None
    until: Annotated[Time | None, Field(alias="to", description="owed before then; with its zone")] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[
        str | None, Field(max_length=CURSOR_CHARS, description="`next_cursor` of the answer before, same filters; empty to begin")
    ] = None

    def asked(self, merchant_id: str | None) -> ListDeliveries:
        chosen = self.model_dump(include={"endpoint_id", "type", "state", "since", "until"})
        payment = ids.private(ids.PAYMENT, self.payment_id) if self.payment_id else None
        return ListDeliveries(merchant_id=merchant_id, payment_id=payment, limit=self.limit + 1, **chosen)


class Delivery(BaseModel):
    """`delivery_id` is the `webhook-id` of every try. `merchant_id` is whose endpoint it is, `@operators` for operators' own.
    `next_try_at` null: none by itself."""

    delivery_id: UUID
    merchant_id: str
    event_id: UUID
    endpoint_id: str
    payment_id: str | None
    type: str
    state: DeliveryState
    reason: str | None
    tries: int
    created_at: datetime
    next_try_at: datetime | None


class Deliveries(BaseModel):
    """`next_cursor` is null at the end."""

    items: list[Delivery]
    next_cursor: str | None


class WholeDelivery(Delivery):
    """`body` is what is sent, to the byte. `attempts` are the latest hundred; `status` null: no answer came, for `error`. To operators
    a merchant's `body` and every `response` are null."""

    body: str | None
    attempts: list[DeliveryTry]


class DeliveryPath(BaseModel):
    delivery_id: UUID


def whose(caller: Caller, named: str | None = None) -> str | None:
    """None for an operator who names nobody: everybody's. Raises Problem(FORBIDDEN) where a merchant names another."""
    if caller.role is Role.OPERATOR:
        return named
    if named not in (None, caller.merchant_id):
        raise Problem(Code.FORBIDDEN, "merchant_id names another merchant than the key's.")
    return caller.merchant_id


def shown(one: DeliveryView) -> dict[str, Any]:
    payment = ids.public(ids.PAYMENT, one.payment_id) if one.payment_id else None
    return one.model_dump() | {"payment_id": payment}


@router.get("/webhooks/deliveries", needs=EITHER, errors=ASKING)
async def list_deliveries(query: DeliveriesQuery, caller: Caller, edge: Edge, owners: Owners) -> Deliveries:
    """What was sent to your endpoints, or is to be, newest first. Operators see everybody's."""
    asked = query.asked(whose(caller, query.merchant_id))
    title = f"deliveries {asked.model_dump_json(exclude={'limit', 'before'})}"
    if query.cursor:
        asked = asked.model_copy(update={"before": _place(query.cursor, of=title, key=edge.fingerprint_key)})
    found = await owners.ask(asked, list[DeliveryView])
    cursor = None
    if len(found) > query.limit:
        last = found[query.limit - 1]
        cursor = write_cursor(Place(last.created_at, last.delivery_id), of=title, key=edge.fingerprint_key)
    return Deliveries(items=[Delivery(**shown(one)) for one in found[: query.limit]], next_cursor=cursor)


@router.get("/webhooks/deliveries/{delivery_id}", needs=EITHER, errors=MISSING)
async def show_delivery(path: DeliveryPath, caller: Caller, owners: Owners) -> WholeDelivery:
    """One delivery with its body, and every try: when, how long it took, what came back."""
    found = await owners.ask(ShowDelivery(merchant_id=whose(caller), delivery_id=path.delivery_id), DeliveryDetail)
    return WholeDelivery(**shown(found))


@router.post("/webhooks/{delivery_id}/retry", needs=EITHER, status=202, errors=[*MISSING, Code.CONFLICT])
async def retry_delivery(path: DeliveryPath, body: Change | None, caller: Caller, owners: Owners) -> Delivery:
    """Have a delivery sent at once, whatever became of it, and by the whole schedule again if that fails."""
    reason = (body or Change()).reason
    question = RetryDelivery(merchant_id=whose(caller), delivery_id=path.delivery_id, actor=who(caller), reason=reason)
    return Delivery(**shown(await owners.ask(question, DeliveryView)))


def _place(cursor: str, *, of: str, key: bytes) -> tuple[datetime, UUID]:
    try:
        place = read_cursor(cursor, of=of, key=key)
    except BadCursor:
        raise refused("query", "cursor", "Give a next_cursor of a list with these filters", "cursor") from None
    return place.created_at, place.item_id
