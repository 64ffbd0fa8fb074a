"""Stripe's PaymentIntents, under `/stripe/{account}/v1`; `refunds.py` has charges, refunds and Checkout sessions."""

import asyncio
import base64
import re
from collections.abc import Mapping
from typing import Any

import uuid_utils
from aiohttp import web
from pydantic import ValidationError

from deploy.sandbox.answers import json_answer
from deploy.sandbox.charge import Charge
from deploy.sandbox.choice import Plan
from deploy.sandbox.gateway import Gateway, GatewayFull, Origin
from deploy.sandbox.gateway_routes import GATEWAYS
from deploy.sandbox.intents import Intent
from deploy.sandbox.magic import UnknownMagic
from deploy.sandbox.mover import MoveOrder, MoveRefused
from deploy.sandbox.moves import Move, sums
from deploy.sandbox.order import Instrument, KeyReused, Order, reference_or
from deploy.sandbox.speaking import speak
from deploy.sandbox.stripe import objects
from deploy.sandbox.stripe.cards import CARDS, NUMBERS
from deploy.sandbox.stripe.errors import StripeError, decline_body, declined, invalid, missing, rate_limited, unpayable
from deploy.sandbox.stripe.form import currency_of, form_of, inner, metadata_of, query_of, whole
from deploy.sandbox.stripe.keys import Handler, Keys
from deploy.sandbox.stripe.pages import page_of
from deploy.sandbox.times import TIME_MIN, now

KEYS = web.AppKey("stripe_keys", Mapping[str, Keys])


def authenticated(request: web.Request) -> Gateway:
    """`Authorization: Bearer sk_test_<account>`, or that key as Basic's user. Raises StripeError."""
    gateway = request.app[GATEWAYS].get(request.match_info["account"])
    if gateway is not None:
        key = f"sk_test_{gateway.account}"
        if request.headers.get("Authorization") in (f"Bearer {key}", f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}"):
            return gateway
    raise StripeError(401, {"type": "invalid_request_error", "message": "Invalid API Key provided"})


def once(handler: Handler) -> Handler:
    """Under Stripe's idempotency, unless the account ignores keys."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        gateway = authenticated(request)
        if gateway.settings.ignores_idempotency_keys:
            return await handler(request)
        return await request.app[KEYS][gateway.account].once(request, handler)

    return guarded


def intent_of(request: web.Request, gateway: Gateway) -> Intent:
    found = gateway.intents.get(request.match_info["id"], "stripe", "intent")
    if found is None or _hidden(gateway, found):
        raise missing("payment_intent", request.match_info["id"])
    return found


def _hidden(gateway: Gateway, intent: Intent) -> bool:
    """A Checkout session's PaymentIntent comes into being with its payment."""
    return "session" in intent.options and not gateway.book.of_intent(intent.intent_id)


def shown(request: web.Request, gateway: Gateway, intent: Intent, form: Mapping[str, Any]) -> dict[str, Any]:
    expand = "latest_charge" in inner(form, "expand").values() or "data.latest_charge" in inner(form, "expand").values()
    return objects.payment_intent(gateway, intent, str(request.url.origin()), expand=expand)


@once
async def create_intent(request: web.Request) -> web.StreamResponse:
    gateway, form = authenticated(request), await form_of(request)
    intent_id, metadata = f"pi_{uuid_utils.uuid7().hex}", metadata_of(form)
    options = {
        "description": form.get("description"),
        "multicapture": inner(form, "payment_method_options", "card").get("request_multicapture") == "if_available",
    }
    intent = Intent(
        intent_id,
        "stripe",
        "intent",
        reference_or(intent_id, metadata.get("reference")),
        "authorize" if form.get("capture_method") == "manual" else "charge",
        whole(form, "amount"),
        currency_of(form),
        now(),
        metadata,
        options=options,
    )
    if form.get("confirm") == "true":
        number = card_number(form)  # what cannot be paid is not made
        await gateway.intents.add(intent)
        return await _pay(request, gateway, intent, form, number)
    return json_answer(shown(request, gateway, await gateway.intents.add(intent), form))


