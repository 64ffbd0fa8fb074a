"""The merchant of a campaign takes every answer that is one."""

import asyncio
from random import Random

from aiohttp import web
from aiohttp.test_utils import TestServer

from deploy.faults.client import Client, History

NO_LINK = {"error": {"code": "BAD_GATEWAY", "message": "", "details": {"payment_id": "pay_1", "error": None}}}


async def test_a_link_that_nobody_makes_is_an_answer() -> None:
    """Its payment is there, has failed, and is judged like any other; asked for again it would fail again for ever."""
    asked: list[str] = []

    async def create(request: web.Request) -> web.Response:
        asked.append(request.headers["Idempotency-Key"])
        return web.json_response(NO_LINK, status=502) if len(asked) > 1 else web.Response(status=502, text="a proxy alone")

    async def show(request: web.Request) -> web.Response:
        return web.json_response({"payment_id": "pay_1", "status": "failed", "payment_url": None})

    app = web.Application()
    app.add_routes([web.post("/payments", create), web.get("/payments/pay_1", show)])
    async with TestServer(app) as server, asyncio.timeout(60):
        history = History()
        await Client(str(server.make_url("")).rstrip("/"), history, draw=Random(1), links=1.0).run(1, rate_per_s=10.0)
    assert (list(history.accepted), history.unanswered, history.answers) == (["pay_1"], 0, {502: 2})
    assert asked[0] == asked[1]
    assert history.links == {"never shown": 1}
