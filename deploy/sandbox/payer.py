"""Where a payer whose payment needs an action is sent: a page with two buttons."""

from aiohttp import web

from deploy.sandbox.answers import Problem, json_answer
from deploy.sandbox.gateway import NotOpen, approved
from deploy.sandbox.gateway_routes import gateway_of

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Sandbox bank</title>
<style>body {{ font: 16px system-ui; margin: 4em auto; max-width: 30em }} button {{ font: inherit; padding: .5em 1.5em }}</style>
<h1>Sandbox bank</h1><p>Pay {amount} {currency} (minor units)? This charge is <b>{status}</b>.</p>
<form method="post"><button name="outcome" value="approve">Approve</button> <button name="outcome" value="decline">Decline</button></form>
</html>"""


async def show(request: web.Request) -> web.Response:
    charge = gateway_of(request).book.get(request.match_info["charge_id"])
    if charge is None:
        raise Problem(404, "unknown_charge", "no charge with this id")
    status = charge.status.replace("_", " ")
    text = PAGE.format(amount=charge.amount_minor, currency=charge.currency, status=status)  # digits, capitals and our own words
    return web.Response(text=text, content_type="text/html")


async def decide(request: web.Request) -> web.Response:
    """The form, or `?outcome=approve|decline` for a program."""
    gateway, charge_id = gateway_of(request), request.match_info["charge_id"]
    charge = gateway.book.get(charge_id)
    if charge is None:
        raise Problem(404, "unknown_charge", "no charge with this id")
    outcome = request.query.get("outcome") or (await request.post()).get("outcome")
    if outcome not in ("approve", "decline"):
        raise Problem(400, "invalid_request", "outcome: approve or decline")
    try:
        ended = await gateway.settle(charge_id, *((approved(charge),) if outcome == "approve" else ("failed", "card_declined")))
    except NotOpen:
        raise Problem(409, "charge_not_open", f"the charge is {charge.status}") from None
    return json_answer(ended.view())


def routes() -> list[web.RouteDef]:
    return [web.get("/gateways/{account}/pay/{charge_id}", show), web.post("/gateways/{account}/pay/{charge_id}", decide)]
