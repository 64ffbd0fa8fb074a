"""Builds the edge from settings."""

from pathlib import Path

from aiohttp import web

from services.api import store
from services.api.consumers import hears, resume_overdue
from services.api.http import ops, payments
from services.api.http.edge import Edge
from services.api.http.keys import Keys
from services.api.http.layer import EdgeRunner, Info, mount
from services.api.live import Live
from services.api.queries import Queries
from shared import runtime
from shared.sealing import Sealer, load_keys
from shared.settings import Settings, Waiting
from shared.storage.sweeper import Sweeper


class ApiSettings(Settings):
    bind_host: str = "127.0.0.1"
    bind_port: int = 8080
    internal_api_key: str
    sealing_keys_file: Path
    fingerprint_key: str  # hex, at least 32 bytes
    trusted_proxies: tuple[str, ...] = ()


def build() -> runtime.Parts:
    settings, waiting = ApiSettings(), Waiting()
    parts = runtime.build("api", settings, inbox=store.inbox, outbox=store.outbox)
    runtime.bind(parts, hears, given={"waiting": waiting})
    queries, live = Queries(parts.engine), Live(parts.ears)
    edge = Edge(
        unit_of_work=parts.unit_of_work,
        queries=queries,
        live=live,
        sealer=Sealer(load_keys(settings.sealing_keys_file)),
        fingerprint_key=bytes.fromhex(settings.fingerprint_key),
        waiting=waiting,
    )
    sweeper = Sweeper(
        parts.engine,
        parts.writer,
        take=store.TAKE_OVERDUE,
        sweep=resume_overdue,
        said=parts.relay.offer,
        every_s=waiting.sweep_every_s,
        again_s=waiting.resume_every_s,
    )
    runner = EdgeRunner(application(parts, settings, edge, queries))

    async def listen() -> None:
        await live.open()
        await runner.setup()
        await web.TCPSite(runner, settings.bind_host, settings.bind_port, backlog=1024).start()

    parts.on_start.append(listen)
    parts.on_stop.append(runner.cleanup)
    parts.tasks["sweeper"] = sweeper.run
    return parts


def application(parts: runtime.Parts, settings: ApiSettings, edge: Edge, queries: Queries) -> web.Application:
    app = web.Application()
    mount(
        app,
        [payments.router, ops.router],
        dependencies={"edge": edge, "ops": parts.ops},
        authenticate=Keys(queries, internal_api_key=settings.internal_api_key).who,
        info=Info("paymesh", "1.0.0"),
        trusted_proxies=settings.trusted_proxies,
    )
    return app
