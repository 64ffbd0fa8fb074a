"""Where a payer goes: for a charge that needs an action, or to pay a link. A page with two buttons."""

from aiohttp import web

from deploy.sandbox.answers import Problem, json_answer
from deploy.sandbox.behaviour import SUCCEED
from deploy.sandbox.charge import Wire
from deploy.sandbox.gateway import Gateway, NotOpen, Origin, approved
from deploy.sandbox.gateway_routes import gateway_of
from deploy.sandbox.intents import Intent
from deploy.sandbox.order import Instrument, Order

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Sandbox bank</title>
<style>body {{ font: 16px system-ui; margin: 4em auto; max-width: 30em }} button {{ font: inherit; padding: .5em 1.5em }}</style>
<h1>Sandbox bank</h1><p>Pay {amount} {currency} (minor units)? This {what} is <b>{status}</b>.</p>
<form method="post"><button name="outcome" value="approve">Approve</button> <button name="outcome" value="decline">Decline</button></form>
</html>"""
PREFIXES = {"sandbox": "ch", "razorpay": "pay", "stripe": "ch"}


def _page(amount_minor: int, currency: str, what: str, status: str) -> web.Response:
    text = PAGE.format(amount=amount_minor, currency=currency, what=what, status=status)  # digits, capitals and our own words
    return web.Response(text=text, content_type="text/html")


async def _outcome(request: web.Request) -> str:
    """From the form, or `?outcome=approve|decline` for a program. Raises Problem."""
    outcome = request.query.get("outcome") or (await request.post()).get("outcome")
    if outcome not in ("approve", "decline"):
        raise Problem(400, "invalid_request", "outcome: approve or decline")
    return str(outcome)


async def show(request: web.Request) -> web.Response:
    charge = gateway_of(request).book.get(request.match_info["charge_id"])
    if charge is None:
        raise Problem(404, "unknown_charge", "no charge with this id")
    return _page(charge.amount_minor, charge.currency, "charge", charge.status.replace("_", " "))


async def decide(request: web.Request) -> web.Response:
    gateway, charge_id = gateway_of(request), request.match_info["charge_id"]
    charge = gateway.book.get(charge_id)
    if charge is None:
        raise Problem(404, "unknown_charge", "no charge with this id")
    outcome = await _outcome(request)
    try:
        ended = await gateway.settle(charge_id, *((approved(charge),) if outcome == "approve" else ("failed", "card_declined")))
    except NotOpen:
        raise Problem(409, "charge_not_open", f"the charge is {charge.status}") from None
    return json_answer(ended.view())


def _link(request: web.Request) -> tuple[Gateway, Intent]:
    gateway, link_id = gateway_of(request), request.match_info["link_id"]
    wires: tuple[Wire, ...] = ("sandbox", "razorpay", "stripe")
    found = next((link for wire in wires if (link := gateway.intents.get(link_id, wire, "link"))), None)
    if found is None:
        raise Problem(404, "unknown_link", "no link with this id")
    return gateway, found


async def show_link(request: web.Request) -> web.Response:
    _, link = _link(request)
    return _page(link.amount_minor, link.currency, "link", link.status)


async def pay_link(request: web.Request) -> web.Response:
    """Approving charges what the link asks for, once; declining leaves it open, as closing the page would."""
    gateway, link = _link(request)
    if await _outcome(request) == "decline":
        return json_answer({"link": link.intent_id, "status": link.status})
    if link.status != "open":
        raise Problem(409, "link_not_open", f"the link is {link.status}")
    order = Order(
        reference=link.reference,
        operation="charge",
        amount_minor=link.amount_minor,
        currency=link.currency,
        method="PAYMENT_LINK",
        instrument=Instrument(type="LINK"),
    )
    origin = Origin(link.wire, link.paid_as, link.notes, PREFIXES[link.wire])
    booked = await gateway.submit(order, f"link:{link.intent_id}", SUCCEED, origin)
    return json_answer(booked.charge.view() if booked.charge else {})


def routes() -> list[web.RouteDef]:
    return [
        web.get("/gateways/{account}/pay/{charge_id}", show),
        web.post("/gateways/{account}/pay/{charge_id}", decide),
        web.get("/gateways/{account}/links/{link_id}", show_link),
        web.post("/gateways/{account}/links/{link_id}", pay_link),
    ]
