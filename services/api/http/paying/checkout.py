"""Routes of a page that sells: a publishable key and an order buy a short-lived secret, and that secret opens this one order."""

from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from services.api.domain import tokens
from services.api.domain.orders import OrderStatus
from services.api.http.access.keys import CHECKOUT, Payer, Shop
from services.api.http.availability import available
from services.api.http.layer import Client, Code, Problem, Reply, Role, Routes
from services.api.http.paying.bodies import CreatePayment, Paid
from services.api.http.paying.edge import Edge
from services.api.http.paying.orders import OrderId, method_of
from services.api.http.paying.payments import CreateHeaders
from services.api.orders import Order
from shared import ids
from shared.clock import utc_now
from shared.contracts import Method, PaymentSnapshot, Status
from shared.public import PaymentError

router = Routes(tag="checkout", description="What a browser may do: pay one order, and see how that went.")
SESSION = timedelta(minutes=15)
AWAY = [Code.TEMPORARILY_UNAVAILABLE]


class OpenCheckout(BaseModel):
    model_config = ConfigDict(extra="forbid")

    order_id: OrderId


class PageHeaders(BaseModel):
    origin: Annotated[str | None, Field(alias="Origin", description="the page's, as its browser sends it", max_length=255)] = None


class CheckoutOrder(BaseModel):
    """What a payer may know of an order: not its metadata, nor whose it is."""

    order_id: str
    merchant: str = Field(description="the merchant's name")
    status: OrderStatus
    amount: int = Field(description="minor units")
    currency: str
    expires_at: datetime

    @classmethod
    def of(cls, order: Order, merchant: str) -> "CheckoutOrder":
        return cls(
            order_id=order.public_id,
            merchant=merchant,
            status=order.status(utc_now()),
            amount=order.amount.amount_minor,
            currency=order.amount.currency,
            expires_at=order.expires_at,
        )


class CheckoutSession(BaseModel):
    """`client_secret` is sent as `X-Client-Secret`, beside the key, until `expires_at`."""

    client_secret: str
    expires_at: datetime
    order: CheckoutOrder


class PayOrder(Paid):
    """How the order is paid. Everything else is the merchant's to say."""

    model_config = ConfigDict(
        extra="forbid",
        cache_strings="keys",
        json_schema_extra={"examples": [{"method": "UPI", "instrument": {"type": "UPI", "vpa": "success@sandbox"}}]},
    )


class CheckoutPayment(BaseModel):
    """What a payer may know of a payment."""

    payment_id: str
    status: Status
    amount: int = Field(description="minor units")
    currency: str
    method: Method
    instrument: str | None = Field(None, description="masked")
    payment_url: str | None = Field(None, description="where the payer goes on, while the status is `requires_action`")
    error: PaymentError | None = None
    sequence: int
    updated_at: datetime

    @classmethod
    def of(cls, payment: PaymentSnapshot) -> "CheckoutPayment":
        return cls(
            payment_id=ids.public(ids.PAYMENT, payment.payment_id),
            status=payment.status,
            amount=payment.amount.amount_minor,
            currency=payment.amount.currency,
            method=payment.method,
            instrument=payment.instrument,
            payment_url=payment.payment_url,
            error=PaymentError.model_validate(payment.error) if payment.error else None,
            sequence=payment.sequence,
            updated_at=payment.updated_at,
        )


