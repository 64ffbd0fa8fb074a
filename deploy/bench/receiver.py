"""Both ends of a webhook without a mesh between them, each a process: `serve` is an endpoint that counts what it hears and checks every
signature, `post` the floor, a bare client that posts one body over and over. `python -m deploy.bench.receiver ROLE …`."""

import asyncio
import base64
import hashlib
import hmac
import sys
import time
import urllib.request
from datetime import datetime

import aiohttp
import orjson
import uvloop
from aiohttp import web
from pydantic import BaseModel

from deploy.local import demo

KEY = base64.b64decode(demo.WEBHOOK_SECRET.removeprefix("whsec_"))


class Heard(BaseModel):
    """Since the last reset; times are seconds since 1970. `body` is the last one's, `late_ms` from event to receipt of timed ones."""

    posts: int = 0
    deliveries: int = 0
    wrong_signatures: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    body: str = ""
    late_ms: list[float] = []


class Receiver:
    def __init__(self) -> None:
        self.heard, self.ids = Heard(), set[str]()
        self.hanging = ""  # this endpoint answers nothing

    async def hear(self, request: web.Request) -> web.Response:
        body, heard = await request.read(), self.heard
        heard.last_at = time.time()
        heard.first_at = heard.first_at or heard.last_at
        heard.posts += 1
        if name := request.headers.get("webhook-id"):
            self.ids.add(name)
            signed = b".".join((name.encode(), request.headers["webhook-timestamp"].encode(), body))
            signature = "v1," + base64.b64encode(hmac.digest(KEY, signed, hashlib.sha256)).decode()
            heard.wrong_signatures += request.headers["webhook-signature"] != signature
            heard.body = body.decode()
        return web.Response(body=b"ok")

    async def hear_timed(self, request: web.Request) -> web.Response:
        """Of an endpoint among many, one of which may hang."""
        if request.match_info["endpoint"] == self.hanging:
            await asyncio.Event().wait()
        happened_at = datetime.fromisoformat(orjson.loads(await request.read())["timestamp"]).timestamp()
        self.heard.late_ms.append((time.time() - happened_at) * 1000)
        return await self.hear(request)

    async def hang(self, request: web.Request) -> web.Response:
        self.hanging = request.match_info["endpoint"]
        return web.Response()

    async def tell(self, request: web.Request) -> web.Response:
        self.heard.deliveries = len(self.ids)
        return web.Response(body=self.heard.model_dump_json().encode(), content_type="application/json")

    async def reset(self, request: web.Request) -> web.Response:
        self.heard, self.ids = Heard(), set()
        return web.Response()


def ask(url: str, method: str = "GET") -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=5) as answer:  # noqa: S310
        said: bytes = answer.read()
    return said


def heard_by(url: str) -> Heard:
    """What the receiver there has heard."""
    return Heard.model_validate_json(ask(f"{url}/heard"))


async def serve(port: int) -> None:
    receiver, app = Receiver(), web.Application()
    app.router.add_post("/hooks/{endpoint}", receiver.hear)
    app.router.add_post("/timed/{endpoint}", receiver.hear_timed)
    app.router.add_put("/hanging/{endpoint}", receiver.hang)
    app.router.add_get("/heard", receiver.tell)
    app.router.add_delete("/heard", receiver.reset)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


async def post(url: str, body: bytes, count: int, at_once: int) -> None:
    """Writes `{"seconds", "cpu_s"}` to standard output."""
    left = iter(range(count))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def worker() -> None:
            for _ in left:
                async with session.post(url, data=body, headers={"Content-Type": "application/json"}) as response:
                    await response.read()

        started, cpu_s = time.perf_counter(), time.process_time()
        await asyncio.gather(*(worker() for _ in range(at_once)))
        took = {"seconds": time.perf_counter() - started, "cpu_s": time.process_time() - cpu_s}
    sys.stdout.write(orjson.dumps(took).decode())


def main(role: str, *arguments: str) -> None:
    match role, arguments:
        case "serve", (port,):
            uvloop.run(serve(int(port)))
        case "post", (url, count, at_once):
            uvloop.run(post(url, sys.stdin.buffer.read(), int(count), int(at_once)))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
