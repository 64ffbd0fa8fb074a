"""The courier carries every webhook, some again and forged ones beside them, and tells gateways what the edge has said."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import aiohttp
import orjson
import pytest
from aiohttp import web

from deploy.faults import courier as module
from deploy.faults.courier import Courier
from deploy.faults.mailbag import Letter

BODY = orjson.dumps({"id": "evt_1", "type": "charge.failed", "data": {"status": "failed", "amount_minor": 1}})
SIGNED = {"webhook-id": "evt_1", "webhook-timestamp": "1", "webhook-signature": "v1,true"}
LETTER = Letter("alpha", "evt_1", hashlib.sha256(BODY).hexdigest())


class Edge:
    """Takes what says BODY, as one that checks signatures would; `down` times it answers 503 first."""

    def __init__(self, down: int = 0) -> None:
        self.down, self.heard = down, list[bytes]()

    async def receive(self, request: web.Request) -> web.Response:
        assert request.path == "/webhooks/alpha"
        self.down -= 1
        if self.down >= 0:
            return web.Response(status=503)
        self.heard.append(await request.read())
        return web.Response(status=202 if self.heard[-1] == BODY else 401)


@asynccontextmanager
async def carrying(edge: Edge) -> AsyncIterator[tuple[Courier, aiohttp.ClientSession]]:
    app = web.Application()
    app.add_routes([web.post("/{tail:.*}", edge.receive)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    courier = Courier(f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}", draw=Random(3))  # type: ignore[union-attr]
    try:
        async with aiohttp.ClientSession() as session:
            yield courier, session
    finally:
        await courier.close()
        await runner.cleanup()


async def post(courier: Courier, session: aiohttp.ClientSession) -> int:
    async with session.post(await courier.url("alpha"), data=BODY, headers=SIGNED) as response:
        return response.status


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HURRIES_S_MAX", "AGAIN_S_MAX", "PAUSE_S"):
        monkeypatch.setattr(module, name, 0.01)


async def test_a_webhook_is_carried_replayed_and_forged() -> None:
    async with carrying(edge := Edge()) as (courier, session):
        courier.replays = courier.forgeries = 1.0
        assert await post(courier, session) == 202
        await asyncio.gather(*courier.under_way)
        box = courier.mailbag
    assert (box.genuine, box.taken, box.replayed) == ({LETTER}, {LETTER: 2}, 1)
    ((forged, status),) = box.forged
    assert (forged.account, forged != LETTER, status) == ("alpha", True, 401)
    assert sorted(body == BODY for body in edge.heard) == [False, True, True]


async def test_the_gateway_hears_that_the_edge_is_down_and_the_forger_tries_again() -> None:
    async with carrying(Edge(down=2)) as (courier, session):
        courier.forgeries = 1.0
        while (status := await post(courier, session)) != 202:
            assert status == 503
        await asyncio.gather(*courier.under_way)
    assert courier.mailbag.taken == {LETTER: 1}
    assert {status for _, status in courier.mailbag.forged} == {401}


async def test_an_edge_that_is_dead_took_nothing() -> None:
    courier = Courier("http://127.0.0.1:9", draw=Random(3))
    async with aiohttp.ClientSession() as session:
        assert await post(courier, session) == 502
    await courier.close()
    assert (courier.mailbag.taken, courier.mailbag.genuine) == ({}, {LETTER})
