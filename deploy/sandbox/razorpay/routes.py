"""Razorpay's orders, payments and refunds, under `/razorpay/{account}/v1`; `links.py` has payment links."""

import asyncio
import base64
from dataclasses import replace
from typing import Any, Literal

from aiohttp import web
from pydantic import ValidationError

from deploy.sandbox.answers import json_answer
from deploy.sandbox.behaviour import Behaviour
from deploy.sandbox.charge import Charge
from deploy.sandbox.gateway import Gateway, GatewayFull, Origin
from deploy.sandbox.gateway_routes import GATEWAYS
from deploy.sandbox.intents import Intent
from deploy.sandbox.magic import UnknownMagic
from deploy.sandbox.mover import MoveOrder, MoveRefused
from deploy.sandbox.moves import sums
from deploy.sandbox.order import Instrument, Order, reference_or
from deploy.sandbox.razorpay import entities
from deploy.sandbox.razorpay.errors import SUMS, RazorpayError, failure, rate_limited
from deploy.sandbox.razorpay.reading import amount_of, currency_of, json_of, notes_of, paged, short_id, window
from deploy.sandbox.speaking import speak
from deploy.sandbox.times import now


def authenticated(request: web.Request) -> Gateway:
    """HTTP Basic with `rzp_test_<account>` and `sk_sandbox_<account>`. Raises RazorpayError."""
    gateway = request.app[GATEWAYS].get(request.match_info["account"])
    if gateway is not None:
        expected = base64.b64encode(f"rzp_test_{gateway.account}:sk_sandbox_{gateway.account}".encode()).decode()
        if request.headers.get("Authorization") == f"Basic {expected}":
            return gateway
    raise RazorpayError(401, "Authentication failed")


async def create_order(request: web.Request) -> web.Response:
    gateway, body = authenticated(request), await json_of(request)
    receipt = body.get("receipt")
    if receipt is not None and not (isinstance(receipt, str) and len(receipt) <= 40):
        raise RazorpayError(400, "The receipt may not be greater than 40 characters.", reason="input_validation_failed", field="receipt")
    order_id, capture = short_id("order"), body.get("payment_capture", (body.get("payment") or {}).get("capture", True))
    operation: Literal["charge", "authorize"] = "charge" if capture in (True, 1, "1", "automatic") else "authorize"
    intent = Intent(
        order_id,
        "razorpay",
        "order",
        reference_or(order_id, receipt),
        operation,
        amount_of(body),
        currency_of(body),
        now(),
        notes_of(body),
        options={"receipt": receipt},
    )
    return json_answer(entities.order(gateway, await gateway.intents.add(intent)))


def order_of(request: web.Request, gateway: Gateway, order_id: object) -> Intent:
    found = gateway.intents.get(str(order_id), "razorpay", "order")
    if found is None:
        raise RazorpayError(400, SUMS["unknown_charge"])
    return found


async def get_order(request: web.Request) -> web.Response:
    gateway = authenticated(request)
    return json_answer(entities.order(gateway, order_of(request, gateway, request.match_info["id"])))


async def list_orders(request: web.Request) -> web.Response:
    """`?receipt=`, `from=&to=`, `count=&skip=`, `expand[]=payments`; newest first."""
    gateway = authenticated(request)
    start, end = window(request, gateway)
    receipt, expand = request.query.get("receipt"), "payments" in request.query.getall("expand[]", [])
    found = gateway.intents.newest("razorpay", "order", start, end)
    if receipt is not None:
        found = gateway.intents.by_reference(receipt, "razorpay", "order", gateway.visible_until())[::-1]
    return json_answer(entities.collection([entities.order(gateway, one, expand=expand) for one in paged(request, found)]))


async def order_payments(request: web.Request) -> web.Response:
    gateway = authenticated(request)
    charges = gateway.book.of_intent(order_of(request, gateway, request.match_info["id"]).intent_id)
    return json_answer(entities.collection([entities.payment(gateway, one) for one in reversed(charges)]))


async def create_payment(request: web.Request) -> web.StreamResponse:
    """`POST /v1/payments/create/json` and `/upi`: a try at an order. There is no idempotency key: a copy is another try."""
    gateway, body = authenticated(request), await json_of(request)
    started_s = asyncio.get_running_loop().time()
    intent = order_of(request, gateway, body.get("order_id"))
    if (amount_of(body), currency_of(body)) != (intent.amount_minor, intent.currency):
        raise RazorpayError(400, "Order amount does not match with the payment amount", reason="input_validation_failed", field="amount")
    if any(one.status in ("succeeded", "authorized") for one in gateway.book.of_intent(intent.intent_id)):
        raise RazorpayError(400, "Payment already done for this order.")
    if intent.intent_id in gateway.paying:
        raise RazorpayError(400, "Request failed because another payment operation is in progress")
    intentful = (body.get("upi") or {}).get("flow") == "intent"
    gateway.paying.add(intent.intent_id)
    try:
        order = Order(
            reference=intent.reference,
            operation=intent.operation,
            amount_minor=intent.amount_minor,
            currency=intent.currency,
            method=str(body.get("method", "")).upper(),
            instrument=instrument_of(body),
        )
        plan = gateway.plan(order)
        behaviour = acted(gateway, order, plan.behaviour, intentful)
        origin = Origin("razorpay", intent.intent_id, notes_of(body), "pay")
        booked = await gateway.submit(order, None, behaviour, origin)
    except (ValidationError, UnknownMagic):
        raise RazorpayError(400, "The payment's instrument is not valid.", reason="input_validation_failed", field="method") from None
    except GatewayFull:
        raise RazorpayError(400, "The sandbox is full", reason="merchant_not_active") from None
    finally:
        gateway.paying.discard(intent.intent_id)
    charge = booked.charge
    result = None if charge is None else _tried(request, gateway, charge, intentful)
    return await speak(request, gateway, plan, started_s, result, rate_limited)


