"""Razorpay's refunds: partial ones, several ones, and the one endpoint of it with an idempotency key."""

import asyncio

from aiohttp import web

from deploy.sandbox.answers import json_answer
from deploy.sandbox.mover import MoveOrder, MoveRefused
from deploy.sandbox.moves import Move, sums
from deploy.sandbox.order import KeyReused, reference_or
from deploy.sandbox.razorpay import entities
from deploy.sandbox.razorpay.errors import SUMS, RazorpayError, failure, rate_limited
from deploy.sandbox.razorpay.reading import amount_of, json_of, notes_of, paged, short_id, window
from deploy.sandbox.razorpay.routes import authenticated, charge_of
from deploy.sandbox.speaking import speak


async def create_refund(request: web.Request) -> web.StreamResponse:
    """`X-Refund-Idempotency`, 10 to 100 characters. Without an amount: all that is left."""
    gateway, body = authenticated(request), await json_of(request)
    started_s, charge = asyncio.get_running_loop().time(), charge_of(request, gateway)
    now = sums(charge, gateway.book.moves_of(charge.charge_id))
    key = request.headers.get("X-Refund-Idempotency")
    if key is not None and not 10 <= len(key) <= 100:
        raise RazorpayError(400, "X-Refund-Idempotency: 10 to 100 characters", reason="input_validation_failed")
    copy = None if key is None or gateway.settings.ignores_idempotency_keys else gateway.book.move_by_key(key)
    left = copy.requested_minor if copy else max(1, now.captured - now.refunded)
    amount = left if body.get("amount") is None else amount_of(body)
    if copy is None and now.captured and now.refunded >= now.captured:
        raise RazorpayError(400, "The payment has been fully refunded already")
    reference = reference_or(key or short_id("r"), body.get("receipt"))
    order = MoveOrder("refund", charge.charge_id, reference, amount, "rfnd", notes=notes_of(body))
    plan = gateway.mover.plan(order)
    try:
        move, replayed = await gateway.mover.submit(order, key, plan.behaviour)
    except KeyReused:
        raise RazorpayError(400, "Different request body sent for the same idempotency key", reason="input_validation_failed") from None
    except MoveRefused as error:
        raise RazorpayError(400, SUMS[str(error)]) from None
    if move is not None and replayed:
        return _result(move, charge.method)
    return await speak(request, gateway, plan, started_s, None if move is None else _result(move, charge.method), rate_limited)


def _result(move: Move, method: str) -> web.Response:
    if move.status == "failed":
        return json_answer({"error": failure(move.code, method) | {"metadata": {"payment_id": move.charge_id}}}, 400)
    return json_answer(entities.refund(move))


async def payment_refunds(request: web.Request) -> web.Response:
    """Newest first; failed ones too."""
    gateway = authenticated(request)
    moves = gateway.book.moves_of(charge_of(request, gateway).charge_id)
    found = [move for move in reversed(moves) if move.kind == "refund"]
    return json_answer(entities.collection([entities.refund(move) for move in paged(request, found)]))


async def get_refund(request: web.Request) -> web.Response:
    """`GET /v1/refunds/{refund_id}`, or below its payment."""
    move = authenticated(request).book.move(request.match_info["refund_id"])
    if move is None or move.kind != "refund":
        raise RazorpayError(400, SUMS["unknown_charge"])
    return json_answer(entities.refund(move))


async def list_refunds(request: web.Request) -> web.Response:
    gateway = authenticated(request)
    found = gateway.book.newest_refunds(*window(request, gateway), "razorpay")
    return json_answer(entities.collection([entities.refund(move) for move in paged(request, found)]))


def routes() -> list[web.RouteDef]:
    v1 = "/razorpay/{account}/v1"
    return [
        web.post(f"{v1}/payments/{{id}}/refund", create_refund),
        web.get(f"{v1}/payments/{{id}}/refunds", payment_refunds),
        web.get(f"{v1}/payments/{{id}}/refunds/{{refund_id}}", get_refund),
        web.get(f"{v1}/refunds", list_refunds),
        web.get(f"{v1}/refunds/{{refund_id}}", get_refund),
    ]
