"""A merchant's endpoint for the webhooks of gateways: keeps what arrives as it came over the wire."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Receiver:
    """`refuse_first` deliveries are answered 500."""

    url: str = ""
    refuse_first: int = 0
    arrived: "asyncio.Queue[tuple[dict[str, str], bytes]]" = field(default_factory=asyncio.Queue)

    async def handle(self, request: web.Request) -> web.Response:
        self.arrived.put_nowait((dict(request.headers), await request.read()))
        if self.refuse_first:
            self.refuse_first -= 1
            return web.Response(status=500)
        return web.Response(status=202)

    async def next(self) -> tuple[dict[str, str], bytes]:
        return await asyncio.wait_for(self.arrived.get(), 60)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        receiver.url = f"http://{host}:{port}/hook"
        yield receiver
    finally:
        await runner.cleanup()
