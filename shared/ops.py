"""A small port on every service: `/livez`, `/readyz`, `/metrics`.

Liveness never asks PostgreSQL or RabbitMQ: restarting this process would not help them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

PROBE_TIMEOUT_S = 2.0

Probe = Callable[[], Awaitable[str]]
"""Returns a detail where all is well; raises where it is not."""


class NotReady(Exception):
    """What a probe raises, with the reason."""


async def check(probes: Mapping[str, Probe]) -> dict[str, dict[str, object]]:
    """name → `{"ok": bool, "detail": str}`."""

    async def one(probe: Probe) -> dict[str, object]:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                return {"ok": True, "detail": await probe()}
        except Exception as error:
            return {"ok": False, "detail": str(error).splitlines()[0] if str(error) else type(error).__name__}

    found = await asyncio.gather(*map(one, probes.values()))
    return dict(zip(probes, found, strict=True))


class OpsPort:
    def __init__(self, probes: Mapping[str, Probe], *, host: str, port: int) -> None:
        self.probes, self.host, self.port = probes, host, port
        self.stopping = False
        app = web.Application()
        app.add_routes([web.get("/livez", self.livez), web.get("/readyz", self.readyz), web.get("/metrics", self.metrics)])
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)  # a probe at the last moment holds no exit up

    async def start(self) -> None:
        await self.runner.setup()
        await web.TCPSite(self.runner, self.host, self.port).start()

    async def stop(self) -> None:
        await self.runner.cleanup()

    async def readiness(self) -> tuple[bool, dict[str, dict[str, object]]]:
        checks = await check(self.probes)
        return not self.stopping and all(one["ok"] for one in checks.values()), checks

    async def livez(self, request: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def readyz(self, request: web.Request) -> web.Response:
        ready, checks = await self.readiness()
        return web.json_response({"ready": ready, "checks": checks}, status=200 if ready else 503)

    async def metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
