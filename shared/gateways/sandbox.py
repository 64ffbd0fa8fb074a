"""The sandbox gateway's wire format: `deploy/sandbox` answers it."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from shared.accounts import Account
from shared.contracts import Attempt, Operation
from shared.gateways.codec import (
    NOT_PREPARED,
    ActionRequired,
    Answer,
    Captures,
    Codes,
    Finding,
    Heard,
    HttpRequest,
    HttpResponse,
    Listed,
    NotFound,
    Page,
    Pending,
    Prepared,
    Refused,
    Succeeded,
    Unclear,
    Unverified,
    What,
    Window,
)
from shared.gateways.reading import (
    OPERATIONS,
    header,
    inner,
    json_object,
    listed,
    operation_of,
    recent,
    refused,
    target_of,
    text,
    took,
    unlisted,
    weightiest,
)
from shared.gateways.sandbox_codes import CODES

PATHS: dict[Operation, str] = {"charge": "charges", "authorize": "charges", "link": "links"}  # all others follow a charge: moves


class SandboxCodec:
    codes: Codes = CODES
    operations: frozenset[Operation] = OPERATIONS
    replay_window_s: int = 300

    def captures(self, account: Account) -> Captures:
        return "several"

    def prepare(self, account: Account, attempt: Attempt) -> HttpRequest | None:
        return None  # its searches by reference are consistent

    def read_prepared(self, response: HttpResponse, attempt: Attempt) -> Prepared | Refused:
        return Refused(NOT_PREPARED)

    def execute(self, account: Account, attempt: Attempt, instrument: Mapping[str, Any], prepared: str | None = None) -> HttpRequest:
        order: dict[str, Any] = {
            "reference": str(attempt.attempt_id),
            "operation": attempt.operation,
            "amount_minor": attempt.amount.amount_minor,
            "currency": attempt.amount.currency,
            "method": attempt.method,
        }
        if attempt.operation in ("charge", "authorize"):
            order["instrument"] = dict(instrument)
        path = PATHS.get(attempt.operation) or f"charges/{target_of(attempt)}/{attempt.operation}"
        headers = _authorized(account) | {"Idempotency-Key": str(attempt.attempt_id), "Content-Type": "application/json"}
        return HttpRequest("POST", f"{account.base_url}/v1/{path}", headers, orjson.dumps(order))

    def read(self, response: HttpResponse, attempt: Attempt) -> Answer:
        body = json_object(response.body)
        if 400 <= response.status < 500:
            return _refused(body) or Unclear(
                f"{response.status} without a code we know", unlisted=unlisted(CODES, response.status, inner(body, "error").get("code"))
            )
        if response.status != 200:
            return Unclear(f"status {response.status}")
        match found := _one(body, str(attempt.attempt_id)):
            case Pending(reference=str() as reference) if body.get("status") in ("requires_action", "open"):
                return ActionRequired(reference, text(body.get("action_url")))
            case Pending(reference=known):
                return Unclear("accepted, not finished", known)
        return found

    def lookup(self, account: Account, attempt: Attempt, known: str | None = None) -> HttpRequest:
        path = PATHS.get(attempt.operation, "moves")
        if known and path == "charges":
            return HttpRequest("GET", f"{account.base_url}/v1/charges/{quote(known, safe='')}", _authorized(account))
        return HttpRequest("GET", f"{account.base_url}/v1/{path}?reference={attempt.attempt_id}", _authorized(account))

    def read_lookup(self, response: HttpResponse, attempt: Attempt) -> Finding:
        body = json_object(response.body)
        if response.status == 404 and inner(body, "error").get("code") == "unknown_charge":
            return NotFound()
        if response.status != 200:
            return Unclear(f"status {response.status}")
        items = body.get("items", [body])
        if not isinstance(items, list):
            return Unclear("unreadable answer")
        return weightiest(_one(inner(item), str(attempt.attempt_id)) for item in items) or NotFound()

    def list_made(self, account: Account, what: What, window: Window, cursor: str | None = None) -> HttpRequest:
        asked = {"from": window.start.isoformat(), "to": window.end.isoformat()} | ({"cursor": cursor} if cursor else {})
        path = "charges?" if what == "charge" else "moves?operation=refund&"
        return HttpRequest("GET", f"{account.base_url}/v1/{path}{urlencode(asked)}", _authorized(account))

    def read_list(self, response: HttpResponse, cursor: str | None = None) -> Page | Unclear:
        body = json_object(response.body)
        items = listed(response.status, body.get("items"), _listed)
        return items if isinstance(items, Unclear) else Page(items, text(body.get("next_cursor")))

    def verify_webhook(self, account: Account, headers: Mapping[str, str], body: bytes, now_s: float) -> None:
        """Standard Webhooks: base64 HMAC-SHA256 of `id.timestamp.body`."""
        webhook_id, at = header(headers, "webhook-id"), header(headers, "webhook-timestamp")
        if not recent(at, now_s, self.replay_window_s):
            raise Unverified("webhook-timestamp is not within five minutes of now")
        given = [one.partition(",")[2].encode() for one in header(headers, "webhook-signature").split(" ") if one.startswith("v1,")]
        message = f"{webhook_id}.{at}.".encode() + body
        for secret in account.webhook_secrets():
            expected = base64.b64encode(hmac.digest(_key(secret), message, "sha256"))
            if any(hmac.compare_digest(expected, one) for one in given):
                return
        raise Unverified("no signature is this account's")

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> Heard | None:
        message = json_object(body)
        event, data = text(message.get("type")), inner(message, "data")
        event_id, reference = text(message.get("id")), text(data.get("reference"))
        if not event or not event_id or not reference:
            return None
        return Heard(event_id, event, reference, operation_of(data.get("operation")), _one(data, reference))


CODEC = SandboxCodec()


def _authorized(account: Account) -> dict[str, str]:
    return {"Authorization": f"Bearer {account.api_key}"}


def _key(secret: str) -> bytes:
    """Raises Unverified for what is no `whsec_` secret: with it nobody's signature could be told from anybody's."""
    plain = secret.removeprefix("whsec_")
    try:
        key = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise Unverified("the account's webhook_secret is no whsec_ secret")
    return key


def _one(body: Mapping[str, Any], ours: str) -> Succeeded | Refused | Pending | Unclear:
    """A charge, a move or a link, if it is the one of our reference."""
    reference, status = text(body.get("id")), body.get("status")
    if not reference:
        return Unclear("unreadable answer")
    if body.get("reference") != ours:
        return Unclear("an answer about another reference than ours")
    match status:
        case "succeeded" | "authorized" | "paid":
            return took(text(body.get("charge_id")) or reference if status == "paid" else reference, *_amount(body))
        case "failed" | "cancelled":
            code = "link_cancelled" if status == "cancelled" else body.get("code")
            unknown = Unclear(f"failed with code {code!r}, which we do not know", reference)
            return refused(CODES, code, body.get("message"), reference) or unknown
        case "requires_action" | "pending" | "open":
            return Pending(reference)
        case _:
            return Unclear(f"status {status!r}", reference)


def _amount(body: Mapping[str, Any]) -> tuple[object, object]:
    return body.get("amount_minor"), body.get("currency")


def _refused(body: Mapping[str, Any]) -> Refused | None:
    error = inner(body, "error")
    return refused(CODES, error.get("code"), error.get("message"), text(error.get("charge_id")))


def _listed(body: Mapping[str, Any]) -> Listed | None:
    reference, known = text(body.get("reference")), text(body.get("id"))
    try:
        created_at = datetime.fromisoformat(str(body.get("created_at")))
    except ValueError:
        return None
    if not known or created_at.tzinfo is None:
        return None
    what: What = "refund" if body.get("operation") == "refund" else "charge"
    return Listed(reference, known, _one(body, reference or ""), created_at, what)
