"""What Stripe's objects say: PaymentIntents, refunds, Checkout sessions, errors."""

from collections.abc import Mapping
from typing import Any

from shared.contracts import Attempt, Operation
from shared.gateways.codec import Finding, Listed, NotFound, Pending, Refused, Unclear, What
from shared.gateways.reading import inner, moment, operation_of, refused, text, took, unlisted, whole
from shared.gateways.stripe_codes import CODES

CAPTURE = "capture_"


def capture_mark(attempt: Attempt) -> str:
    """The metadata key a capture leaves on its PaymentIntent: 40 characters, as many as Stripe takes."""
    return CAPTURE + attempt.attempt_id.hex


def finding_of(entity: Mapping[str, Any], attempt: Attempt) -> Finding:
    """What an object says of an attempt, if it is about that attempt at all."""
    entity_id, metadata = text(entity.get("id")), inner(entity, "metadata")
    if not entity_id:
        return Unclear("unreadable answer")
    if attempt.operation in ("capture", "void"):
        if entity_id != attempt.target_reference:
            return Unclear("an answer about another payment than ours")
        return _captured(entity, attempt) if attempt.operation == "capture" else _voided(entity)
    if metadata.get("reference") != str(attempt.attempt_id):
        return Unclear("an answer about another reference than ours")
    return state_of(entity, attempt.operation)


def state_of(entity: Mapping[str, Any], operation: Operation) -> Finding:
    """Of a PaymentIntent, a refund or a Checkout session."""
    entity_id = str(entity.get("id"))
    match entity.get("object"), entity.get("status"):
        case "payment_intent", status:
            return _intent(entity, entity_id, status, operation)
        case "refund", "succeeded":
            return took(entity_id, entity.get("amount"), entity.get("currency"))
        case "refund", "failed" | "canceled":
            return refused(CODES, "refund_failed", entity.get("failure_reason"), entity_id) or Unclear("refund failed", entity_id)
        case "refund", "pending" | "requires_action":
            return Pending(entity_id)
        case "checkout.session", "complete" if entity.get("payment_status") == "paid":
            return took(text(entity.get("payment_intent")) or entity_id, entity.get("amount_total"), entity.get("currency"))
        case "checkout.session", "expired":
            return refused(CODES, "session_expired", "nobody paid", entity_id) or Unclear("expired", entity_id)
        case "checkout.session", "open" | "complete":
            return Pending(entity_id)
        case kind, status:
            return Unclear(f"{kind!r} of status {status!r}", entity_id)


def _intent(entity: Mapping[str, Any], entity_id: str, status: object, operation: Operation) -> Finding:
    currency = entity.get("currency")
    match status:
        case "succeeded" if operation == "authorize":  # captured since, perhaps in part: what was held is the amount
            return took(entity_id, entity.get("amount"), currency)
        case "succeeded":
            return took(entity_id, entity.get("amount_received"), currency)
        case "requires_capture" if operation == "authorize":
            return took(entity_id, entity.get("amount"), currency)
        case "requires_action" | "processing":
            return Pending(entity_id)
        case "requires_payment_method" if operation == "link":
            return Pending(entity_id)  # as long as its Checkout session is open, its payer may try another card
        case "requires_payment_method" | "requires_confirmation":
            error = inner(entity, "last_payment_error")
            if not error:
                return NotFound()  # made, and never confirmed: the order to charge may still come
            return _by_codes(error, entity_id) or Unclear(f"failed with {error.get('code')!r}, which we do not know", entity_id)
        case "canceled" if operation == "authorize" and entity.get("latest_charge") and not entity.get("last_payment_error"):
            return took(entity_id, entity.get("amount"), currency)  # it was held, and has been released since: a void is another attempt
        case "canceled":
            return refused(CODES, "payment_canceled", entity.get("cancellation_reason"), entity_id) or Unclear("canceled", entity_id)
        case _:
            return Unclear(f"status {status!r}", entity_id)


