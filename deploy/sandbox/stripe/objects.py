"""Stripe's objects, made of what the books know: PaymentIntents, charges, refunds, Checkout sessions, lists."""

from collections.abc import Sequence
from typing import Any

from deploy.sandbox.charge import Charge
from deploy.sandbox.gateway import Gateway
from deploy.sandbox.intents import Intent
from deploy.sandbox.moves import Move, settled
from deploy.sandbox.stripe.errors import decline_body, declined
from deploy.sandbox.times import unix_s

EXPIRES_S = 24 * 3600


def listed(url: str, items: Sequence[dict[str, Any]], *, more: bool, kind: str = "list") -> dict[str, Any]:
    shown = {"object": kind, "data": list(items), "has_more": more, "url": url}
    return shown | {"next_page": None} if kind == "search_result" else shown


def metadata_of(gateway: Gateway, intent: Intent) -> dict[str, str]:
    """Its own, and what captures that happened have added."""
    metadata = dict(intent.notes)
    for charge in gateway.book.of_intent(intent.intent_id):
        for move in gateway.book.moves_of(charge.charge_id):
            if move.kind == "capture" and move.status == "succeeded":
                metadata |= move.notes or {}
    return metadata


def status_of(gateway: Gateway, intent: Intent, charge: Charge | None) -> str:
    if intent.status != "open":
        return "canceled"
    if charge is None or charge.status == "failed":
        return "requires_payment_method"
    if charge.status == "authorized":
        moves = gateway.book.moves_of(charge.charge_id)
        if any(move.kind == "void" and move.status == "succeeded" for move in moves):
            return "canceled"
        return "succeeded" if settled(charge, moves).closed else "requires_capture"
    return {"succeeded": "succeeded", "requires_action": "requires_action"}.get(charge.status, "processing")


def payment_intent(gateway: Gateway, intent: Intent, origin: str | None = None, *, expand: bool = False) -> dict[str, Any]:
    charges = gateway.book.of_intent(intent.intent_id)
    last = charges[-1] if charges else None
    done = settled(last, gateway.book.moves_of(last.charge_id)) if last else None
    status, failed = status_of(gateway, intent, last), last is not None and last.status == "failed"
    page = f"{origin or ''}/gateways/{gateway.account}/pay/{last.charge_id}" if last else None
    action = {"type": "redirect_to_url", "redirect_to_url": {"url": page, "return_url": None}} if status == "requires_action" else None
    shown_charge = charge(gateway, last) if last and expand else last and last.charge_id
    return {
        "id": intent.intent_id,
        "object": "payment_intent",
        "amount": last.amount_minor if last and not failed else intent.amount_minor,
        "amount_capturable": done.capturable if done and status == "requires_capture" else 0,
        "amount_received": done.captured if done else 0,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "manual" if intent.operation == "authorize" else "automatic",
        "client_secret": f"{intent.intent_id}_secret_sandbox",
        "confirmation_method": "automatic",
        "created": unix_s(intent.created_at),
        "currency": intent.currency.lower(),
        "customer": None,
        "description": intent.options.get("description"),
        "last_payment_error": decline_body(declined(last.code), charge=last.charge_id) if failed and last else None,
        "latest_charge": shown_charge,
        "livemode": False,
        "metadata": metadata_of(gateway, intent),
        "next_action": action,
        "payment_method": None,
        "payment_method_types": ["card"],
        "status": status,
    }


def charge(gateway: Gateway, one: Charge) -> dict[str, Any]:
    done = settled(one, gateway.book.moves_of(one.charge_id))
    decline = declined(one.code) if one.status == "failed" else None
    return {
        "id": one.charge_id,
        "object": "charge",
        "amount": one.amount_minor,
        "amount_captured": done.captured,
        "amount_refunded": done.refunded,
        "captured": done.captured > 0,
        "created": unix_s(one.created_at),
        "currency": one.currency.lower(),
        "description": None,
        "failure_code": decline and decline.code,
        "failure_message": decline and decline.message,
        "livemode": False,
        "metadata": dict(one.notes or {}),
        "outcome": None,
        "paid": one.status in ("succeeded", "authorized"),
        "payment_intent": one.intent_id,
        "refunded": 0 < done.captured <= done.refunded,
        "status": {"failed": "failed", "succeeded": "succeeded", "authorized": "succeeded"}.get(one.status, "pending"),
    }


def refund(gateway: Gateway, move: Move) -> dict[str, Any]:
    paid = gateway.book.get(move.charge_id)
    return {
        "id": move.move_id,
        "object": "refund",
        "amount": move.amount_minor,
        "charge": move.charge_id,
        "created": unix_s(move.created_at),
        "currency": move.currency.lower(),
        "metadata": dict(move.notes or {}),
        "payment_intent": paid and paid.intent_id,
        "reason": None,
        "status": move.status,
    } | ({"failure_reason": "unknown"} if move.status == "failed" else {})


def session(gateway: Gateway, link: Intent, origin: str | None) -> dict[str, Any]:
    """A Checkout session; its PaymentIntent comes with its payment."""
    paid = next((one for one in gateway.book.of_intent(link.paid_as) if one.status == "succeeded"), None)
    page = f"{origin or ''}/gateways/{gateway.account}/links/{link.intent_id}"
    return {
        "id": link.intent_id,
        "object": "checkout.session",
        "amount_subtotal": link.amount_minor,
        "amount_total": paid.amount_minor if paid else link.amount_minor,
        "client_reference_id": link.options.get("client_reference_id"),
        "created": unix_s(link.created_at),
        "currency": link.currency.lower(),
        "expires_at": unix_s(link.created_at) + EXPIRES_S,
        "livemode": False,
        "metadata": dict(link.notes),
        "mode": "payment",
        "payment_intent": paid and link.paid_as,
        "payment_status": "paid" if paid else "unpaid",
        "status": "complete" if paid else "open" if link.status == "open" else "expired",
        "success_url": link.options.get("success_url"),
        "url": None if paid or link.status != "open" else page,
    }
