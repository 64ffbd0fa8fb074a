"""Stripe's errors: what each refusal of the sandbox is called there, with which status."""

from typing import Any, NamedTuple

import orjson
from aiohttp import web

from deploy.sandbox.answers import json_answer


class Decline(NamedTuple):
    code: str
    decline_code: str | None
    message: str
    status: int = 402
    type: str = "card_error"


_NO = "Your card was declined."
DECLINES = {
    "card_declined": Decline("card_declined", "generic_decline", _NO),
    "insufficient_funds": Decline("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    "incorrect_pin": Decline("card_declined", "incorrect_pin", _NO),
    "expired_card": Decline("expired_card", "expired_card", "Your card has expired."),
    "suspected_fraud": Decline("card_declined", "fraudulent", _NO),
    "issuer_unavailable": Decline("card_declined", "issuer_not_available", _NO),
    "gateway_error_not_charged": Decline("processing_error", "processing_error", "An error occurred while processing your card."),
    "account_suspended": Decline("account_invalid", None, "This account cannot make live charges.", 403, "invalid_request_error"),
    "lost_card": Decline("card_declined", "lost_card", _NO),
    "stolen_card": Decline("card_declined", "stolen_card", _NO),
    "incorrect_cvc": Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect."),
    "processing_error": Decline("processing_error", "processing_error", "An error occurred while processing your card."),
    "card_velocity_exceeded": Decline("card_declined", "card_velocity_exceeded", _NO),
    "incorrect_number": Decline("incorrect_number", None, "Your card number is incorrect."),
    "authentication_failed": Decline("payment_intent_authentication_failure", None, "The payer was not authenticated.", 400),
}
SUMS = {
    "capture_exceeds_authorized": ("amount_too_large", "amount_to_capture", "The requested capture amount is greater than what is left."),
    "refund_exceeds_captured": ("amount_too_large", "amount", "Refund amount is greater than the unrefunded amount of the charge."),
    "not_capturable": ("payment_intent_unexpected_state", None, "This PaymentIntent could not be captured in its state."),
    "not_voidable": ("payment_intent_unexpected_state", None, "This PaymentIntent could not be canceled in its state."),
    "not_refundable": ("charge_not_refundable", None, "This PaymentIntent has no successful charge to refund."),
}


def declined(code: str | None) -> Decline:
    return DECLINES.get(code or "", DECLINES["card_declined"])


def decline_body(decline: Decline, **more: Any) -> dict[str, Any]:
    error: dict[str, Any] = {
        "type": decline.type,
        "code": decline.code,
        "message": decline.message,
        "doc_url": f"https://docs.stripe.com/error-codes#{decline.code.replace('_', '-')}",
    }
    return error | ({"decline_code": decline.decline_code} if decline.decline_code else {}) | more


class StripeError(web.HTTPException):
    """Raised from any handler: `{"error": {type, message, code, param …}}`."""

    def __init__(self, status: int, error: dict[str, Any]) -> None:
        self.status_code = status
        super().__init__(text=orjson.dumps({"error": error}).decode(), content_type="application/json")


def invalid(message: str, *, code: str | None = None, param: str | None = None, status: int = 400) -> StripeError:
    error = {"type": "invalid_request_error", "message": message, "code": code, "param": param}
    return StripeError(status, {name: value for name, value in error.items() if value is not None})


def missing(kind: str, object_id: str) -> StripeError:
    return invalid(f"No such {kind}: '{object_id[:60]}'", code="resource_missing", param="id", status=404)


def unpayable(code: str) -> StripeError:
    """What the sums do not allow."""
    theirs, param, message = SUMS[code]
    return invalid(message, code=theirs, param=param)


def rate_limited(headers: dict[str, str]) -> web.Response:
    error = {"type": "invalid_request_error", "code": "rate_limit", "message": "Too many requests hit the API too quickly."}
    return json_answer({"error": error}, 429, headers)
