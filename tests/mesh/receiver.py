"""A merchant's webhook endpoint that keeps what it hears exactly as it came, so that a library of others can judge the signature."""

import asyncio
import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web


@dataclass(frozen=True)
class Heard:
    """One delivery."""

    headers: dict[str, str]
    body: bytes


class Receiver:
    """Answers 204 to everything."""

    def __init__(self) -> None:
        self.secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        self.url = ""
        self.heard: list[Heard] = []
        self._grown = asyncio.Condition()
        app = web.Application()
        app.router.add_post("/hooks", self._hear)
        self._runner = web.AppRunner(app, access_log=None)

    async def open(self) -> None:
        """Listen on a free port."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/hooks"

    async def close(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _hear(self, request: web.Request) -> web.Response:
        self.heard.append(Heard(dict(request.headers), await request.read()))
        async with self._grown:
            self._grown.notify_all()
        return web.Response(status=204)

    async def first(self, wanted: Callable[[Heard], bool], *, within_s: float = 20.0) -> Heard:
        """The first delivery that is wanted, as soon as it is there. Raises TimeoutError."""
        async with asyncio.timeout(within_s), self._grown:
            await self._grown.wait_for(lambda: any(map(wanted, self.heard)))
        return next(filter(wanted, self.heard))