def instrument_of(body: dict[str, Any]) -> Instrument:
    """Raises pydantic.ValidationError."""
    card, upi = body.get("card") or {}, body.get("upi") or {}
    if body.get("method") == "card":
        return Instrument(type="CARD", number=card.get("number"))
    if body.get("method") == "upi" and upi.get("flow") != "intent":
        return Instrument(type="UPI", vpa=upi.get("vpa") or body.get("vpa"))
    return Instrument(type=str(body.get("method", "")) + ("_intent" if body.get("method") == "upi" else ""))


def acted(gateway: Gateway, order: Order, behaviour: Behaviour, intentful: bool) -> Behaviour:
    """A card's 3-D Secure page and a UPI app are their payer's to act on, before anything is charged."""
    if behaviour.books == "charge" and not gateway.settings.frictionless and (intentful or order.method != "UPI"):
        return replace(behaviour, books="action")
    return behaviour


def _tried(request: web.Request, gateway: Gateway, charge: Charge, intentful: bool) -> web.Response:
    if charge.status == "failed":
        metadata = {"payment_id": charge.charge_id, "order_id": charge.intent_id}
        return json_answer({"error": failure(charge.code, charge.method) | {"metadata": metadata}}, 400)
    answer: dict[str, Any] = {"razorpay_payment_id": charge.charge_id}
    if intentful:
        pay = f"upi://pay?pa=sandbox@razorpay&pn=Sandbox&tr={charge.charge_id}&am={charge.amount_minor / 100:.2f}&cu={charge.currency}"
        answer |= {"link": pay, "next": [{"action": "intent", "url": pay}]}
    elif charge.status == "requires_action":
        page = f"{request.url.origin()}/gateways/{gateway.account}/pay/{charge.charge_id}"
        answer |= {"next": [{"action": "redirect", "url": page}]}
    return json_answer(answer)


def charge_of(request: web.Request, gateway: Gateway) -> Charge:
    found = gateway.book.get(request.match_info["id"])
    if found is None or found.wire != "razorpay":
        raise RazorpayError(400, SUMS["unknown_charge"])
    return found


async def get_payment(request: web.Request) -> web.Response:
    gateway = authenticated(request)
    return json_answer(entities.payment(gateway, charge_of(request, gateway)))


async def list_payments(request: web.Request) -> web.Response:
    """`?from=&to=` in Unix seconds, both inclusive; `count=&skip=`; newest first."""
    gateway = authenticated(request)
    found = [one for one in gateway.book.newest(*window(request, gateway)) if one.wire == "razorpay"]
    return json_answer(entities.collection([entities.payment(gateway, one) for one in paged(request, found)]))


async def capture(request: web.Request) -> web.StreamResponse:
    """All of the authorisation or nothing. No idempotency key: the second time it has already been captured."""
    gateway, body = authenticated(request), await json_of(request)
    started_s, charge = asyncio.get_running_loop().time(), charge_of(request, gateway)
    if amount_of(body) != charge.amount_minor and sums(charge, gateway.book.moves_of(charge.charge_id)).capturable:
        raise RazorpayError(400, SUMS["capture_exceeds_authorized"])
    order = MoveOrder("capture", charge.charge_id, charge.reference, amount_of(body), "cap", final=True)
    plan = gateway.mover.plan(order)
    try:
        move, _ = await gateway.mover.submit(order, None, plan.behaviour)
    except MoveRefused as error:
        raise RazorpayError(400, SUMS[str(error)]) from None
    result = None if move is None else json_answer(entities.payment(gateway, charge))
    if move is not None and move.status == "failed":
        result = json_answer({"error": failure(move.code, charge.method) | {"step": "payment_capture", "metadata": {}}}, 400)
    return await speak(request, gateway, plan, started_s, result, rate_limited)


def routes() -> list[web.RouteDef]:
    v1 = "/razorpay/{account}/v1"
    return [
        web.post(f"{v1}/orders", create_order),
        web.get(f"{v1}/orders", list_orders),
        web.get(f"{v1}/orders/{{id}}", get_order),
        web.get(f"{v1}/orders/{{id}}/payments", order_payments),
        web.post(f"{v1}/payments/create/{{how:json|upi}}", create_payment),
        web.get(f"{v1}/payments", list_payments),
        web.get(f"{v1}/payments/{{id}}", get_payment),
        web.post(f"{v1}/payments/{{id}}/capture", capture),
    ]
