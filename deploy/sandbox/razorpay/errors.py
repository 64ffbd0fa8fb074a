"""Razorpay's errors: what each refusal of the sandbox is called there."""

from typing import Any, NamedTuple

import orjson
from aiohttp import web

from deploy.sandbox.answers import json_answer


class Failure(NamedTuple):
    reason: str
    source: str
    step: str
    description: str


AUTHENTICATION, AUTHORIZATION, INITIATION = "payment_authentication", "payment_authorization", "payment_initiation"
FAILURES = {
    "card_declined": Failure("card_declined", "issuer_bank", AUTHORIZATION, "Your payment has been declined by the bank."),
    "insufficient_funds": Failure("insufficient_funds", "customer", AUTHORIZATION, "The account does not have enough funds."),
    "incorrect_pin": Failure("incorrect_pin", "customer", AUTHENTICATION, "The PIN was not correct."),
    "expired_card": Failure("card_expired", "customer", AUTHORIZATION, "The card has expired."),
    "suspected_fraud": Failure("payment_risk_check_failed", "business", AUTHORIZATION, "The payment was blocked by a risk check."),
    "issuer_unavailable": Failure("bank_not_available", "issuer_bank", INITIATION, "The bank is not available."),
    "gateway_error_not_charged": Failure("gateway_technical_error", "gateway", INITIATION, "The payment could not be started."),
    "account_suspended": Failure("merchant_not_active", "business", INITIATION, "Your account is not active."),
}
UPI_DECLINED = Failure("payment_declined", "customer", AUTHORIZATION, "The payment was declined.")
SUMS = {
    "capture_exceeds_authorized": "Capture amount must be equal to the amount authorized",
    "not_capturable": "This payment has already been captured",
    "refund_exceeds_captured": "The total refund amount is greater than the refund payment amount",
    "not_refundable": "The payment status should be captured for action to be taken",
    "not_voidable": "The requested URL was not found on the server.",
    "unknown_charge": "The id provided does not exist",
}


def failure(code: str | None, method: str) -> dict[str, Any]:
    """The error of a payment that was refused with one of the sandbox's codes."""
    found = UPI_DECLINED if code == "card_declined" and method == "UPI" else FAILURES.get(code or "", FAILURES["card_declined"])
    return {"code": "BAD_REQUEST_ERROR", **found._asdict()}


def error_body(description: str, *, reason: str = "NA", field: str | None = None, code: str = "BAD_REQUEST_ERROR") -> dict[str, Any]:
    source, step = ("business", INITIATION) if reason != "NA" else ("NA", "NA")
    error = {"code": code, "description": description, "source": source, "step": step, "reason": reason, "metadata": {}}
    return {"error": error if field is None else error | {"field": field}}


class RazorpayError(web.HTTPException):
    """Raised from any handler."""

    def __init__(self, status: int, description: str, *, reason: str = "NA", field: str | None = None) -> None:
        self.status_code = status
        super().__init__(text=orjson.dumps(error_body(description, reason=reason, field=field)).decode(), content_type="application/json")


def rate_limited(headers: dict[str, str]) -> web.Response:
    return json_answer(error_body("Too many requests. Please try after some time."), 429, headers)
