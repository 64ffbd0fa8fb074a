"""The shop over HTTP, under `/shop`: one default webhook endpoint and any number of named ones."""

import asyncio
from html import escape

from aiohttp import web
from pydantic import ValidationError

from deploy.sandbox import reading
from deploy.sandbox.answers import Problem, body_object, json_answer
from deploy.sandbox.gateway_routes import invalid_settings
from deploy.sandbox.journal import Record
from deploy.sandbox.misbehaving import HOLDER
from deploy.sandbox.shop import DEFAULT, NAME, Endpoint, InvalidBody, Shop, TooManyEndpoints
from deploy.sandbox.signature import InvalidSignature

SHOP = web.AppKey("shop", Shop)

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="3"><title>Sandbox shop</title>
<style>body {{ font: 15px system-ui; margin: 2em }} td, th {{ padding: .2em 1em .2em 0; text-align: left }}
td {{ font-family: ui-monospace, monospace; font-size: 13px }}</style>
<h1>Webhooks received</h1><p>The last {count}, newest first; {rejected} rejected for their signature.</p>
<table><tr><th>at</th><th>type</th><th>payment</th><th>sequence</th><th>answered</th><th>webhook</th></tr>
{rows}</table></html>"""


def endpoint_of(request: web.Request) -> Endpoint:
    """Raises Problem."""
    name = request.match_info.get("name", DEFAULT)
    if not NAME.fullmatch(name):
        raise Problem(404, "unknown_endpoint", "an endpoint's name is lower case letters, digits and hyphens")
    try:
        return request.app[SHOP].endpoint(name)
    except TooManyEndpoints:
        raise Problem(404, "too_many_endpoints", "no further endpoint can be opened") from None


async def receive(request: web.Request) -> web.StreamResponse:
    """`POST /shop/webhooks[/{name}]`: 204 once the delivery is on disk, 401 when its signature is not ours."""
    endpoint = endpoint_of(request)
    try:
        answered = await endpoint.receive(request.headers, await request.read())
    except InvalidSignature as error:
        raise Problem(401, "invalid_signature", str(error)) from None
    except InvalidBody as error:
        raise Problem(400, "invalid_request", str(error)) from None
    manners = endpoint.manners
    if answered is None:
        return await request.app[HOLDER].hold(request, manners.hang_s)
    if manners.delay_s:
        await asyncio.sleep(manners.delay_s)
    headers = None
    if answered >= 300 and manners.retry_after_s is not None:
        headers = {"Retry-After": str(manners.retry_after_s)}
    return web.Response(status=answered, headers=headers)


async def received(request: web.Request) -> web.Response:
    """`?payment_id=` or `?after=`; `type=` and `answered=` keep only such, `wait_s=` waits for the first."""
    endpoint, kind, answered = endpoint_of(request), request.query.get("type"), request.query.get("answered")

    def wanted(record: Record) -> bool:
        return kind in (None, record["type"]) and answered in (None, str(record["answered"]))

    page = await reading.read(request, endpoint.journal, wanted)
    return json_answer(page | {"rejected": endpoint.rejected})


async def get_settings(request: web.Request) -> web.Response:
    return json_answer(endpoint_of(request).shown())


async def put_settings(request: web.Request) -> web.Response:
    """Change the fields given; the others stay."""
    endpoint = endpoint_of(request)
    try:
        endpoint.change(await body_object(request))
    except ValidationError as error:
        raise invalid_settings(error) from None
    return json_answer(endpoint.shown())


async def page(request: web.Request) -> web.Response:
    endpoint = endpoint_of(request)
    records = endpoint.journal.recent()
    columns = ("at", "type", "payment_id", "sequence", "answered", "webhook_id")
    rows = "\n".join(f"<tr>{''.join(f'<td>{escape(str(record[name]))}</td>' for name in columns)}</tr>" for record in records)
    return web.Response(text=PAGE.format(count=len(records), rejected=endpoint.rejected, rows=rows), content_type="text/html")


def routes() -> list[web.RouteDef]:
    return [
        web.post("/shop/webhooks", receive),
        web.post("/shop/webhooks/{name}", receive),
        web.get("/shop", page),
        web.get("/shop/webhooks/{name}", page),
        web.get("/shop/received", received),
        web.get("/shop/webhooks/{name}/received", received),
        web.get("/shop/settings", get_settings),
        web.put("/shop/settings", put_settings),
        web.get("/shop/webhooks/{name}/settings", get_settings),
        web.put("/shop/webhooks/{name}/settings", put_settings),
    ]