@router.post("/checkout/sessions", needs=Role.PUBLISHABLE, status=201, errors=[Code.NOT_FOUND, Code.ORDER_EXPIRED, *AWAY], browsers=True)
async def open_checkout(body: OpenCheckout, headers: PageHeaders, caller: Shop, edge: Edge) -> CheckoutSession:
    """Open an order to the page that shows it.

    The page's origin must be one of the merchant's `allowed_origins`. The secret ends after 15 minutes, and with the order where nobody
    has begun to pay it.
    """
    if headers.origin not in caller.allowed_origins:
        raise Problem(Code.FORBIDDEN, "The key's merchant does not sell on pages of this origin.")
    order, now = await edge.order(caller, ids.private(ids.ORDER, body.order_id)), utc_now()
    status = order.status(now)
    if status == "expired":
        raise Problem(Code.ORDER_EXPIRED)
    expires_at = min(now + SESSION, order.expires_at) if status == "created" else now + SESSION
    claims = {"key": caller.key_id, "order": str(order.order_id)}
    secret = tokens.mint(tokens.key_of(edge.fingerprint_key), CHECKOUT, claims, expires_at=expires_at)
    return CheckoutSession(client_secret=secret, expires_at=expires_at, order=CheckoutOrder.of(order, caller.name))


@router.get("/checkout/order", needs=Role.PAYER, errors=AWAY, browsers=True)
async def show_checkout_order(caller: Payer, edge: Edge) -> CheckoutOrder:
    """The order of this client secret, as it is now."""
    return CheckoutOrder.of(await edge.order(caller, caller.order_id), caller.name)


@router.post(
    "/checkout/payment",
    needs=Role.PAYER,
    status=201,
    errors=[
        Code.IDEMPOTENCY_KEY_REUSED_WITH_DIFFERENT_PAYLOAD,
        Code.ORDER_HAS_LIVE_PAYMENT,
        Code.ORDER_EXPIRED,
        Code.VELOCITY_EXCEEDED,
        Code.OVERLOADED,
        *AWAY,
    ],
    sends={"Idempotent-Replayed": "`true` where this payment had been made before"},
    browsers=True,
)
async def pay_order(body: PayOrder, headers: CreateHeaders, caller: Payer, client: Client, edge: Edge) -> Reply[CheckoutPayment]:
    """Pay the order of this client secret, with its amount.

    An order has one payment at a time: the same again is that payment, another way of paying follows only one that came to nothing. An
    Idempotency-Key is not needed, and is apart from those of the merchant's servers.
    """
    order = await edge.order(caller, caller.order_id)
    payment = CreatePayment.model_construct(
        method=method_of(body),
        instrument=body.instrument,
        order_id=order.public_id,
        amount=order.amount.amount_minor,
        currency=order.amount.currency,
        customer_id=order.customer_id,
        customer_ip=ip_address(client.ip) if client.ip else None,  # who calls is the payer, not a shop's server
    )
    try:
        accepted = await edge.accept(payment, caller, await key_of(headers.idempotency_key, order, edge), address=client.ip)
    except Problem as problem:
        if problem.code is Code.IDEMPOTENCY_KEY_REUSED_WITH_DIFFERENT_PAYLOAD and headers.idempotency_key is None:
            raise Problem(Code.ORDER_HAS_LIVE_PAYMENT) from None
        raise
    outcome = await edge.outcome(caller, accepted.payment, headers.wait_s(caller.answer_wait_s))
    return Reply(CheckoutPayment.of(outcome), headers={"Idempotent-Replayed": "true"} if accepted.replayed else {})


@router.get("/checkout/payment", needs=Role.PAYER, errors=[Code.NOT_FOUND, *AWAY], browsers=True)
async def show_checkout_payment(caller: Payer, edge: Edge) -> CheckoutPayment:
    """The payment of this client secret's order: the one that lives, or the last."""
    order = await edge.order(caller, caller.order_id)
    if order.payment_id is None:
        raise Problem(Code.NOT_FOUND, "Nobody has begun to pay this order.")
    return CheckoutPayment.of(await edge.show(caller, order.payment_id))


async def key_of(given: str | None, order: Order, edge: Edge) -> str:
    """Under the order's name, so that no browser can use up a key that the merchant's servers mean to use."""
    if given is not None:
        return f"checkout:{order.public_id}:{given}"
    with available():
        dead = await edge.queries.dead_payments_of_order(order.merchant_id, order.public_id)
    return f"checkout:{order.public_id}#{dead + 1}"
