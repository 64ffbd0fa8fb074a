"""Razorpay's payment links. A reference_id is taken once."""

from aiohttp import web

from deploy.sandbox.answers import json_answer
from deploy.sandbox.gateway import Gateway
from deploy.sandbox.intents import Intent
from deploy.sandbox.order import reference_or
from deploy.sandbox.razorpay import entities
from deploy.sandbox.razorpay.errors import SUMS, RazorpayError
from deploy.sandbox.razorpay.reading import amount_of, currency_of, json_of, notes_of, paged, short_id, window
from deploy.sandbox.razorpay.routes import authenticated
from deploy.sandbox.times import now

OPTIONS = ("callback_url", "callback_method", "description")


def _shown(request: web.Request, gateway: Gateway, link: Intent) -> dict[str, object]:
    return entities.link(gateway, link, str(request.url.origin()))


async def create_link(request: web.Request) -> web.Response:
    gateway, body = authenticated(request), await json_of(request)
    link_id, given = short_id("plink"), body.get("reference_id") or ""
    if not isinstance(given, str) or len(given) > 40:
        raise RazorpayError(400, "reference_id: at most 40 characters", reason="input_validation_failed", field="reference_id")
    reference = reference_or(link_id, given)
    if gateway.intents.by_reference(reference, "razorpay", "link", now()):
        description = f"payment link with given reference_id ({given}) already exists. Please use a different reference_id"
        raise RazorpayError(400, description)
    options = {name: str(body[name]) for name in OPTIONS if body.get(name)} | {"reference_id": given}
    amount, currency, notes = amount_of(body), currency_of(body), notes_of(body)
    link = Intent(link_id, "razorpay", "link", reference, "charge", amount, currency, now(), notes, options=options)
    return json_answer(_shown(request, gateway, await gateway.intents.add(link)))


def link_of(request: web.Request, gateway: Gateway) -> Intent:
    found = gateway.intents.get(request.match_info["id"], "razorpay", "link")
    if found is None:
        raise RazorpayError(400, SUMS["unknown_charge"])
    return found


async def get_link(request: web.Request) -> web.Response:
    gateway = authenticated(request)
    return json_answer(_shown(request, gateway, link_of(request, gateway)))


async def list_links(request: web.Request) -> web.Response:
    """`?reference_id=`, or all of them, newest first."""
    gateway, reference = authenticated(request), request.query.get("reference_id")
    found = gateway.intents.newest("razorpay", "link", *window(request, gateway))
    if reference is not None:
        found = gateway.intents.by_reference(reference, "razorpay", "link", gateway.visible_until())
    return json_answer({"payment_links": [_shown(request, gateway, one) for one in paged(request, found)]})


async def cancel_link(request: web.Request) -> web.Response:
    gateway = authenticated(request)
    link = link_of(request, gateway)
    if link.status != "open" or gateway.book.of_intent(link.intent_id):
        raise RazorpayError(400, "Payment Link cannot be cancelled in its state")
    return json_answer(_shown(request, gateway, await gateway.intents.change(link, status="cancelled")))


def routes() -> list[web.RouteDef]:
    v1 = "/razorpay/{account}/v1/payment_links"
    return [
        web.post(v1, create_link),
        web.get(v1, list_links),
        web.get(f"{v1}/{{id}}", get_link),
        web.post(f"{v1}/{{id}}/cancel", cancel_link),
    ]
