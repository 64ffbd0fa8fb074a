"""Stripe's charges, refunds and Checkout sessions."""

import asyncio
from typing import Any

import uuid_utils
from aiohttp import web

from deploy.sandbox.answers import json_answer
from deploy.sandbox.gateway import Gateway
from deploy.sandbox.intents import Intent
from deploy.sandbox.mover import MoveOrder, MoveRefused
from deploy.sandbox.moves import sums
from deploy.sandbox.order import KeyReused, reference_or
from deploy.sandbox.speaking import speak
from deploy.sandbox.stripe import objects
from deploy.sandbox.stripe.errors import invalid, missing, rate_limited, unpayable
from deploy.sandbox.stripe.form import currency_of, form_of, inner, metadata_of, query_of, whole
from deploy.sandbox.stripe.pages import page_of
from deploy.sandbox.stripe.routes import authenticated, charge_of, move_answer, once
from deploy.sandbox.times import TIME_MAX, TIME_MIN, now


async def get_charge(request: web.Request) -> web.Response:
    gateway = authenticated(request)
    found = gateway.book.get(request.match_info["id"])
    if found is None or found.wire != "stripe":
        raise missing("charge", request.match_info["id"])
    return json_answer(objects.charge(gateway, found))


async def list_charges(request: web.Request) -> web.Response:
    """`payment_intent=`, `created[gte]=` and so on, `limit=`, `starting_after=`; newest first."""
    gateway, query = authenticated(request), query_of(request)
    found = [one for one in gateway.book.newest(TIME_MIN, gateway.visible_until()) if one.wire == "stripe"]
    if "payment_intent" in query:
        found = [one for one in found if one.intent_id == query["payment_intent"]]
    page, more = page_of(query, found, lambda one: one.charge_id, lambda one: one.created_at)
    return json_answer(objects.listed("/v1/charges", [objects.charge(gateway, one) for one in page], more=more))


@once
async def create_refund(request: web.Request) -> web.StreamResponse:
    """Of a `payment_intent` or a `charge`. Without an amount: all that is left."""
    gateway, form = authenticated(request), await form_of(request)
    started_s = asyncio.get_running_loop().time()
    charge = gateway.book.get(str(form.get("charge", "")))
    if charge is None:
        intent = gateway.intents.get(str(form.get("payment_intent", "")), "stripe", "intent")
        charge = charge_of(gateway, intent) if intent else None
    if charge is None or charge.wire != "stripe":
        raise missing("payment_intent", str(form.get("payment_intent", form.get("charge", ""))))
    key, metadata = request.headers.get("Idempotency-Key"), metadata_of(form)
    done = sums(charge, gateway.book.moves_of(charge.charge_id))
    copy = None if key is None or gateway.settings.ignores_idempotency_keys else gateway.book.move_by_key(key)
    left = copy.requested_minor if copy else max(1, done.captured - done.refunded)
    if copy is None and done.captured and done.refunded >= done.captured:
        raise invalid("This charge has already been refunded.", code="charge_already_refunded")
    known = reference_or(charge.reference, metadata.get("reference"))
    order = MoveOrder("refund", charge.charge_id, known, whole(form, "amount", left), "re", notes=metadata)
    plan = gateway.mover.plan(order)
    try:
        move, replayed = await gateway.mover.submit(order, key, plan.behaviour)
    except (MoveRefused, KeyReused) as error:
        raise unpayable(str(error) or "not_refundable") from None
    result = None if move is None else move_answer(move, objects.refund(gateway, move))
    return result if replayed and result else await speak(request, gateway, plan, started_s, result, rate_limited)


async def get_refund(request: web.Request) -> web.Response:
    gateway = authenticated(request)
    move = gateway.book.move(request.match_info["id"])
    if move is None or move.kind != "refund":
        raise missing("refund", request.match_info["id"])
    return json_answer(objects.refund(gateway, move))


async def list_refunds(request: web.Request) -> web.Response:
    """`payment_intent=` or `charge=`, else all; newest first."""
    gateway, query = authenticated(request), query_of(request)
    found = gateway.book.newest_refunds(TIME_MIN, TIME_MAX, "stripe")
    if "payment_intent" in query:
        paid = {one.charge_id for one in gateway.book.of_intent(str(query["payment_intent"]))}
        found = [one for one in found if one.charge_id in paid]
    if "charge" in query:
        found = [one for one in found if one.charge_id == query["charge"]]
    page, more = page_of(query, found, lambda one: one.move_id, lambda one: one.created_at)
    return json_answer(objects.listed("/v1/refunds", [objects.refund(gateway, one) for one in page], more=more))


@once
async def create_session(request: web.Request) -> web.Response:
    gateway, form = authenticated(request), await form_of(request)
    if form.get("mode") != "payment":
        raise invalid("mode: the sandbox has payment only", code="parameter_missing" if "mode" not in form else None, param="mode")
    lines: list[dict[str, Any]] = [line for line in inner(form, "line_items").values() if isinstance(line, dict)]
    if len(lines) != 1:
        raise invalid("line_items: the sandbox takes one", param="line_items")
    price = inner(lines[0], "price_data")
    amount = whole(price, "unit_amount") * whole(lines[0], "quantity", 1)
    hexed, metadata = uuid_utils.uuid7().hex, metadata_of(form)
    intent_id, link_id = f"pi_{hexed}", f"cs_test_{hexed}"
    given = form.get("client_reference_id")
    reference = reference_or(link_id, given)
    made, currency = now(), currency_of(price)
    paid_as = metadata_of(inner(form, "payment_intent_data"))
    await gateway.intents.add(
        Intent(intent_id, "stripe", "intent", reference, "charge", amount, currency, made, paid_as, options={"session": link_id})
    )
    options = {"intent_id": intent_id, "client_reference_id": given or None, "success_url": form.get("success_url")}
    link = await gateway.intents.add(
        Intent(link_id, "stripe", "link", reference, "charge", amount, currency, made, metadata, options=options)
    )
    return json_answer(objects.session(gateway, link, str(request.url.origin())))


def _session_of(request: web.Request, gateway: Gateway) -> Intent:
    found = gateway.intents.get(request.match_info["id"], "stripe", "link")
    if found is None:
        raise missing("checkout.session", request.match_info["id"])
    return found


async def get_session(request: web.Request) -> web.Response:
    gateway = authenticated(request)
    return json_answer(objects.session(gateway, _session_of(request, gateway), str(request.url.origin())))


@once
async def expire_session(request: web.Request) -> web.Response:
    gateway = authenticated(request)
    link = _session_of(request, gateway)
    if link.status != "open" or gateway.book.of_intent(link.paid_as):
        raise invalid('Only Checkout Sessions with a status in ["open"] can be expired.')
    return json_answer(objects.session(gateway, await gateway.intents.change(link, status="expired"), str(request.url.origin())))


def routes() -> list[web.RouteDef]:
    v1 = "/stripe/{account}/v1"
    return [
        web.get(f"{v1}/charges", list_charges),
        web.get(f"{v1}/charges/{{id}}", get_charge),
        web.post(f"{v1}/refunds", create_refund),
        web.get(f"{v1}/refunds", list_refunds),
        web.get(f"{v1}/refunds/{{id}}", get_refund),
        web.post(f"{v1}/checkout/sessions", create_session),
        web.get(f"{v1}/checkout/sessions/{{id}}", get_session),
        web.post(f"{v1}/checkout/sessions/{{id}}/expire", expire_session),
    ]
