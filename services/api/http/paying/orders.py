"""Routes of orders: what is to be paid first, and by what afterwards."""

from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field

from services.api import orders
from services.api.domain.orders import OrderStatus
from services.api.http.access.keys import Merchant
from services.api.http.availability import available
from services.api.http.fields import Currency, Text64
from services.api.http.layer import Client, Code, Lead, Problem, Reply, Role, Routes
from services.api.http.paying.bodies import CreatePayment, Initiate, Metadata, Paid
from services.api.http.paying.edge import Edge
from services.api.http.paying.payments import PAYMENT, CreateHeaders, created
from services.api.orders import Order
from shared import ids
from shared.clock import new_id, utc_now
from shared.contracts import AMOUNT_MAX, Method, Money, Status
from shared.public import PaymentView

router = Routes(tag="orders", description="Fix an amount first, and pay it once.")
ORDER_TTL = timedelta(minutes=15)


class CreateOrder(BaseModel):
    """`reference` is the merchant's own name of the order: one order of a name."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"amount": 45000, "currency": "INR", "customer_id": "u1"}]})

    amount: Annotated[
        Annotated[int, Field(gt=0, le=AMOUNT_MAX, strict=True)], Field(validation_alias=AliasChoices("amount", "amount_minor"))
    ]
    currency: Currency | None = None
    customer_id: Annotated[Text64 | None, Field(validation_alias=AliasChoices("customer_id", "user_id"))] = None
    reference: Text64 | None = None
    merchant_id: Text64 | None = None
    metadata: Metadata = {}


class OrderView(BaseModel):
    order_id: str = Field(examples=["ord_02UwR5cXq1ZbT4rJvYkN8s"])
    status: OrderStatus
    amount: int = Field(description="minor units")
    currency: str
    reference: str | None = None
    customer_id: str | None = None
    payment_id: str | None = Field(None, description="the live payment, or the last")
    payment_status: Status | None = None
    metadata: dict[str, Any] = {}
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, order: Order) -> "OrderView":
        return cls(
            order_id=order.public_id,
            status=order.status(utc_now()),
            amount=order.amount.amount_minor,
            currency=order.amount.currency,
            reference=order.reference,
            customer_id=order.customer_id,
            payment_id=ids.public(ids.PAYMENT, order.payment_id) if order.payment_id else None,
            payment_status=order.payment_status,
            metadata=order.metadata,
            created_at=order.created_at,
            expires_at=order.expires_at,
        )


def _is_order_id(text: str) -> str:
    ids.private(ids.ORDER, text)
    return text


OrderId = Annotated[str, AfterValidator(_is_order_id), Field(examples=["ord_02UwR5cXq1ZbT4rJvYkN8s"])]


class OrderPath(BaseModel):
    order_id: OrderId

    @property
    def uuid(self) -> UUID:
        return ids.private(ids.ORDER, self.order_id)


class InitiatePayment(Initiate):
    """Pays an order: its amount and currency are the payment's. Without an instrument the payer is sent to `payment_url`."""

    model_config = ConfigDict(
        extra="forbid",
        cache_strings="keys",
        json_schema_extra={"examples": [{"order_id": "ord_02UwR5cXq1ZbT4rJvYkN8s", "method": "UPI"}]},
    )

    order_id: OrderId


@router.post(
    "/orders",
    needs=Role.MERCHANT,
    status=201,
    also=[200],
    errors=[Code.CONFLICT, Code.OVERLOADED, Code.TEMPORARILY_UNAVAILABLE],
    sends={"Location": "where the order is"},
    leads=[Lead("order_id", at="/order_id"), Lead("order_id", at="/order_id", to="initiate_payment")],
)
async def create_order(body: CreateOrder, caller: Merchant, edge: Edge) -> Reply[OrderView]:
    """Fix what is to be paid. Moves no money. 200 where there is an order of this reference already, and it says the same."""
    if body.merchant_id is not None and body.merchant_id != caller.merchant_id:
        raise Problem(Code.FORBIDDEN, "merchant_id names another merchant than the key's.")
    if edge.unit_of_work.overloaded():
        raise Problem(Code.OVERLOADED)
    now = utc_now()
    order = Order(
        order_id=new_id(),
        merchant_id=caller.merchant_id,
        reference=body.reference,
        amount=Money(amount_minor=body.amount, currency=body.currency or caller.currency),
        customer_id=body.customer_id,
        metadata=body.metadata,
        created_at=now,
        expires_at=now + ORDER_TTL,
    )
    known = await _known(order, edge)
    if known is None:
        try:
            with available():
                await edge.unit_of_work.apply(lambda work: orders.insert_order(work, order))
        except Exception as error:
            if orders.REFERENCE_INDEX not in str(error) or (known := await _known(order, edge)) is None:
                raise
    view = OrderView.of(known or order)
    return Reply(view, status=200 if known else None, headers={"Location": f"/api/v1/orders/{view.order_id}"})


async def _known(order: Order, edge: Edge) -> Order | None:
    """The order of this reference. Raises Problem where it is about something else."""
    if order.reference is None:
        return None
    with available():
        known = await edge.queries.order_of_reference(order.merchant_id, order.reference)
    if known and (known.amount, known.customer_id, known.metadata) != (order.amount, order.customer_id, order.metadata):
        raise Problem(Code.CONFLICT, "There is another order of this reference.")
    return known


@router.get("/orders/{order_id}", needs=Role.MERCHANT, errors=[Code.TEMPORARILY_UNAVAILABLE])
async def show_order(path: OrderPath, caller: Merchant, edge: Edge) -> OrderView:
    """One order as it is now, with the payment that is being made of it, or the last."""
    return OrderView.of(await edge.order(caller, path.uuid))


@router.post(
    "/payments/initiate",
    needs=Role.MERCHANT,
    status=201,
    errors=[
        Code.NOT_FOUND,
        Code.MISSING_IDEMPOTENCY_KEY,
        Code.IDEMPOTENCY_KEY_REUSED_WITH_DIFFERENT_PAYLOAD,
        Code.ORDER_HAS_LIVE_PAYMENT,
        Code.ORDER_EXPIRED,
        Code.QUOTA_EXHAUSTED,
        Code.VELOCITY_EXCEEDED,
        Code.BAD_GATEWAY,
        Code.OVERLOADED,
        Code.TEMPORARILY_UNAVAILABLE,
    ],
    sends={"Location": "where the payment is", "Idempotent-Replayed": "`true` where the key had been used for this same order"},
    leads=[PAYMENT],
)
async def initiate_payment(
    body: InitiatePayment, headers: CreateHeaders, caller: Merchant, client: Client, edge: Edge
) -> Reply[PaymentView]:
    """Pay an order. It has one payment at a time: another follows only one that came to nothing."""
    order = await edge.order(caller, ids.private(ids.ORDER, body.order_id))
    wish = body.model_dump(exclude={"instrument", "vpa", "order_id"}) | {"instrument": body.instrument, "order_id": body.order_id}
    wish["method"] = method_of(body)
    payment = CreatePayment.model_construct(
        **wish, amount=order.amount.amount_minor, currency=order.amount.currency, customer_id=order.customer_id
    )
    accepted = await edge.accept(payment, caller, headers.idempotency_key, address=client.ip)
    outcome = await edge.outcome(caller, accepted.payment, headers.wait_s(caller.answer_wait_s))
    return created(outcome, replayed=accepted.replayed)


def method_of(paid: Paid) -> Method:
    """Who is to be asked for an instrument is sent to `payment_url`."""
    return "PAYMENT_LINK" if paid.instrument is None and paid.method in ("UPI", "CARD") else paid.method
