"""Stands between the gateways and the edge: carries their webhooks out of order, some of them once more, and forged ones beside them."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Mapping
from random import Random
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from deploy.faults.mailbag import Letter, Mailbag

HURRIES_S_MAX = 0.6  # a webhook is on its way for up to so long, so that any two of them may change places
AGAIN_S_MAX = 4.0
TRIES_MAX = 20  # of a replay or a forgery that nobody answers, because the edge is dead
PAUSE_S = 0.5
TAKEN = range(200, 300)
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature", "Content-Type")
MONEY_TAKEN = frozenset({"succeeded", "authorized", "paid"})


class Courier:
    """`replays` and `forgeries` are shares of the webhooks that pass. What it saw is in `mailbag`."""

    def __init__(self, api: str, *, draw: Random) -> None:
        self.api, self.draw = api, draw
        self.replays = self.forgeries = 0.0
        self.mailbag = Mailbag()
        self.under_way: set[asyncio.Future[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None
        self._port = 0

    async def url(self, account: str) -> str:
        """Where this account is to send its webhooks. The first call opens the door."""
        if self._runner is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=4))
            app = web.Application()
            app.add_routes([web.post("/{account}", self._carry)])
            self._runner = web.AppRunner(app, access_log=None)
            await self._runner.setup()
            await (site := web.TCPSite(self._runner, "127.0.0.1", 0)).start()
            self._port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        return f"http://127.0.0.1:{self._port}/{account}"

    async def close(self) -> None:
        for one in self.under_way:
            one.cancel()
        if self._runner is not None and self._session is not None:
            await self._runner.cleanup()
            await self._session.close()

    async def _carry(self, request: web.Request) -> web.Response:
        """The gateway hears what the edge says, and sends again what the edge did not take."""
        account, body = request.match_info["account"], await request.read()
        headers = {name: request.headers[name] for name in HEADERS if name in request.headers}
        letter = Letter(account, headers.get("webhook-id", ""), hashlib.sha256(body).hexdigest())
        self.mailbag.genuine.add(letter)
        if self.draw.random() < self.forgeries:
            self._behind(self._forge(account, headers, body))
        await asyncio.sleep(self.draw.uniform(0, HURRIES_S_MAX))
        status = await self._post(account, headers, body)
        if status in TAKEN:
            self.mailbag.taken[letter] += 1
            if self.draw.random() < self.replays:
                self._behind(self._replay(letter, headers, body))
        return web.Response(status=status or 502)

    def _behind(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)

    async def _replay(self, letter: Letter, headers: Mapping[str, str], body: bytes) -> None:
        """The same id, body and signature once more, when everybody has gone on."""
        await asyncio.sleep(self.draw.uniform(0, AGAIN_S_MAX))
        if await self._until_answered(letter.account, headers, body) in TAKEN:
            self.mailbag.taken[letter] += 1
            self.mailbag.replayed += 1

    async def _forge(self, account: str, headers: Mapping[str, str], body: bytes) -> None:
        """Before the true one or after it."""
        await asyncio.sleep(self.draw.uniform(0, 2 * HURRIES_S_MAX))
        headers, body = forged(self.draw, headers, body)
        status = await self._until_answered(account, headers, body)
        letter = Letter(account, headers.get("webhook-id", ""), hashlib.sha256(body).hexdigest())
        self.mailbag.forged.append((letter, status))

    async def _until_answered(self, account: str, headers: Mapping[str, str], body: bytes) -> int:
        for _ in range(TRIES_MAX):
            if (status := await self._post(account, headers, body)) and status < 500:
                return status
            await asyncio.sleep(PAUSE_S)
        return 0

    async def _post(self, account: str, headers: Mapping[str, str], body: bytes) -> int:
        """The edge's status; 0 where there was no answer."""
        assert self._session is not None, "url() comes first"  # noqa: S101
        try:
            async with self._session.post(f"{self.api}/webhooks/{account}", data=body, headers=headers) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0


def forged(draw: Random, headers: Mapping[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
    """A webhook that nobody may believe: the opposite of the true one, under the true one's signature, a stranger's, or none."""
    event = orjson.loads(body)
    data = event["data"]
    if data["status"] in MONEY_TAKEN:
        data["amount_minor"] += 1
    else:
        data["status"] = "succeeded"
    kept, signature = dict(headers), draw.choice(("the true one's", "a stranger's", "none"))
    if signature != "the true one's":
        event["id"] = kept["webhook-id"] = f"evt_{draw.getrandbits(64):016x}"
        kept.pop("webhook-signature", None)
    body = orjson.dumps(event)
    if signature == "a stranger's":
        signed = f"{kept['webhook-id']}.{kept.get('webhook-timestamp', '')}.".encode() + body
        mac = hmac.digest(draw.randbytes(24), signed, "sha256")
        kept["webhook-signature"] = f"v1,{base64.b64encode(mac).decode()}"
    return kept, body
