"""Razorpay's answers, as its documentation has them."""

from shared.gateways import HttpResponse
from shared.gateways.razorpay_codes import CODES, DESCRIPTIONS
from tests.domain.codecs import REFERENCE, Speaker, answer
from tests.domain.stand import AMOUNT

NOTES = {"reference": REFERENCE, "operation": "charge"}


def payment(**more: object) -> dict[str, object]:
    own = {
        "id": "pay_1",
        "entity": "payment",
        "amount": AMOUNT.amount_minor,
        "currency": AMOUNT.currency,
        "status": "captured",
        "order_id": "order_1",
        "captured": True,
        "notes": NOTES,
        "created_at": 1_767_605_400,
    }
    return {**own, **more}


def failed(reason: object, step: str = "payment_authorization") -> dict[str, object]:
    told = {"error_code": "BAD_REQUEST_ERROR", "error_description": "no", "error_reason": reason, "error_step": step}
    return payment(status="failed", captured=False, **told)


def error(reason: object, **more: object) -> dict[str, object]:
    own = {"code": "BAD_REQUEST_ERROR", "description": "no", "source": "customer", "step": "payment_authorization", "reason": reason}
    return {"error": {**own, "metadata": {"payment_id": "pay_1", "order_id": "order_1"}, **more}}


def refusal(code: str) -> HttpResponse:
    """The answer that ends in this row of the table."""
    if code.startswith("http_"):
        return answer(int(code.removeprefix("http_")), error("NA"))
    reason, _, step = code.partition("@")
    described = next((beginning for beginning, known in DESCRIPTIONS.items() if known == code), None)
    if described:
        return answer(400, error("NA", description=described + "."))
    return answer(400, error(reason, **({"step": step} if step else {})))


def items(*entities: object) -> HttpResponse:
    return answer(200, {"entity": "collection", "count": len(entities), "items": entities})


def order(*payments: object, receipt: str = REFERENCE) -> dict[str, object]:
    return {"id": "order_1", "entity": "order", "receipt": receipt, "payments": {"entity": "collection", "items": payments}}


RAZORPAY = Speaker(
    kind="razorpay",
    charge_id="pay_1",
    prepared="order_1",
    succeeded=None,
    another_amount=None,
    another_reference=None,
    requires_action=answer(
        200,
        {
            "razorpay_payment_id": "pay_1",
            "next": [{"action": "otp_generate", "url": "x"}, {"action": "redirect", "url": "https://gateway.example/pay"}],
        },
    ),
    refusals={code: refusal(code) for code, row in CODES.items() if row.outcome_class != "unknown"},
    unclear={
        "accepted, and no word of where to": answer(200, {"razorpay_payment_id": "pay_1"}),
        "a reason we do not know": answer(400, error("strange")),
        "may yet be authorised": answer(400, error("payment_timed_out")),
        "the gateway broke down midway": answer(400, error("gateway_technical_error")),
        "could not begin, and no word of where": answer(400, error("gateway_technical_error", step=None)),
        "no reason": answer(400, {"error": {"code": "BAD_REQUEST_ERROR"}}),
        "no error": answer(429, {}),
        "reason is no text": answer(400, error(["card_declined"])),
        "paid already, perhaps by us": answer(400, error("NA", description="Payment already done for this order.")),
        "a refusal with a 5xx": answer(502, error("card_declined")),
        "a payment instead": answer(200, payment()),
    },
    found=items(order(payment())),
    found_pending=items(order(payment(status="created", captured=False))),
    found_failed=items(order(failed("insufficient_funds"))),
    found_nothing=items(order()),
    found_refused_and_succeeded=items(order(failed("insufficient_funds"), payment())),
    found_another_reference=items(order(payment(), receipt="another")),
    unclear_lookups={
        "5xx": answer(503, {"items": []}),
        "not authenticated": answer(401, error("NA")),
        "no list": answer(200, {"items": {}}),
        "no items": answer(200, {}),
        "an item that is none": items("garbage"),
        "a payment of another reference": items(payment(notes={"reference": "another"})),
        "a payment without notes": items(payment(notes=[])),
        "a status we do not know": items(payment(status="charging")),
        "failed, and may yet be authorised": items(failed("payment_timed_out")),
        "an order without readable payments": items(order() | {"payments": {"items": 7}}),
    },
)
