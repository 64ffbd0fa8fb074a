"""The gateway accounts over HTTP: charges, lookups, settings and the journal, under `/gateways`."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from deploy.sandbox import reading
from deploy.sandbox.answers import Problem, body_object, json_answer, whole
from deploy.sandbox.behaviour import MESSAGES
from deploy.sandbox.book import Place
from deploy.sandbox.charge import Charge
from deploy.sandbox.gateway import Gateway, GatewayFull
from deploy.sandbox.journal import Journal
from deploy.sandbox.magic import UnknownMagic
from deploy.sandbox.order import InvalidOrder, KeyReused, parse
from deploy.sandbox.speaking import speak
from deploy.sandbox.times import TIME_MAX, TIME_MIN, stamp

GATEWAYS = web.AppKey("gateways", Mapping[str, Gateway])
CHARGES = web.AppKey("charges", Journal)
LIST_MAX = 100


def gateway_of(request: web.Request) -> Gateway:
    """Raises Problem."""
    gateway = request.app[GATEWAYS].get(request.match_info["account"])
    if gateway is None:
        raise Problem(404, "unknown_account", "no such account; GET /gateways lists them")
    return gateway


def authenticated(request: web.Request) -> Gateway:
    """Raises Problem."""
    gateway = gateway_of(request)
    if request.headers.get("Authorization") != gateway.authorization:
        raise Problem(401, "unauthenticated", "send the account's key: Authorization: Bearer sk_sandbox_<account>")
    return gateway


async def create_charge(request: web.Request) -> web.StreamResponse:
    """`POST /v1/charges`."""
    gateway = authenticated(request)
    started_s = asyncio.get_running_loop().time()
    try:
        order, key = parse(await request.read()), request.headers.get("Idempotency-Key")
        if key is not None and not 1 <= len(key) <= 255:
            raise InvalidOrder("Idempotency-Key: 1 to 255 characters")
        plan = gateway.plan(order)
        booked = await gateway.submit(order, key, plan.behaviour)
    except (InvalidOrder, UnknownMagic) as error:
        raise Problem(400, "invalid_request", str(error)) from None
    except KeyReused:
        raise Problem(409, "idempotency_key_reused", "this idempotency key belongs to a different order") from None
    except GatewayFull:
        raise Problem(402, "gateway_error_not_charged", "the sandbox is full; start it with a new journal") from None
    if booked.charge is not None and booked.replayed:
        return _result(request, booked.charge)
    result = None if booked.charge is None else _result(request, booked.charge)
    return await speak(request, gateway, plan, started_s, result, rate_limited)


def rate_limited(headers: dict[str, str]) -> web.Response:
    return json_answer({"error": {"code": "rate_limited", "message": "too many requests; nothing was charged"}}, 429, headers)


def _result(request: web.Request, charge: Charge) -> web.Response:
    """200 with the charge, or 402 with the refusal that it is."""
    if charge.status == "failed":
        code = charge.code or ""
        error = {"code": code, "message": MESSAGES.get(code, ""), "charge_id": charge.charge_id}
        return json_answer({"error": error}, 402)
    return json_answer(view_of(request, charge))


def view_of(request: web.Request, charge: Charge) -> dict[str, Any]:
    view = charge.view()
    if charge.status == "requires_action":
        view["action_url"] = f"{request.url.origin()}/gateways/{request.match_info['account']}/pay/{charge.charge_id}"
    return view


async def get_charge(request: web.Request) -> web.Response:
    """`GET /v1/charges/{id}`."""
    charge = authenticated(request).book.get(request.match_info["charge_id"])
    if charge is None:
        raise Problem(404, "unknown_charge", "no charge with this id")
    return json_answer(view_of(request, charge))


async def list_charges(request: web.Request) -> web.Response:
    """`GET /v1/charges?reference=R`, or `?from=&to=&cursor=&limit=`: from ≤ created_at < to, oldest first."""
    gateway = authenticated(request)
    visible_until, reference = gateway.visible_until(), request.query.get("reference")
    if reference is not None:
        return json_answer({"items": [view_of(request, charge) for charge in gateway.book.by_reference(reference, visible_until)]})
    charges, cursor = gateway.book.between(*paged(request, visible_until))
    return json_answer({"items": [view_of(request, charge) for charge in charges], "next_cursor": cursor and "|".join(cursor)})


def paged(request: web.Request, visible_until: str) -> tuple[str, str, Place | None, int]:
    """Start, end, cursor and limit of a list, from the query. Raises Problem."""
    start, end = _time(request, "from", TIME_MIN), min(_time(request, "to", TIME_MAX), visible_until)
    return start, end, _cursor(request), whole(request, "limit", LIST_MAX, LIST_MAX) or 1


def _time(request: web.Request, name: str, default: str) -> str:
    text = request.query.get(name)
    if text is None:
        return default
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError
        return stamp(moment)
    except (ValueError, OverflowError):
        raise Problem(400, "invalid_request", f"{name}: an RFC 3339 time with its zone") from None


def _cursor(request: web.Request) -> Place | None:
    text = request.query.get("cursor")
    if text is None:
        return None
    created_at, _, charge_id = text.partition("|")
    if not charge_id:
        raise Problem(400, "invalid_request", "cursor: what the page before said as next_cursor")
    return created_at, charge_id


async def list_accounts(request: web.Request) -> web.Response:
    """`GET /gateways`: every account's settings and number of charges."""
    gateways = request.app[GATEWAYS]
    return json_answer({name: {"charges": len(one.book), "settings": one.settings.model_dump()} for name, one in gateways.items()})


async def get_settings(request: web.Request) -> web.Response:
    return json_answer(gateway_of(request).settings.model_dump())


async def put_settings(request: web.Request) -> web.Response:
    """Change the fields given; the others stay."""
    gateway = gateway_of(request)
    try:
        gateway.settings = gateway.settings.changed(await body_object(request))
    except ValidationError as error:
        raise invalid_settings(error) from None
    return json_answer(gateway.settings.model_dump())


def invalid_settings(error: ValidationError) -> Problem:
    """Names every wrong field."""
    faults = (f"{'.'.join(map(str, fault['loc'])) or 'settings'}: {fault['msg']}" for fault in error.errors())
    return Problem(400, "invalid_settings", "; ".join(faults))


async def delete_settings(request: web.Request) -> web.Response:
    """Back to what the accounts file says."""
    gateway = gateway_of(request)
    gateway.settings = gateway.settings_of_file
    return json_answer(gateway.settings.model_dump())


async def read_journal(request: web.Request) -> web.Response:
    """`GET /gateways/journal?reference=` or `?after=`, of all accounts; `account=` keeps one, `wait_s=` waits for something."""
    account = request.query.get("account")
    return json_answer(await reading.read(request, request.app[CHARGES], lambda record: account in (None, record["account"])))


def routes() -> list[web.RouteDef]:
    """aiohttp tries them in this order, so the busiest comes first."""
    return [
        web.post("/gateways/{account}/v1/charges", create_charge),
        web.get("/gateways/{account}/v1/charges", list_charges),
        web.get("/gateways/{account}/v1/charges/{charge_id}", get_charge),
        web.get("/gateways/journal", read_journal),
        web.get("/gateways", list_accounts),
        web.get("/gateways/{account}/settings", get_settings),
        web.put("/gateways/{account}/settings", put_settings),
        web.delete("/gateways/{account}/settings", delete_settings),
    ]
