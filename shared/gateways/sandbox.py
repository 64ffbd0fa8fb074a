"""The sandbox gateway's wire format: `deploy/sandbox` answers it."""

from collections.abc import Mapping
from typing import Any

import orjson

from shared.accounts import Account
from shared.contracts import Attempt, Money, OutcomeClass, Refusal
from shared.gateways.codec import (
    ActionRequired,
    Answer,
    Finding,
    HttpRequest,
    HttpResponse,
    NotFound,
    Pending,
    Refused,
    Succeeded,
    Unclear,
)

# code → (whose doing it is, may another gateway try). A code that is not here proves nothing.
CODES: dict[str, tuple[OutcomeClass, bool]] = {
    "card_declined": ("user_decline", False),
    "insufficient_funds": ("user_decline", False),
    "incorrect_pin": ("user_decline", False),
    "expired_card": ("user_decline", False),
    "suspected_fraud": ("fraud_block", False),
    "issuer_unavailable": ("issuer_fault", True),
    "gateway_error_not_charged": ("gateway_fault", True),
    "rate_limited": ("gateway_fault", True),
    "account_suspended": ("our_fault", True),
    "unauthenticated": ("our_fault", True),
    "invalid_request": ("our_fault", False),
}


class SandboxCodec:
    def execute(self, account: Account, attempt: Attempt, instrument: Mapping[str, Any]) -> HttpRequest:
        order = {
            "reference": str(attempt.attempt_id),
            "operation": attempt.operation,
            "amount_minor": attempt.amount.amount_minor,
            "currency": attempt.amount.currency,
            "method": attempt.method,
            "instrument": dict(instrument),
        }
        headers = {
            "Authorization": f"Bearer {account.api_key}",
            "Idempotency-Key": str(attempt.attempt_id),
            "Content-Type": "application/json",
        }
        return HttpRequest("POST", f"{account.base_url}/v1/charges", headers, orjson.dumps(order))

    def read(self, response: HttpResponse, attempt: Attempt) -> Answer:
        body = _object(response.body)
        if 400 <= response.status < 500:
            return _refused(body) or Unclear(f"{response.status} without a code we know")
        if response.status != 200:
            return Unclear(f"status {response.status}")
        match found := _charge(body, attempt):
            case Pending(reference=str() as reference) if body.get("status") == "requires_action":
                url = body.get("action_url")
                return ActionRequired(reference, url if isinstance(url, str) else None)
            case Pending(reference=known):
                return Unclear("accepted, not finished", known)
        return found

    def lookup(self, account: Account, attempt: Attempt) -> HttpRequest:
        url = f"{account.base_url}/v1/charges?reference={attempt.attempt_id}"
        return HttpRequest("GET", url, {"Authorization": f"Bearer {account.api_key}"})

    def read_lookup(self, response: HttpResponse, attempt: Attempt) -> Finding:
        if response.status != 200:
            return Unclear(f"status {response.status}")
        items = _object(response.body).get("items")
        if not isinstance(items, list):
            return Unclear("unreadable answer")
        findings = [_charge(item, attempt) if isinstance(item, dict) else Unclear("unreadable answer") for item in items]
        for kind in (Succeeded, Pending, Unclear, Refused):  # what may have moved money outranks what did not
            for finding in findings:
                if isinstance(finding, kind):
                    return finding
        return NotFound()


CODEC = SandboxCodec()


def _object(body: bytes) -> dict[str, Any]:
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _charge(body: Mapping[str, Any], attempt: Attempt) -> Succeeded | Refused | Pending | Unclear:
    reference, status = body.get("id"), body.get("status")
    if not isinstance(reference, str):
        return Unclear("unreadable answer")
    if body.get("reference") != str(attempt.attempt_id):
        return Unclear("an answer about another reference than ours")
    match status:
        case "succeeded" | "authorized":
            try:
                return Succeeded(reference, Money(amount_minor=body["amount_minor"], currency=body["currency"]))
            except (KeyError, ValueError):
                return Unclear("success without a readable amount", reference)
        case "failed":
            code = str(body.get("code", ""))
            return _table(code, str(body.get("message", "")), reference) or Unclear(
                f"failed with code {code!r}, which we do not know", reference
            )
        case "requires_action" | "pending":
            return Pending(reference)
        case _:
            return Unclear(f"status {status!r}", reference)


def _refused(body: Mapping[str, Any]) -> Refused | None:
    error = body.get("error")
    if not isinstance(error, dict):
        return None
    reference = error.get("charge_id")
    return _table(str(error.get("code", "")), str(error.get("message", "")), reference if isinstance(reference, str) else None)


def _table(code: str, message: str, reference: str | None) -> Refused | None:
    if code not in CODES:
        return None
    outcome_class, retryable = CODES[code]
    return Refused(Refusal(code=code, message=message[:200], outcome_class=outcome_class, retryable=retryable), reference)
