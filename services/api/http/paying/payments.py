"""Routes of payments."""

import re
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field

from services.api.http.access.keys import Merchant
from services.api.http.layer import Client, Code, Lead, Problem, Reply, Role, Routes
from services.api.http.paying.bodies import CreatePayment
from services.api.http.paying.edge import Edge
from shared import ids
from shared.contracts import PaymentSnapshot
from shared.public import PaymentView

router = Routes(tag="payments", description="Create payments and follow them.")
PAYMENT = Lead("payment_id", at="/payment_id")
WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,4})", re.IGNORECASE)
WAIT_MAX_S = 30


def _is_payment_id(text: str) -> str:
    ids.private(ids.PAYMENT, text)
    return text


class PaymentPath(BaseModel):
    payment_id: Annotated[str, AfterValidator(_is_payment_id), Field(examples=["pay_02UwR5cXq1ZbT4rJvYkN8s"])]

    @property
    def uuid(self) -> UUID:
        return ids.private(ids.PAYMENT, self.payment_id)


class CreateHeaders(BaseModel):
    idempotency_key: Annotated[
        Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")] | None, Field(alias="Idempotency-Key")
    ] = None
    prefer: Annotated[
        Annotated[str, Field(max_length=200)] | None,
        Field(alias="Prefer", description="`wait=N`: answer with the outcome, after N s at most (RFC 7240)"),
    ] = None

    def wait_s(self, default_s: float) -> float:
        found = WAIT.search(self.prefer or "")
        return min(float(found.group(1)), WAIT_MAX_S) if found else default_s


class Ping(BaseModel):
    ok: bool


@router.post(
    "/payments",
    needs=Role.MERCHANT,
    status=201,
    errors=[
        Code.MISSING_IDEMPOTENCY_KEY,
        Code.IDEMPOTENCY_KEY_REUSED_WITH_DIFFERENT_PAYLOAD,
        Code.QUOTA_EXHAUSTED,
        Code.VELOCITY_EXCEEDED,
        Code.NOT_FOUND,  # of one of our own orders, and so are the next three
        Code.CONFLICT,
        Code.ORDER_HAS_LIVE_PAYMENT,
        Code.ORDER_EXPIRED,
        Code.BAD_GATEWAY,
        Code.OVERLOADED,
        Code.TEMPORARILY_UNAVAILABLE,
    ],
    sends={"Location": "where the payment is", "Idempotent-Replayed": "`true` where the key had been used for this same order"},
    leads=[PAYMENT],
)
async def create_payment(body: CreatePayment, headers: CreateHeaders, caller: Merchant, client: Client, edge: Edge) -> Reply[PaymentView]:
    """Accept a payment.

    201 means that it is stored and will be carried out, not that it has succeeded: follow it by webhook, `GET` or `Prefer: wait=N`.
    The same Idempotency-Key with the same order answers with the same payment, however often and from whichever replica.
    """
    accepted = await edge.accept(body, caller, headers.idempotency_key, address=client.ip)
    payment = await edge.outcome(caller, accepted.payment, headers.wait_s(caller.answer_wait_s))
    return created(payment, replayed=accepted.replayed)


def created(payment: PaymentSnapshot, *, replayed: bool) -> Reply[PaymentView]:
    """Who waited for a link and got none has nowhere to send the payer: Problem(BAD_GATEWAY). Other failures are the payer's news."""
    view = PaymentView.of(payment)
    if payment.method == "PAYMENT_LINK" and payment.status == "failed":
        error = view.error.model_dump() if view.error else None
        raise Problem(Code.BAD_GATEWAY, "No gateway has made a payment link.", {"payment_id": view.payment_id, "error": error})
    more = {"Idempotent-Replayed": "true"} if replayed else {}
    return Reply(view, headers={"Location": view.links.self, **more})


@router.get("/payments/ping", needs=Role.PUBLIC)
async def ping() -> Ping:
    """Is the edge there?"""
    return Ping(ok=True)


@router.get("/payments/{payment_id}", needs=Role.MERCHANT, errors=[Code.TEMPORARILY_UNAVAILABLE])
async def show_payment(path: PaymentPath, caller: Merchant, edge: Edge) -> PaymentView:
    """One payment as it is now."""
    return PaymentView.of(await edge.show(caller, path.uuid))


@router.get("/payments/{payment_id}/show", needs=Role.MERCHANT, errors=[Code.TEMPORARILY_UNAVAILABLE])
async def show_payment_again(path: PaymentPath, caller: Merchant, edge: Edge) -> PaymentView:
    """One payment as it is now, under an older address."""
    return await show_payment(path, caller, edge)
