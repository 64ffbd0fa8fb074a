"""Routes of captures, voids and refunds."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.api.http.access.keys import Merchant
from services.api.http.availability import available
from services.api.http.layer import Code, Lead, Problem, Reply, Role, Routes
from services.api.http.paying.payments import CreateHeaders, PaymentPath
from services.api.http.paying.teller import Done, Teller, Wish
from shared import ids
from shared.contracts import AMOUNT_MAX
from shared.public import OperationView, PaymentView

router = Routes(tag="money", description="Capture what is authorized, let it go, give it back.")
REFUSED = [
    Code.MISSING_IDEMPOTENCY_KEY,
    Code.IDEMPOTENCY_KEY_REUSED_WITH_DIFFERENT_PAYLOAD,
    Code.OVERLOADED,
    Code.TEMPORARILY_UNAVAILABLE,
]
LEADS = [Lead("payment_id", at="/payment/payment_id")]
SENDS = {"Location": "where the payment is", "Idempotent-Replayed": "`true` where the key had been used for this same wish"}


class Part(BaseModel):
    """`amount` is in minor units; without it, all that is left."""

    model_config = ConfigDict(extra="forbid")

    amount: Annotated[Annotated[int, Field(gt=0, le=AMOUNT_MAX, strict=True)] | None, Field(examples=[20000])] = None


class Capture(Part):
    final: Annotated[bool, Field(description="nothing will be captured after this: what is left is let go")] = False


class Refund(Part):
    reason: Annotated[str, Field(min_length=1, max_length=255)] | None = None


class Void(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=255)] | None = None


class MoneyAnswer(BaseModel):
    """`operation` is null where there was nothing left to do."""

    operation: OperationView | None
    payment: PaymentView


class Refunds(BaseModel):
    """Of one payment, oldest first."""

    payment_id: str
    items: list[OperationView]


class Operations(BaseModel):
    """Captures, voids, refunds and reversals of one payment, oldest first."""

    payment_id: str
    items: list[OperationView]


def _is_refund_id(text: str) -> str:
    ids.private(ids.REFUND, text)
    return text


class RefundPath(BaseModel):
    refund_id: Annotated[str, AfterValidator(_is_refund_id), Field(examples=["rfnd_02UwR5cXq1ZbT4rJvYkN8s"])]

    @property
    def uuid(self) -> UUID:
        return ids.private(ids.REFUND, self.refund_id)


@router.post(
    "/payments/{payment_id}/capture",
    needs=Role.MERCHANT,
    status=201,
    also=[200],
    errors=[*REFUSED, Code.PAYMENT_NOT_CAPTURABLE, Code.AMOUNT_EXCEEDS_CAPTURABLE],
    sends=SENDS,
    leads=LEADS,
)
async def capture_payment(
    path: PaymentPath, body: Capture | None, headers: CreateHeaders, caller: Merchant, teller: Teller
) -> Reply[MoneyAnswer]:
    """Take what was authorized, or a part of it. 200 where all of it had been captured before."""
    asked = body or Capture()
    return await answer(Wish("capture", path.uuid, asked.amount, final=asked.final), headers, caller, teller)


@router.post(
    "/payments/{payment_id}/void",
    needs=Role.MERCHANT,
    status=201,
    errors=[*REFUSED, Code.PAYMENT_NOT_VOIDABLE],
    sends=SENDS,
    leads=LEADS,
)
async def void_payment(
    path: PaymentPath, body: Void | None, headers: CreateHeaders, caller: Merchant, teller: Teller
) -> Reply[MoneyAnswer]:
    """Let go of what is authorized and not captured."""
    return await answer(Wish("void", path.uuid, reason=body.reason if body else None), headers, caller, teller)


@router.post(
    "/payments/{payment_id}/refunds",
    needs=Role.MERCHANT,
    status=201,
    errors=[*REFUSED, Code.PAYMENT_NOT_REFUNDABLE, Code.AMOUNT_EXCEEDS_REFUNDABLE],
    sends=SENDS,
    leads=[*LEADS, Lead("refund_id", at="/operation/id")],
)
async def refund_payment(
    path: PaymentPath, body: Refund | None, headers: CreateHeaders, caller: Merchant, teller: Teller
) -> Reply[MoneyAnswer]:
    """Give money back: all that is left, or a part."""
    asked = body or Refund()
    return await answer(Wish("refund", path.uuid, asked.amount, reason=asked.reason), headers, caller, teller)


@router.get("/payments/{payment_id}/refunds", needs=Role.MERCHANT, errors=[Code.TEMPORARILY_UNAVAILABLE])
async def list_refunds(path: PaymentPath, caller: Merchant, teller: Teller) -> Refunds:
    """Every refund of a payment, whatever became of it."""
    every = await list_operations(path, caller, teller)
    return Refunds(payment_id=path.payment_id, items=[one for one in every.items if one.kind == "refund"])


@router.get("/payments/{payment_id}/operations", needs=Role.MERCHANT, errors=[Code.TEMPORARILY_UNAVAILABLE])
async def list_operations(path: PaymentPath, caller: Merchant, teller: Teller) -> Operations:
    """Every capture, void, refund and reversal of a payment, whatever became of it."""
    payment = (await teller.standing(caller, path.uuid)).snapshot
    with available():
        found = await teller.edge.queries.operations(caller.merchant_id, path.uuid)
    return Operations(payment_id=path.payment_id, items=[OperationView.of(one.snapshot, payment) for one in found])


@router.get("/refunds/{refund_id}", needs=Role.MERCHANT, errors=[Code.TEMPORARILY_UNAVAILABLE])
async def show_refund(path: RefundPath, caller: Merchant, teller: Teller) -> OperationView:
    """One refund as it is now."""
    done = await teller.find(caller, path.uuid)
    if done.operation is None or done.operation.kind != "refund":
        raise Problem(Code.NOT_FOUND, "There is no such refund.")
    return OperationView.of(done.operation.snapshot, done.payment.snapshot)


async def answer(wish: Wish, headers: CreateHeaders, caller: Merchant, teller: Teller) -> Reply[MoneyAnswer]:
    done: Done = await teller.move(wish, caller, headers.idempotency_key)
    done = await teller.outcome(caller, done, headers.wait_s(caller.answer_wait_s))
    payment = PaymentView.of(done.payment.snapshot)
    more = {"Location": payment.links.self, **({"Idempotent-Replayed": "true"} if done.replayed else {})}
    operation = OperationView.of(done.operation.snapshot, done.payment.snapshot) if done.operation else None
    return Reply(MoneyAnswer(operation=operation, payment=payment), status=None if operation else 200, headers=more)