def _captured(intent: Mapping[str, Any], attempt: Attempt) -> Finding:
    """Its mark says that it happened; how much it took is what Stripe received, less what the other captures' marks say."""
    entity_id, metadata = str(intent.get("id")), inner(intent, "metadata")
    mark, received = capture_mark(attempt), whole(intent.get("amount_received"))
    if mark not in metadata:
        return NotFound()
    if intent.get("status") not in ("succeeded", "requires_capture") or received is None:
        return Unclear(f"a capture on a payment of status {intent.get('status')!r}", entity_id)
    others = [str(value) for key, value in metadata.items() if key.startswith(CAPTURE) and key != mark]
    if not all(value.isascii() and value.isdecimal() for value in others):
        return Unclear("another capture's amount is unreadable", entity_id)
    return took(entity_id, received - sum(map(int, others)), intent.get("currency"))


def _voided(intent: Mapping[str, Any]) -> Finding:
    """What was released: all that had not been captured."""
    amount, received = whole(intent.get("amount")), whole(intent.get("amount_received", 0))
    if intent.get("status") != "canceled":
        return NotFound()
    if amount is None or received is None:
        return Unclear("canceled without a readable amount", str(intent.get("id")))
    return took(str(intent.get("id")), amount - received, intent.get("currency"))


def operation_in(entity: Mapping[str, Any]) -> Operation | None:
    """What its mark says; a refund is one whatever its mark says, for somebody may have copied the charge's."""
    return "refund" if entity.get("object") == "refund" else operation_of(inner(entity, "metadata").get("operation"))


def listed_of(entity: Mapping[str, Any]) -> Listed | None:
    """A PaymentIntent or a refund."""
    metadata = inner(entity, "metadata")
    entity_id, created_at = text(entity.get("id")), moment(entity.get("created"))
    if not entity_id or created_at is None:
        return None
    what: What = "refund" if entity.get("object") == "refund" else "charge"
    return Listed(text(metadata.get("reference")), entity_id, state_of(entity, operation_in(entity) or "charge"), created_at, what)


def _by_codes(error: Mapping[str, Any], reference: str | None) -> Refused | None:
    codes = (error.get("decline_code"), error.get("code"))
    found = (refused(CODES, code, error.get("message"), reference) for code in codes)
    return next((one for one in found if one), None)


def refused_of(status: int, body: Mapping[str, Any], attempt: Attempt | None = None) -> Refused | None:
    """By decline code, else code, else type (if it names a parameter), else a status that says it all.

    None as well for an error about a PaymentIntent that is not this attempt's.
    """
    error = inner(body, "error")
    kind, code = text(error.get("type")), text(error.get("code"))
    reference = text(inner(error, "payment_intent").get("id"))
    if not kind or kind in ("api_error", "idempotency_error") or not _is_about(error, attempt):
        return None
    if known := _by_codes(error, reference):
        return known
    named = kind if kind == "invalid_request_error" and code is None and text(error.get("param")) else None
    found = (refused(CODES, one, error.get("message"), reference) for one in (named, f"http_{status}"))
    return next((one for one in found if one), None)


def unlisted_of(status: int, body: Mapping[str, Any], attempt: Attempt) -> str | None:
    """The code of a refusal that the table lacks."""
    error = inner(body, "error")
    if error.get("type") not in ("card_error", "invalid_request_error") or not _is_about(error, attempt):
        return None
    return unlisted(CODES, status, error.get("decline_code"), error.get("code"))


def _is_about(error: Mapping[str, Any], attempt: Attempt | None) -> bool:
    """Whether the PaymentIntent that it shows, if it shows one, is this attempt's."""
    intent = inner(error, "payment_intent")
    ours = str(attempt.attempt_id) if attempt and attempt.operation in ("charge", "authorize") else None
    return not ours or not intent or inner(intent, "metadata").get("reference") == ours