@once
async def confirm(request: web.Request) -> web.StreamResponse:
    gateway, form = authenticated(request), await form_of(request)
    return await _pay(request, gateway, intent_of(request, gateway), form, card_number(form))


def card_number(form: dict[str, Any]) -> str:
    """Of `payment_method_data[card]`, or of one of Stripe's test payment methods. Raises StripeError."""
    card, method = inner(form, "payment_method_data", "card"), form.get("payment_method")
    number = card.get("number") or NUMBERS.get(str(method))
    if number is None and method is not None:
        raise missing("PaymentMethod", str(method))
    if number is None:
        raise invalid("This PaymentIntent lacks a payment method.", code="parameter_missing", param="payment_method")
    return str(number).replace(" ", "")


async def _pay(request: web.Request, gateway: Gateway, intent: Intent, form: dict[str, Any], number: str) -> web.StreamResponse:
    started_s, key = asyncio.get_running_loop().time(), request.headers.get("Idempotency-Key")
    tried = gateway.book.of_intent(intent.intent_id)
    live = [one for one in tried if one.status != "failed" and (key is None or one.idempotency_key != key)]
    if intent.status != "open" or live:
        raise invalid("This PaymentIntent cannot be confirmed in its state.", code="payment_intent_unexpected_state")
    if intent.intent_id in gateway.paying:
        raise invalid("Another request works on this PaymentIntent.", code="lock_timeout", status=429)
    gateway.paying.add(intent.intent_id)
    try:
        order = Order(
            reference=intent.reference,
            operation=intent.operation,
            amount_minor=intent.amount_minor,
            currency=intent.currency,
            method="CARD",
            instrument=Instrument(type="CARD", number=number),
        )
        plan = gateway.plan(order)
        plan = Plan(CARDS[number], plan.wait_s) if number in CARDS else plan
        booked = await gateway.submit(order, key, plan.behaviour, Origin("stripe", intent.intent_id, intent.notes))
    except (ValidationError, UnknownMagic):
        raise StripeError(402, decline_body(declined("incorrect_number"))) from None
    except KeyReused:
        message = "Keys for idempotent requests can only be used with the same parameters they were first used with."
        raise StripeError(400, {"type": "idempotency_error", "message": message}) from None
    except GatewayFull:
        raise StripeError(402, decline_body(declined("gateway_error_not_charged"))) from None
    finally:
        gateway.paying.discard(intent.intent_id)
    if booked.charge is not None and booked.replayed:
        return _paid(request, gateway, intent, booked.charge, form)
    result = None if booked.charge is None else _paid(request, gateway, intent, booked.charge, form)
    return await speak(request, gateway, plan, started_s, result, rate_limited)


def _paid(request: web.Request, gateway: Gateway, intent: Intent, charge: Charge, form: dict[str, Any]) -> web.Response:
    """200 with the PaymentIntent, or the error that the card's refusal is."""
    if charge.status != "failed":
        return json_answer(shown(request, gateway, intent, form))
    decline = declined(charge.code)
    error = decline_body(decline, charge=charge.charge_id, payment_intent=shown(request, gateway, intent, {}))
    return json_answer({"error": error}, decline.status)


async def get_intent(request: web.Request) -> web.Response:
    gateway = authenticated(request)
    return json_answer(shown(request, gateway, intent_of(request, gateway), query_of(request)))


async def list_intents(request: web.Request) -> web.Response:
    """`created[gte]=` and so on, `limit=`, `starting_after=`; newest first."""
    gateway, query = authenticated(request), query_of(request)
    found = [one for one in gateway.intents.newest("stripe", "intent", TIME_MIN, gateway.visible_until()) if not _hidden(gateway, one)]
    page, more = page_of(query, found, lambda one: one.intent_id, lambda one: one.created_at)
    return json_answer(objects.listed("/v1/payment_intents", [shown(request, gateway, one, query) for one in page], more=more))


