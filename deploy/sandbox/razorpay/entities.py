"""Razorpay's entities, made of what the books know: orders, payments, refunds, payment links, collections."""

from collections.abc import Sequence
from typing import Any

from deploy.sandbox.charge import Charge
from deploy.sandbox.gateway import Gateway
from deploy.sandbox.intents import Intent
from deploy.sandbox.moves import Move, settled
from deploy.sandbox.razorpay.errors import failure
from deploy.sandbox.times import unix_s

METHODS = {"UPI": "upi", "CARD": "card", "NETBANKING": "netbanking", "WALLET": "wallet", "PAYMENT_LINK": "upi"}
REFUNDS = {"succeeded": "processed", "pending": "pending", "failed": "failed"}
PAID = ("succeeded", "authorized")


def collection(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"entity": "collection", "count": len(items), "items": items}


def notes_of(notes: object) -> object:
    """An empty list where there are none, as PHP has it."""
    return notes or []


def payment(gateway: Gateway, charge: Charge) -> dict[str, Any]:
    done = settled(charge, gateway.book.moves_of(charge.charge_id))
    captured = done.captured > 0
    refunded = captured and done.refunded >= done.captured
    statuses = {"succeeded": "captured", "authorized": "captured" if captured else "authorized", "failed": "failed"}
    status = "refunded" if refunded else statuses.get(charge.status, "created")
    error = failure(charge.code, charge.method) if charge.status == "failed" else {}
    return {
        "id": charge.charge_id,
        "entity": "payment",
        "amount": charge.amount_minor,
        "currency": charge.currency,
        "status": status,
        "order_id": charge.intent_id if (charge.intent_id or "").startswith("order_") else None,
        "invoice_id": None,
        "international": False,
        "method": METHODS.get(charge.method, "card"),
        "amount_refunded": done.refunded,
        "refund_status": ("full" if refunded else "partial") if done.refunded else None,
        "captured": captured,
        "description": None,
        "card_id": None,
        "bank": None,
        "wallet": None,
        "vpa": None,  # the sandbox forgets instruments at once
        "email": "void@razorpay.com",
        "contact": "+919999999999",
        "notes": notes_of(charge.notes),
        "fee": None,
        "tax": None,
        "error_code": error.get("code"),
        "error_description": error.get("description"),
        "error_source": error.get("source"),
        "error_step": error.get("step"),
        "error_reason": error.get("reason"),
        "acquirer_data": {},
        "created_at": unix_s(charge.created_at),
    }


def order(gateway: Gateway, intent: Intent, *, expand: bool = False) -> dict[str, Any]:
    charges = gateway.book.of_intent(intent.intent_id)
    paid = sum(settled(one, gateway.book.moves_of(one.charge_id)).captured for one in charges)
    shown = {
        "id": intent.intent_id,
        "entity": "order",
        "amount": intent.amount_minor,
        "amount_paid": paid,
        "amount_due": max(0, intent.amount_minor - paid),
        "currency": intent.currency,
        "receipt": intent.options.get("receipt"),
        "offer_id": None,
        "status": "paid" if paid else "attempted" if charges else "created",
        "attempts": len(charges),
        "notes": notes_of(intent.notes),
        "created_at": unix_s(intent.created_at),
    }
    return shown | {"payments": collection([payment(gateway, one) for one in reversed(charges)])} if expand else shown


def refund(move: Move) -> dict[str, Any]:
    return {
        "id": move.move_id,
        "entity": "refund",
        "amount": move.amount_minor,
        "currency": move.currency,
        "payment_id": move.charge_id,
        "notes": notes_of(move.notes),
        "receipt": None if move.reference == move.move_id else move.reference,
        "acquirer_data": {"arn": None},
        "created_at": unix_s(move.created_at),
        "batch_id": None,
        "status": REFUNDS[move.status],
        "speed_processed": "normal",
        "speed_requested": "normal",
    }


def link(gateway: Gateway, intent: Intent, origin: str | None) -> dict[str, Any]:
    paid = [one for one in gateway.book.of_intent(intent.intent_id) if one.status in PAID]
    payments = [
        {
            "amount": one.amount_minor,
            "created_at": unix_s(one.created_at),
            "method": METHODS.get(one.method, "card"),
            "payment_id": one.charge_id,
            "plink_id": intent.intent_id,
            "status": "captured",
        }
        for one in paid
    ]
    return {
        "accept_partial": False,
        "amount": intent.amount_minor,
        "amount_paid": sum(one.amount_minor for one in paid),
        "callback_method": intent.options.get("callback_method", ""),
        "callback_url": intent.options.get("callback_url", ""),
        "cancelled_at": 0,
        "created_at": unix_s(intent.created_at),
        "currency": intent.currency,
        "customer": {},
        "description": intent.options.get("description", ""),
        "entity": "payment_link",
        "expire_by": 0,
        "expired_at": 0,
        "first_min_partial_amount": 0,
        "id": intent.intent_id,
        "notes": intent.notes or None,
        "notify": {"email": False, "sms": False},
        "payments": payments or None,
        "reference_id": intent.options.get("reference_id", ""),
        "reminder_enable": False,
        "reminders": [],
        "short_url": f"{origin or ''}/gateways/{gateway.account}/links/{intent.intent_id}",
        "status": "paid" if paid else {"open": "created"}.get(intent.status, intent.status),
        "updated_at": unix_s(intent.created_at),
        "upi_link": False,
        "user_id": "",
    }
