"""Stripe's answers, as its documentation has them."""

from shared.gateways import HttpResponse
from shared.gateways.stripe_codes import CODES
from tests.domain.codecs import REFERENCE, Speaker, answer
from tests.domain.stand import AMOUNT

METADATA = {"reference": REFERENCE, "operation": "charge"}


def intent(**more: object) -> dict[str, object]:
    own = {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": AMOUNT.amount_minor,
        "amount_received": AMOUNT.amount_minor,
        "amount_capturable": 0,
        "currency": AMOUNT.currency.lower(),
        "status": "succeeded",
        "metadata": METADATA,
        "last_payment_error": None,
        "created": 1_767_605_400,
    }
    return {**own, **more}


def failed(code: str, decline_code: str | None = None) -> dict[str, object]:
    error = {"type": "card_error", "code": code, "decline_code": decline_code, "message": "no"}
    return intent(status="requires_payment_method", amount_received=0, last_payment_error=error)


def error(code: object, kind: str = "card_error", **more: object) -> dict[str, object]:
    return {"error": {"type": kind, "code": code, "message": "no", "payment_intent": intent(status="requires_payment_method"), **more}}


def refusal(code: str) -> HttpResponse:
    """The answer that ends in this row of the table."""
    if code.startswith("http_"):
        return answer(int(code.removeprefix("http_")), error(None, "invalid_request_error"))
    if code == "invalid_request_error":
        return answer(400, error(None, code, param="amount"))
    return answer(402, error("card_declined", decline_code=code) if len(code) % 2 else error(code))


def listed(*objects: object, more: bool = False) -> HttpResponse:
    return answer(200, {"object": "search_result", "data": objects, "has_more": more})


ACTION = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://gateway.example/pay"}}
STRIPE = Speaker(
    kind="stripe",
    charge_id="pi_1",
    succeeded=answer(200, intent()),
    another_amount=answer(200, intent(amount_received=1)),
    another_reference=answer(200, intent(metadata={"reference": "another"})),
    requires_action=answer(200, intent(id="pi_1", status="requires_action", next_action=ACTION)),
    refusals={code: refusal(code) for code, row in CODES.items() if row.outcome_class != "unknown"},
    unclear={
        "processing": answer(200, intent(status="processing")),
        "unknown status": answer(200, intent(status="charging")),
        "held, and not charged": answer(200, intent(status="requires_capture")),
        "not confirmed": answer(200, intent(status="requires_payment_method")),
        "no id": answer(200, {key: value for key, value in intent().items() if key != "id"}),
        "no amount": answer(200, intent(amount_received=None)),
        "another object": answer(200, intent(object="charge")),
        "unknown code": answer(402, error("strange")),
        "no code": answer(402, {"error": {}}),
        "code is no text": answer(402, error(["card_declined"])),
        "error is no object": answer(402, {"error": "card_declined"}),
        "an error about another payment": answer(402, error("card_declined", payment_intent=intent(metadata={"reference": "another"}))),
        "a key used before, for something else": answer(400, error(None, "idempotency_error", param="amount")),
        "captured already, perhaps by us": answer(400, error("charge_already_captured", "invalid_request_error")),
        "a key in use": answer(409, error("idempotency_key_in_use", "idempotency_error")),
        "perhaps paid already": answer(400, error("payment_intent_unexpected_state", "invalid_request_error")),
        "Stripe's own trouble": answer(400, error("card_declined", "api_error")),
        "a refusal with a 5xx": answer(500, error("card_declined")),
        "a success with a 5xx": answer(502, intent()),
        "accepted": answer(202, intent()),
    },
    found=listed(intent()),
    found_pending=listed(intent(status="processing")),
    found_failed=listed(failed("card_declined", "insufficient_funds")),
    found_nothing=listed(),
    found_refused_and_succeeded=listed(failed("card_declined"), intent()),
    found_another_reference=listed(intent(metadata={"reference": "another"})),
    unclear_lookups={
        "5xx": answer(503, {"data": []}),
        "not authenticated": answer(401, error(None, "invalid_request_error")),
        "missing, perhaps of another mode": answer(404, error("resource_missing", "invalid_request_error")),
        "no list": answer(200, {"object": "list", "data": {}}),
        "nothing": answer(200, {}),
        "an item that is none": listed("garbage"),
        "a status we do not know": listed(intent(status="charging")),
        "failed with a code we do not know": listed(failed("strange")),
        "a refusal beside garbage": listed(failed("card_declined"), 7),
    },
)
