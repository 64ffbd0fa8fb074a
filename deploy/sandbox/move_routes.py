"""Captures, refunds, voids and payment links in the sandbox's own format, under `/gateways/{account}/v1`."""

import asyncio
from typing import Any, Literal

import uuid_utils
from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from deploy.sandbox.answers import Problem, json_answer
from deploy.sandbox.behaviour import MESSAGES
from deploy.sandbox.gateway import Gateway
from deploy.sandbox.gateway_routes import authenticated, paged, rate_limited
from deploy.sandbox.intents import Intent, IntentsFull
from deploy.sandbox.mover import MoveOrder, MoveRefused
from deploy.sandbox.moves import SUM_MESSAGES, Move, sums
from deploy.sandbox.order import Amount, Currency, KeyReused, Reference
from deploy.sandbox.speaking import speak
from deploy.sandbox.times import now


class MoveBody(BaseModel):
    """Of `POST /v1/charges/{id}/{capture|refund|void}`. Without an amount: all that is left; a void always takes all."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    reference: Reference
    amount_minor: Amount | None = None
    currency: Currency | None = None


class LinkBody(BaseModel):
    """Of `POST /v1/links`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    reference: Reference
    amount_minor: Amount
    currency: Currency


def _invalid(error: ValidationError) -> Problem:
    return Problem(400, "invalid_request", "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:5]))


def key_of(request: web.Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 1 <= len(key) <= 255:
        raise Problem(400, "invalid_request", "Idempotency-Key: 1 to 255 characters")
    return key


async def create_move(request: web.Request) -> web.StreamResponse:
    gateway, charge_id = authenticated(request), request.match_info["charge_id"]
    started_s = asyncio.get_running_loop().time()
    kind: Any = request.match_info["kind"]
    charge = gateway.book.get(charge_id)
    if charge is None:
        raise Problem(404, "unknown_charge", "no charge with this id")
    try:
        body = MoveBody.model_validate_json(await request.read())
        if body.currency not in (None, charge.currency):
            raise Problem(400, "invalid_request", "currency: not the charge's")
        amount_minor = wanted(gateway, charge_id, kind, body.amount_minor)
        order = MoveOrder(kind, charge_id, body.reference, amount_minor, {"capture": "cap", "refund": "rfnd", "void": "void"}[kind])
        plan = gateway.mover.plan(order)
        move, replayed = await gateway.mover.submit(order, key_of(request), plan.behaviour)
    except ValidationError as error:
        raise _invalid(error) from None
    except KeyReused:
        raise Problem(409, "idempotency_key_reused", "this idempotency key belongs to a different order") from None
    except MoveRefused as error:
        raise Problem(402, str(error), SUM_MESSAGES[str(error)]) from None
    if move is not None and replayed:
        return _result(move)
    return await speak(request, gateway, plan, started_s, None if move is None else _result(move), rate_limited)


def wanted(gateway: Gateway, charge_id: str, kind: Literal["capture", "refund", "void"], asked: int | None) -> int:
    """The amount of a move that names none: all that is left. At least 1, so that the sums refuse it."""
    charge = gateway.book.get(charge_id)
    if charge is None or (asked is not None and kind != "void"):
        return asked or 1
    left = sums(charge, gateway.book.moves_of(charge_id))
    return max(1, left.captured - left.refunded if kind == "refund" else left.held - left.captured)


def _result(move: Move) -> web.Response:
    if move.status == "failed":
        return json_answer({"error": {"code": move.code, "message": MESSAGES.get(move.code or "", ""), "charge_id": move.charge_id}}, 402)
    return json_answer(move.view())


async def find_moves(request: web.Request) -> web.Response:
    """`GET /v1/moves?reference=R`, or `?operation=refund&from=&to=&cursor=&limit=` like the list of charges."""
    gateway = authenticated(request)
    if request.query.get("operation") == "refund":
        refunds, cursor = gateway.book.refunds_between(*paged(request, gateway.visible_until()))
        return json_answer({"items": [move.view() for move in refunds], "next_cursor": cursor and "|".join(cursor)})
    found = gateway.book.moves_by_reference(request.query.get("reference", ""), gateway.visible_until())
    return json_answer({"items": [move.view() for move in found]})


async def create_link(request: web.Request) -> web.Response:
    """One link per reference: a copy of the order is answered with the link that is there."""
    gateway = authenticated(request)
    try:
        body = LinkBody.model_validate_json(await request.read())
    except ValidationError as error:
        raise _invalid(error) from None
    there = gateway.intents.by_reference(body.reference, "sandbox", "link", now())
    if there and (there[0].amount_minor, there[0].currency) != (body.amount_minor, body.currency):
        raise Problem(409, "idempotency_key_reused", "there is another link with this reference")
    if there:
        return json_answer(link_view(request, gateway, there[0]))
    link_id = f"link_{uuid_utils.uuid7().hex}"
    link = Intent(link_id, "sandbox", "link", body.reference, "charge", body.amount_minor, body.currency, now())
    try:
        await gateway.intents.add(link)
    except IntentsFull:
        raise Problem(402, "gateway_error_not_charged", "the sandbox is full; start it with a new journal") from None
    return json_answer(link_view(request, gateway, link))


def link_view(request: web.Request, gateway: Gateway, link: Intent) -> dict[str, Any]:
    """`paid` names its charge; until then `action_url` is where to send the payer."""
    paid = [charge for charge in gateway.book.of_intent(link.intent_id) if charge.status == "succeeded"]
    shown: dict[str, Any] = {
        "id": link.intent_id,
        "reference": link.reference,
        "operation": "link",
        "status": "paid" if paid else link.status,
        "amount_minor": paid[0].amount_minor if paid else link.amount_minor,
        "currency": link.currency,
        "created_at": link.created_at,
    }
    if paid:
        return shown | {"charge_id": paid[0].charge_id}
    return shown | {"action_url": f"{request.url.origin()}/gateways/{gateway.account}/links/{link.intent_id}"}


async def find_links(request: web.Request) -> web.Response:
    """`GET /v1/links?reference=R`."""
    gateway = authenticated(request)
    found = gateway.intents.by_reference(request.query.get("reference", ""), "sandbox", "link", gateway.visible_until())
    return json_answer({"items": [link_view(request, gateway, link) for link in found]})


async def cancel_link(request: web.Request) -> web.Response:
    gateway = authenticated(request)
    link = gateway.intents.get(request.match_info["link_id"], "sandbox", "link")
    if link is None:
        raise Problem(404, "unknown_link", "no link with this id")
    return json_answer(link_view(request, gateway, await gateway.intents.change(link, status="cancelled")))


def routes() -> list[web.RouteDef]:
    return [
        web.post("/gateways/{account}/v1/charges/{charge_id}/{kind:capture|refund|void}", create_move),
        web.get("/gateways/{account}/v1/moves", find_moves),
        web.post("/gateways/{account}/v1/links", create_link),
        web.get("/gateways/{account}/v1/links", find_links),
        web.post("/gateways/{account}/v1/links/{link_id}/cancel", cancel_link),
    ]