async def search_intents(request: web.Request) -> web.Response:
    """Understands one clause: `metadata['name']:'value'`. What `visibility_delay_s` hides is Stripe's index lagging behind."""
    gateway, query = authenticated(request), query_of(request)
    clause = re.fullmatch(r"metadata\[['\"]([^'\"]{1,40})['\"]\]:['\"]([^'\"]{0,500})['\"]", str(query.get("query", "")))
    if clause is None:
        raise invalid("The sandbox's search understands metadata['name']:'value'", param="query")
    every = gateway.intents.newest("stripe", "intent", TIME_MIN, gateway.visible_until())
    if clause[1] == "reference":
        every = gateway.intents.by_reference(clause[2], "stripe", "intent", gateway.visible_until())
    found = [one for one in every if one.notes.get(clause[1]) == clause[2] and not _hidden(gateway, one)]
    page = [shown(request, gateway, one, query) for one in found[: whole(query, "limit", 10, maximum=100)]]
    return json_answer(objects.listed("/v1/payment_intents/search", page, more=len(found) > len(page), kind="search_result"))


def charge_of(gateway: Gateway, intent: Intent) -> Charge | None:
    return next((one for one in reversed(gateway.book.of_intent(intent.intent_id)) if one.status != "failed"), None)


@once
async def capture(request: web.Request) -> web.StreamResponse:
    """Releases what it leaves, unless `final_capture=false` and several captures were asked for beforehand."""
    gateway, form = authenticated(request), await form_of(request)
    intent = intent_of(request, gateway)
    charge = charge_of(gateway, intent)
    if charge is None or charge.status != "authorized":
        raise unpayable("not_capturable")
    final = form.get("final_capture", "true") != "false"
    if not final and not intent.options.get("multicapture"):
        raise invalid("final_capture: multicapture is not available for this payment", param="final_capture")
    left = sums(charge, gateway.book.moves_of(charge.charge_id)).capturable
    amount, notes = whole(form, "amount_to_capture", max(1, left)), metadata_of(form)
    order = MoveOrder("capture", charge.charge_id, _name(request, intent), amount, "cap", final, notes)
    return await moved(request, gateway, intent, form, order)


def _name(request: web.Request, intent: Intent) -> str:
    """What the journal calls a capture or a cancellation: Stripe has no name for it but its idempotency key."""
    return reference_or(intent.reference, request.headers.get("Idempotency-Key"))


@once
async def cancel(request: web.Request) -> web.StreamResponse:
    gateway, form = authenticated(request), await form_of(request)
    intent = intent_of(request, gateway)
    charge = charge_of(gateway, intent)
    if charge is None or charge.status in ("requires_action", "pending"):
        if charge is not None:
            await gateway.settle(charge.charge_id, "failed", "authentication_failed")
        return json_answer(shown(request, gateway, await gateway.intents.change(intent, status="cancelled"), form))
    left = sums(charge, gateway.book.moves_of(charge.charge_id)).capturable
    return await moved(request, gateway, intent, form, MoveOrder("void", charge.charge_id, _name(request, intent), max(1, left), "void"))


async def moved(request: web.Request, gateway: Gateway, intent: Intent, form: dict[str, Any], order: MoveOrder) -> web.StreamResponse:
    """Carry out a capture or a void and answer with its PaymentIntent."""
    started_s = asyncio.get_running_loop().time()
    plan = gateway.mover.plan(order)
    try:
        move, _ = await gateway.mover.submit(order, request.headers.get("Idempotency-Key"), plan.behaviour)
    except (MoveRefused, KeyReused) as error:
        raise unpayable(str(error) or "not_capturable") from None
    result = None if move is None else move_answer(move, shown(request, gateway, intent, form))
    return await speak(request, gateway, plan, started_s, result, rate_limited)


def move_answer(move: Move, body: dict[str, Any]) -> web.Response:
    if move.status == "failed":
        return json_answer({"error": decline_body(declined(move.code))}, declined(move.code).status)
    return json_answer(body)


def routes() -> list[web.RouteDef]:
    v1 = "/stripe/{account}/v1/payment_intents"
    return [
        web.post(v1, create_intent),
        web.get(v1, list_intents),
        web.get(f"{v1}/search", search_intents),
        web.get(f"{v1}/{{id}}", get_intent),
        web.post(f"{v1}/{{id}}/confirm", confirm),
        web.post(f"{v1}/{{id}}/capture", capture),
        web.post(f"{v1}/{{id}}/cancel", cancel),
    ]
