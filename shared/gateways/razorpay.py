"""Razorpay's wire format: JSON, HTTP Basic, an order before every payment.

Payments take no idempotency key, so what makes a charge findable is its order: our reference is the order's `receipt`, and
`notes.reference` of order and payment. Refunds have `X-Refund-Idempotency` and a receipt, links a `reference_id` that is unique. A payment
is a payer's action almost always: its answer says where to go, never that money moved.
"""

import base64
from collections.abc import Mapping
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
from shared.gateways.razorpay_codes import CODES
from shared.gateways.razorpay_entities import (
    asked_of_payer,
    finding_of,
    listed_of,
    notes_of,
    operation_in,
    refused_of,
    state_of,
    unlisted_of,
)
from shared.gateways.reading import (
    OPERATIONS,
    header,
    inner,
    json_object,
    listed,
    seconds_around,
    signed,
    target_of,
    text,
    weightiest,
)

THREE_DECIMALS = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}
PAGE = 100
NOBODYS_EMAIL, NOBODYS_CONTACT = "void@razorpay.com", "+919999999999"  # Razorpay's own for payers who left none
ENTITIES = ("payment_link", "refund", "payment")  # of a webhook's payload; the first that is there is what it is about


class RazorpayCodec:
    codes: Codes = CODES
    operations: frozenset[Operation] = OPERATIONS - {"void"}  # an authorisation that nobody captures lapses within five days
    replay_window_s: int | None = None

    def captures(self, account: Account) -> Captures:
        return "whole"

    def prepare(self, account: Account, attempt: Attempt) -> HttpRequest | None:
        if attempt.operation not in ("charge", "authorize"):
            return None
        order = _amount(attempt) | {
            "receipt": str(attempt.attempt_id),
            "payment_capture": attempt.operation == "charge",
            "notes": notes_of(attempt),
        }
        return _post(account, "orders", order)

    def read_prepared(self, response: HttpResponse, attempt: Attempt) -> Prepared | Refused:
        body = json_object(response.body)
        order_id = text(body.get("id"))
        if response.status == 200 and order_id and body.get("receipt") == str(attempt.attempt_id):
            return Prepared(order_id)
        return (refused_of(response.status, body) if 400 <= response.status < 500 else None) or Refused(NOT_PREPARED)

    def execute(self, account: Account, attempt: Attempt, instrument: Mapping[str, Any], prepared: str | None = None) -> HttpRequest:
        ours = str(attempt.attempt_id)
        match attempt.operation:
            case "charge" | "authorize":
                return self._pay(account, attempt, instrument, prepared)
            case "capture":
                return _post(account, f"payments/{target_of(attempt)}/capture", _amount(attempt))
            case "refund":
                refund = {"amount": attempt.amount.amount_minor, "receipt": ours, "notes": notes_of(attempt)}
                return _post(account, f"payments/{target_of(attempt)}/refund", refund, {"X-Refund-Idempotency": ours})
            case "link":
                link = _amount(attempt) | {"reference_id": ours, "notes": notes_of(attempt), "reminder_enable": False}
                back = {"callback_url": account.return_url, "callback_method": "get"} if account.return_url else {}
                return _post(account, "payment_links", link | back)
            case _:
                raise Unsupported("Razorpay voids nothing: an authorisation that is not captured lapses within five days")

    def _pay(self, account: Account, attempt: Attempt, instrument: Mapping[str, Any], order_id: str | None) -> HttpRequest:
        if order_id is None:
            raise Unsupported("a Razorpay payment needs its order: prepare comes first")
        payment: dict[str, Any] = _amount(attempt) | {
            "order_id": order_id,
            "email": instrument.get("email", NOBODYS_EMAIL),
            "contact": instrument.get("contact", NOBODYS_CONTACT),
            "method": attempt.method.lower(),
            "notes": notes_of(attempt),
        }
        if account.return_url:
            payment["callback_url"] = account.return_url
        match attempt.method:
            case "UPI":
                collect = account.upi_flow == "collect" and "vpa" in instrument
                upi = {"flow": "collect", "vpa": instrument["vpa"], "expiry_time": 5} if collect else {"flow": "intent"}
                return _post(account, "payments/create/upi", payment | {"upi": upi})
            case "CARD":
                names = ("number", "name", "expiry_month", "expiry_year", "cvv")
                card = {name: str(instrument[name]) for name in names if name in instrument}
                channel = {"authentication_channel": "browser"}
                return _post(account, "payments/create/json", payment | {"card": card, "authentication": channel})
            case "NETBANKING":
                return _post(account, "payments/create/json", payment | {"bank": instrument.get("bank")})
            case "WALLET":
                return _post(account, "payments/create/json", payment | {"wallet": instrument.get("wallet")})
        raise Unsupported(f"{attempt.method} is no payment of its own")

    def read(self, response: HttpResponse, attempt: Attempt) -> Answer:
        body = json_object(response.body)
        if 400 <= response.status < 500:
            return refused_of(response.status, body) or Unclear(
                f"{response.status} without a reason we know", unlisted=unlisted_of(response.status, body)
            )
        if response.status != 200:
            return Unclear(f"status {response.status}")
        if attempt.operation in ("charge", "authorize"):
            return asked_of_payer(body, attempt)
        match found := finding_of(body, attempt):
            case Pending(reference=str() as reference) if attempt.operation == "link":
                return ActionRequired(reference, text(body.get("short_url")))
            case Pending(reference=known):
                return Unclear("accepted, not finished", known)
            case NotFound():
                return Unclear("answered, and not done")
        return found

    def lookup(self, account: Account, attempt: Attempt, known: str | None = None) -> HttpRequest:
        ours, id_ = str(attempt.attempt_id), quote(known or "", safe="")
        match attempt.operation:
            case "charge" | "authorize" if id_.startswith("pay_"):
                return _get(account, f"payments/{id_}")
            case "charge" | "authorize" if id_.startswith("order_"):
                return _get(account, f"orders/{id_}/payments")
            case "charge" | "authorize":
                return _get(account, "orders", {"receipt": ours, "expand[]": "payments"})
            case "refund":
                return _get(account, f"payments/{target_of(attempt)}/refunds", {"count": PAGE})
            case "link" if id_.startswith("plink_"):
                return _get(account, f"payment_links/{id_}")
            case "link":
                return _get(account, "payment_links", {"reference_id": ours})
            case _:
                return _get(account, f"payments/{target_of(attempt)}")

    def read_lookup(self, response: HttpResponse, attempt: Attempt) -> Finding:
        body = json_object(response.body)
        if response.status != 200:
            return Unclear(f"status {response.status}")
        items = body.get("payment_links") if "payment_links" in body else body.get("items")
        if items is None and "id" in body:
            items = [body]
        if not isinstance(items, list):
            return Unclear("unreadable answer")
        entities = [inner(item) for item in items]
        if attempt.operation == "refund":  # all refunds of the payment: others than ours are no surprise
            mine = [one for one in entities if str(attempt.attempt_id) in (one.get("receipt"), inner(one, "notes").get("reference"))]
            if not mine and (len(entities) >= PAGE or not all(entities)):
                return Unclear("not among the refunds that could be read, and there may be more")
            entities = mine
        return weightiest(finding_of(one, attempt) for one in entities) or NotFound()

    def list_made(self, account: Account, what: What, window: Window, cursor: str | None = None) -> HttpRequest:
        first, last = seconds_around(window.start, window.end)
        return _get(account, "payments" if what == "charge" else "refunds", {"from": first, "to": last, "count": PAGE, "skip": cursor or 0})

    def read_list(self, response: HttpResponse, cursor: str | None = None) -> Page | Unclear:
        """`cursor` is the number of entities before this page."""
        items = listed(response.status, json_object(response.body).get("items"), listed_of)
        if isinstance(items, Unclear):
            return items
        return Page(items, str(int(cursor or 0) + PAGE) if len(items) == PAGE else None)

    def verify_webhook(self, account: Account, headers: Mapping[str, str], body: bytes, now_s: float) -> None:
        """`X-Razorpay-Signature`: hex HMAC-SHA256 of the body. It carries no time, and a redelivery is byte for byte the same."""
        if not signed(account.webhook_secrets(), body, [header(headers, "X-Razorpay-Signature")]):
            raise Unverified("X-Razorpay-Signature is not this account's")

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> Heard | None:
        message = json_object(body)
        event, event_id = text(message.get("event")), header(headers, "x-razorpay-event-id")
        payload = inner(message, "payload")
        entity = next((found for name in ENTITIES if (found := inner(payload, name, "entity"))), {})
        reference, operation = text(inner(entity, "notes").get("reference")), operation_in(entity)
        if not event or not event_id or not text(entity.get("id")):
            return None
        finding = state_of(entity, operation or "charge", inner(payload, "payment", "entity"))
        return Heard(event_id, event, reference, operation, finding)


CODEC = RazorpayCodec()


def _headers(account: Account) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{account.api_key}:{account.key_secret}".encode()).decode()}


def _post(account: Account, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> HttpRequest:
    more = {"Content-Type": "application/json", **(headers or {})}
    return HttpRequest("POST", f"{account.base_url}/v1/{path}", _headers(account) | more, orjson.dumps(body))


def _get(account: Account, path: str, query: Mapping[str, object] | None = None) -> HttpRequest:
    asked = f"?{urlencode(query)}" if query else ""
    return HttpRequest("GET", f"{account.base_url}/v1/{path}{asked}", _headers(account))


def _amount(attempt: Attempt) -> dict[str, Any]:
    amount = attempt.amount
    if amount.currency in THREE_DECIMALS and amount.amount_minor % 10:
        raise Unsupported(f"Razorpay takes {amount.currency} in steps of ten minor units")
    return {"amount": amount.amount_minor, "currency": amount.currency}
