"""What an account says in webhooks, in each format: names of events and what they carry. Pure."""

from typing import Any

from deploy.sandbox.charge import Charge, Wire
from deploy.sandbox.gateway import Gateway
from deploy.sandbox.intents import Intent
from deploy.sandbox.moves import Move
from deploy.sandbox.razorpay import entities
from deploy.sandbox.stripe import objects

Event = tuple[str, dict[str, Any]]


def of(gateway: Gateway, charge: Charge, move: Move | None) -> list[Event]:
    """Of a charge that was made or has ended, or of a move."""
    match charge.wire:
        case "razorpay":
            return _razorpay(gateway, charge, move)
        case "stripe":
            return _stripe(gateway, charge, move)
        case _:
            return _native(gateway, charge, move)


def body(wire: Wire, name: str, event_id: str, data: dict[str, Any], now_s: int) -> dict[str, Any]:
    """The webhook's JSON."""
    if wire == "razorpay":
        head = {"entity": "event", "account_id": "acc_sandbox", "event": name, "contains": list(data)}
        return head | {"payload": {key: {"entity": value} for key, value in data.items()}, "created_at": now_s}
    if wire == "stripe":
        return {
            "id": event_id,
            "object": "event",
            "api_version": "2025-09-30.clover",
            "created": now_s,
            "data": {"object": data},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": name,
        }
    return {"id": event_id, "type": name, "data": data}


def _link(gateway: Gateway, charge: Charge) -> Intent | None:
    """The link that a charge pays."""
    intent_id = charge.intent_id or ""
    intent = gateway.intents.get(intent_id, "stripe", "intent") if charge.wire == "stripe" else None
    return gateway.intents.get(str(intent.options.get("session")) if intent else intent_id, charge.wire, "link")


def _native(gateway: Gateway, charge: Charge, move: Move | None) -> list[Event]:
    if move is not None:
        return [(f"{move.kind}.{move.status}", move.view())]
    told: list[Event] = [(f"charge.{charge.status}", charge.view())]
    link = _link(gateway, charge)
    if link and charge.status == "succeeded":
        paid = {"id": link.intent_id, "reference": link.reference, "operation": "link", "status": "paid", "charge_id": charge.charge_id}
        return [("link.paid", paid | {"amount_minor": charge.amount_minor, "currency": charge.currency})]
    return told


def _razorpay(gateway: Gateway, charge: Charge, move: Move | None) -> list[Event]:
    payment = entities.payment(gateway, charge)
    if move is not None and move.kind == "refund":
        name = {"succeeded": "refund.processed", "pending": "refund.created", "failed": "refund.failed"}[move.status]
        return [(name, {"refund": entities.refund(move), "payment": payment})]
    if move is not None:
        return [("payment.captured", {"payment": payment})] if move.status == "succeeded" else []
    if payment["status"] == "created":
        return []
    told: list[Event] = [(f"payment.{payment['status']}", {"payment": payment})]
    link = _link(gateway, charge)
    if link and charge.status == "succeeded":
        told.append(("payment_link.paid", {"payment_link": entities.link(gateway, link, None), "payment": payment}))
    order = gateway.intents.get(charge.intent_id or "", "razorpay", "order")
    if order and charge.status == "succeeded":
        told.append(("order.paid", {"payment": payment, "order": entities.order(gateway, order)}))
    return told


STRIPE = {
    "succeeded": "payment_intent.succeeded",
    "requires_capture": "payment_intent.amount_capturable_updated",
    "requires_payment_method": "payment_intent.payment_failed",
    "requires_action": "payment_intent.requires_action",
    "processing": "payment_intent.processing",
    "canceled": "payment_intent.canceled",
}


def _stripe(gateway: Gateway, charge: Charge, move: Move | None) -> list[Event]:
    intent = gateway.intents.get(charge.intent_id or "", "stripe", "intent")
    if move is not None and move.kind == "refund":
        names = {"succeeded": ["refund.created", "charge.refunded"], "pending": ["refund.created"], "failed": ["refund.failed"]}
        whats = {"charge.refunded": objects.charge(gateway, charge)}
        return [(name, whats.get(name, objects.refund(gateway, move))) for name in names[move.status]]
    if intent is None or (move is not None and move.status != "succeeded"):
        return []
    shown = objects.payment_intent(gateway, intent)
    told: list[Event] = [(STRIPE[shown["status"]], shown)]
    link = _link(gateway, charge)
    if link and charge.status == "succeeded":
        told.append(("checkout.session.completed", objects.session(gateway, link, None)))
    return told
