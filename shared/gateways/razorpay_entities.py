"""What Razorpay's entities say: payments, refunds, payment links, errors."""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.contracts import Attempt, Operation
from shared.gateways.codec import ActionRequired, Answer, Finding, Listed, NotFound, Pending, Refused, Unclear, What
from shared.gateways.razorpay_codes import CODES, DESCRIPTIONS
from shared.gateways.reading import inner, moment, operation_of, refused, text, took, unlisted, weightiest


def notes_of(attempt: Attempt) -> dict[str, str]:
    """What we write on every entity that takes notes, and read back from it."""
    return {"reference": str(attempt.attempt_id), "operation": attempt.operation}


def asked_of_payer(body: Mapping[str, Any], attempt: Attempt) -> Answer:
    """The answer to a new payment: its id and, unless a UPI app asks by itself, where the payer goes. It never says that it is paid."""
    payment_id, following = text(body.get("razorpay_payment_id")), body.get("next")
    if not payment_id:
        return Unclear("unreadable answer")
    steps = following if isinstance(following, list) else []
    urls = [url for step in steps if inner(step).get("action") in ("redirect", "intent") and (url := text(inner(step).get("url")))]
    url = next(iter(urls), text(body.get("link")))
    if url or attempt.method == "UPI":
        return ActionRequired(payment_id, url)
    return Unclear("accepted, not finished", payment_id)


def finding_of(entity: Mapping[str, Any], attempt: Attempt) -> Finding:
    """What an entity says of an attempt, if it is about that attempt at all."""
    ours, entity_id = str(attempt.attempt_id), text(entity.get("id"))
    if not entity_id:
        return Unclear("unreadable answer")
    if entity.get("entity") == "order":
        if entity.get("receipt") != ours:
            return Unclear("an answer about another reference than ours")
        items = inner(entity, "payments").get("items", [])
        if not isinstance(items, list):
            return Unclear("an order without readable payments", entity_id)
        return weightiest(finding_of(inner(item), attempt) for item in items) or NotFound()
    if attempt.operation == "capture":  # it has no name of its own: the payment is captured, or is not
        if entity_id != attempt.target_reference:
            return Unclear("an answer about another payment than ours")
        return NotFound() if entity.get("status") == "authorized" else state_of(entity, "capture")
    marks = (entity.get("receipt"), entity.get("reference_id"), inner(entity, "notes").get("reference"))
    if ours not in marks or (attempt.operation == "refund" and entity.get("payment_id") != attempt.target_reference):
        return Unclear("an answer about another reference than ours")
    return state_of(entity, attempt.operation)


def state_of(entity: Mapping[str, Any], operation: Operation, paid_by: Mapping[str, Any] | None = None) -> Finding:
    """`paid_by` is the payment of a paid link, where a webhook has it beside the link."""
    entity_id, status = str(entity.get("id")), entity.get("status")
    amount, currency = entity.get("amount"), entity.get("currency")
    match status:
        case "captured" | "processed":
            return took(entity_id, amount, currency)
        case "refunded" if operation == "authorize":  # it was held, whatever came of it
            return took(entity_id, amount, currency)
        case "refunded":
            lapsed = refused(CODES, "payment_auto_refunded", "the authorisation lapsed", entity_id)
            return took(entity_id, amount, currency) if entity.get("captured") is not False else lapsed or Unclear("lapsed", entity_id)
        case "authorized":
            return took(entity_id, amount, currency) if operation == "authorize" else Pending(entity_id)
        case "paid":
            return took(_payment_of_link(entity, paid_by or {}) or entity_id, entity.get("amount_paid"), currency)
        case "created" | "pending" | "partially_paid":
            return Pending(entity_id)
        case "cancelled" | "expired":
            return refused(CODES, f"link_{status}", "nobody paid", entity_id) or Unclear(f"status {status!r}", entity_id)
        case "failed" if operation == "link":
            return Pending(entity_id)  # a try at it: as long as it is open, its payer may make another
        case "failed":
            reason = "refund_failed" if entity.get("entity") == "refund" else entity.get("error_reason")
            told = Unclear(f"failed for {reason!r}, which proves nothing", entity_id)
            return _by_codes((reason, f"{reason}@{entity.get('error_step')}"), entity.get("error_description"), entity_id) or told
        case _:
            return Unclear(f"status {status!r}", entity_id)


def _payment_of_link(link: Mapping[str, Any], paid_by: Mapping[str, Any]) -> str | None:
    """The charge that can be refunded, not the link."""
    payments = link.get("payments")
    first = inner(payments[0]) if isinstance(payments, list) and payments else {}
    return text(first.get("payment_id")) or text(paid_by.get("id"))


def operation_in(entity: Mapping[str, Any]) -> Operation | None:
    """What its mark says; a refund is one whatever its mark says, for somebody may have copied the charge's."""
    return "refund" if entity.get("entity") == "refund" else operation_of(inner(entity, "notes").get("operation"))


def listed_of(entity: Mapping[str, Any]) -> Listed | None:
    """A payment or a refund."""
    notes = inner(entity, "notes")
    entity_id, created_at = text(entity.get("id")), moment(entity.get("created_at"))
    if not entity_id or created_at is None:
        return None
    what: What = "refund" if entity.get("entity") == "refund" else "charge"
    return Listed(text(notes.get("reference")), entity_id, state_of(entity, operation_in(entity) or "charge"), created_at, what)


def refused_of(status: int, body: Mapping[str, Any]) -> Refused | None:
    """By the error's reason (and step), else by what its description begins with, else by a status that says it all."""
    error = inner(body, "error")
    if not text(error.get("code")):
        return None
    reason, description = error.get("reason"), text(error.get("description")) or ""
    described = next((code for beginning, code in DESCRIPTIONS.items() if description.startswith(beginning)), None)
    codes = (reason, f"{reason}@{error.get('step')}", described, f"http_{status}")
    return _by_codes(codes, description, text(inner(error, "metadata").get("payment_id")))


def unlisted_of(status: int, body: Mapping[str, Any]) -> str | None:
    """The reason of a refusal that the table lacks. GATEWAY_ERROR and SERVER_ERROR are Razorpay's own trouble, and refuse nothing; the
    reason NA is none: "Payment already done for this order" has it as well."""
    error = inner(body, "error")
    named = error.get("code") == "BAD_REQUEST_ERROR" and error.get("reason") not in ("NA", "na")
    return unlisted(CODES, status, error.get("reason")) if named else None


def _by_codes(codes: Iterable[object], message: object, reference: str | None) -> Refused | None:
    found = (refused(CODES, code, message, reference) for code in codes)
    return next((one for one in found if one), None)
