"""Stripe's wire format: form-encoded requests, `Idempotency-Key`, two steps for a charge.

A search by our reference (`metadata`) lags up to a minute behind, so a charge is an unconfirmed PaymentIntent first: its id, once known,
always answers. A capture has no name of its own at Stripe; it leaves `metadata[capture_<attempt>]` on its PaymentIntent.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

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
    NotFound,
    Page,
    Pending,
    Prepared,
    Refused,
    Unclear,
    Unsupported,
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
    recent,
    seconds_around,
    signed,
    target_of,
    text,
    weightiest,
)
from shared.gateways.stripe_codes import CODES
from shared.gateways.stripe_objects import capture_mark, finding_of, listed_of, operation_in, refused_of, state_of, unlisted_of

PAGE = 100


class StripeCodec:
    codes: Codes = CODES
    operations: frozenset[Operation] = OPERATIONS
    replay_window_s: int = 300

    def captures(self, account: Account) -> Captures:
        return "several" if account.multicapture else "partial"

    def prepare(self, account: Account, attempt: Attempt) -> HttpRequest | None:
        if attempt.operation not in ("charge", "authorize"):
            return None
        return _post(account, "payment_intents", self._intent(account, attempt), key=f"{attempt.attempt_id}:intent")

    def read_prepared(self, response: HttpResponse, attempt: Attempt) -> Prepared | Refused:
        body = json_object(response.body)
        intent_id = text(body.get("id"))
        if response.status == 200 and intent_id and inner(body, "metadata").get("reference") == str(attempt.attempt_id):
            return Prepared(intent_id)
        return (refused_of(response.status, body) if 400 <= response.status < 500 else None) or Refused(NOT_PREPARED)

    def execute(self, account: Account, attempt: Attempt, instrument: Mapping[str, Any], prepared: str | None = None) -> HttpRequest:
        """Without `prepared` a charge is made in one step, and is found by search only."""
        ours, amount = str(attempt.attempt_id), attempt.amount.amount_minor
        match attempt.operation:
            case "charge" | "authorize":
                paid_with = _card(attempt, instrument) | ({"return_url": account.return_url} if account.return_url else {})
                if prepared:
                    return _post(account, f"payment_intents/{quote(prepared, safe='')}/confirm", paid_with, key=ours)
                return _post(account, "payment_intents", self._intent(account, attempt) | paid_with | {"confirm": "true"}, key=ours)
            case "capture":
                capture: dict[str, object] = {"amount_to_capture": amount, f"metadata[{capture_mark(attempt)}]": amount}
                capture |= {"final_capture": "false"} if account.multicapture else {}
                return _post(account, f"payment_intents/{target_of(attempt)}/capture", capture, key=ours)
            case "void":
                return _post(account, f"payment_intents/{target_of(attempt)}/cancel", {}, key=ours)
            case "refund":
                target_of(attempt)
                refund = {"payment_intent": attempt.target_reference, "amount": amount} | _metadata(attempt)
                return _post(account, "refunds", refund, key=ours)
            case "link":
                return _post(account, "checkout/sessions", self._session(account, attempt), key=ours)

    def _intent(self, account: Account, attempt: Attempt) -> dict[str, object]:
        manual = attempt.operation == "authorize"
        intent = {
            "amount": attempt.amount.amount_minor,
            "currency": attempt.amount.currency.lower(),
            "payment_method_types[0]": "card",
            "capture_method": "manual" if manual else "automatic",
        }
        several = {"payment_method_options[card][request_multicapture]": "if_available"} if manual and account.multicapture else {}
        return intent | several | _metadata(attempt)

    def _session(self, account: Account, attempt: Attempt) -> dict[str, object]:
        price = "line_items[0][price_data]"
        session = {
            "mode": "payment",
            "client_reference_id": str(attempt.attempt_id),
            "line_items[0][quantity]": 1,
            f"{price}[currency]": attempt.amount.currency.lower(),
            f"{price}[unit_amount]": attempt.amount.amount_minor,
            f"{price}[product_data][name]": "Payment",
        }
        back = {"success_url": account.return_url} if account.return_url else {}
        return session | back | _metadata(attempt) | _metadata(attempt, "payment_intent_data[metadata]")

    def read(self, response: HttpResponse, attempt: Attempt) -> Answer:
        body = json_object(response.body)
        if 400 <= response.status < 500:
            return refused_of(response.status, body, attempt) or Unclear(
                f"{response.status} without a code we know", unlisted=unlisted_of(response.status, body, attempt)
            )
        if response.status != 200:
            return Unclear(f"status {response.status}")
        match found := finding_of(body, attempt):
            case Pending(reference=str() as reference) if attempt.operation == "link":
                return ActionRequired(reference, text(body.get("url")))
            case Pending(reference=str() as reference) if body.get("status") == "requires_action":
                return ActionRequired(reference, text(inner(body, "next_action", "redirect_to_url").get("url")))
            case Pending(reference=known):
                return Unclear("accepted, not finished", known)
            case NotFound():
                return Unclear("answered, and not done", text(body.get("id")))
        return found

    def lookup(self, account: Account, attempt: Attempt, known: str | None = None) -> HttpRequest:
        id_ = quote(known or "", safe="")
        match attempt.operation:
            case "charge" | "authorize" | "link" if id_.startswith("pi_"):
                return _get(account, f"payment_intents/{id_}")
            case "link" if id_.startswith("cs_"):
                return _get(account, f"checkout/sessions/{id_}")
            case "charge" | "authorize" | "link":
                query = f"metadata['reference']:'{attempt.attempt_id}'"
                return _get(account, "payment_intents/search", {"query": query, "limit": PAGE})
            case "refund":
                target_of(attempt)
                return _get(account, "refunds", {"payment_intent": attempt.target_reference, "limit": PAGE})
            case _:
                return _get(account, f"payment_intents/{target_of(attempt)}")

    def read_lookup(self, response: HttpResponse, attempt: Attempt) -> Finding:
        body = json_object(response.body)
        if response.status != 200:
            return Unclear(f"status {response.status}")
        items = body.get("data") if body.get("object") in ("list", "search_result") else [body]
        if not isinstance(items, list):
            return Unclear("unreadable answer")
        objects = [inner(item) for item in items]
        if attempt.operation == "refund":  # all refunds of the payment: others than ours are no surprise
            mine = [one for one in objects if inner(one, "metadata").get("reference") == str(attempt.attempt_id)]
            if not mine and (body.get("has_more") is not False or not all(objects)):
                return Unclear("not among the refunds that could be read, and there may be more")
            objects = mine
        return weightiest(finding_of(one, attempt) for one in objects) or NotFound()

    def list_made(self, account: Account, what: What, window: Window, cursor: str | None = None) -> HttpRequest:
        first, last = seconds_around(window.start, window.end)
        asked: dict[str, object] = {"created[gte]": first, "created[lte]": last, "limit": PAGE}
        path = "payment_intents" if what == "charge" else "refunds"
        return _get(account, path, asked | ({"starting_after": cursor} if cursor else {}))

    def read_list(self, response: HttpResponse, cursor: str | None = None) -> Page | Unclear:
        """PaymentIntents that nobody ever tried to pay are no charges: they are left out."""
        body = json_object(response.body)
        items = listed(response.status, body.get("data"), listed_of)
        if isinstance(items, Unclear):
            return items
        tried = tuple(one for one in items if not isinstance(one.finding, NotFound))
        return Page(tried, items[-1].gateway_reference if body.get("has_more") is True and items else None)

    def verify_webhook(self, account: Account, headers: Mapping[str, str], body: bytes, now_s: float) -> None:
        """`Stripe-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`, several v1 while a secret is rotated."""
        parts = [part.strip().partition("=") for part in header(headers, "Stripe-Signature").split(",")]
        at = next((value for name, _, value in parts if name == "t"), "")
        if not recent(at, now_s, self.replay_window_s):
            raise Unverified("the time in Stripe-Signature is not within five minutes of now")
        if not signed(account.webhook_secrets(), f"{at}.".encode() + body, [value for name, _, value in parts if name == "v1"]):
            raise Unverified("Stripe-Signature is not this account's")

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> Heard | None:
        message = json_object(body)
        event, event_id, entity = text(message.get("type")), text(message.get("id")), inner(message, "data", "object")
        if not event or not event_id or entity.get("object") not in ("payment_intent", "refund", "checkout.session"):
            return None
        reference, operation = text(inner(entity, "metadata").get("reference")), operation_in(entity)
        return Heard(event_id, event, reference, operation, state_of(entity, operation or "charge"))


CODEC = StripeCodec()


def _authorized(account: Account) -> dict[str, str]:
    return {"Authorization": f"Bearer {account.api_key}"}


def _post(account: Account, path: str, form: Mapping[str, object], *, key: str) -> HttpRequest:
    headers = _authorized(account) | {"Idempotency-Key": key, "Content-Type": "application/x-www-form-urlencoded"}
    return HttpRequest("POST", f"{account.base_url}/v1/{path}", headers, urlencode(form).encode())


def _get(account: Account, path: str, query: Mapping[str, object] | None = None) -> HttpRequest:
    asked = f"?{urlencode(query)}" if query else ""
    return HttpRequest("GET", f"{account.base_url}/v1/{path}{asked}", _authorized(account))


def _metadata(attempt: Attempt, where: str = "metadata") -> dict[str, object]:
    """What we write on every object, and read back from it."""
    return {f"{where}[reference]": str(attempt.attempt_id), f"{where}[operation]": attempt.operation}


def _card(attempt: Attempt, instrument: Mapping[str, Any]) -> dict[str, object]:
    if attempt.method != "CARD" or "number" not in instrument:
        raise Unsupported(f"{attempt.method} is not taken at Stripe by this codec: cards and links are")
    card = "payment_method_data[card]"
    names = {"number": "number", "expiry_month": "exp_month", "expiry_year": "exp_year", "cvv": "cvc"}
    form: dict[str, object] = {f"{card}[{theirs}]": instrument[ours] for ours, theirs in names.items() if ours in instrument}
    name = {"payment_method_data[billing_details][name]": instrument["name"]} if instrument.get("name") else {}
    return {"payment_method_data[type]": "card"} | form | name
