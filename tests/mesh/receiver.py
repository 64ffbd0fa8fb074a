"""A merchant's webhook endpoint that keeps what it hears exactly as it came, so that a library of others can judge the signature."""

import asyncio
import base64
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from tests.mesh.merchant import Payment


@dataclass(frozen=True)
class Heard:
    """One delivery, and what it was answered."""

    headers: dict[str, str]
    body: bytes
    answered: int

    @property
    def payment_id(self) -> str | None:
        """Of the payment it is about, where it is about one."""
        found: str | None = json.loads(self.body)["data"].get("payment_id")
        return found


class Receiver:
    """Answers 204, or 500 for as long as `failing` is not used up."""

    def __init__(self) -> None:
        self.secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        self.url = ""
        self.failing = 0
        self._gate = asyncio.Event()
        self._gate.set()
        self._heard: list[Heard] = []
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
        answered, self.failing = (500, self.failing - 1) if self.failing else (204, 0)
        self._heard.append(Heard(dict(request.headers), await request.read(), answered))
        async with self._grown:
            self._grown.notify_all()
        await self._gate.wait()
        return web.Response(status=answered)

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hears, and answers nothing until the end of the block."""
        self._gate.clear()
        try:
            yield
        finally:
            self._gate.set()

    async def heard(self, payment: Payment, *, within_s: float = 60.0) -> list[Heard]:
        """Every delivery about the payment, once one of them was taken. Raises TimeoutError."""
        async with asyncio.timeout(within_s), self._grown:
            await self._grown.wait_for(lambda: any(one.answered == 204 for one in self._about(payment)))
        return self._about(payment)

    @property
    def all(self) -> list[Heard]:
        """Every delivery so far."""
        return list(self._heard)

    async def count(self, deliveries: int, *, within_s: float = 60.0) -> None:
        """Wait until there were so many. Raises TimeoutError."""
        async with asyncio.timeout(within_s), self._grown:
            await self._grown.wait_for(lambda: len(self._heard) >= deliveries)

    def _about(self, payment: Payment) -> list[Heard]:
        return [one for one in self._heard if one.payment_id == payment.id]
