"""Builds the edge from settings."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import get_args

from aiohttp import web
from pydantic import Field

from services.api import ledger, store, tables
from services.api.consumers import hears
from services.api.domain import tokens
from services.api.domain.velocity import Kind, Rule
from services.api.http import about, access, live, paying, routing, truth, webhooks
from services.api.http.about import docs, docs_events, status
from services.api.http.access.keys import Keys
from services.api.http.access.limits import RateLimits
from services.api.http.access.velocity import Velocity
from services.api.http.layer import EdgeRunner, mount
from services.api.http.owners import Owners
from services.api.http.paying.edge import Edge
from services.api.http.paying.teller import Teller
from services.api.http.webhooks import inbound
from services.api.live import Live
from services.api.office import Office
from services.api.overdue import operation_overdue, payment_overdue
from services.api.queries import Queries
from shared import accounts, runtime
from shared.gateways import CODECS
from shared.messaging.ask import Asker
from shared.sealing import Sealer, load_keys
from shared.settings import Settings, Waiting
from shared.storage.sweeper import Sweeper

GROUPS = [*paying.ROUTES, *live.ROUTES, *webhooks.ROUTES, *access.ROUTES, *routing.ROUTES, *truth.ROUTES, *about.ROUTES]


class ApiSettings(Settings):
    bind_host: str = "127.0.0.1"
    bind_port: int = 8080
    internal_api_key: str
    sealing_keys_file: Path
    fingerprint_key: str  # hex, at least 32 bytes
    trusted_proxies: tuple[str, ...] = ()
    question_timeout_s: float = 5.0
    rate_limit_per_min: int = Field(300, ge=0)  # from one address; 0 is no limit
    rate_limit_key_per_min: int = Field(3000, ge=0)  # with one key
    guard_window_s: float = Field(600.0, gt=0)
    guard_cards_per_address: int = Field(10, ge=0)  # different cards from one payer's address; 0 is no limit
    guard_cards_per_caller: int = Field(200, ge=0)  # the same where only the caller's address is known, which may be a shop's server
    guard_cards_per_customer: int = Field(5, ge=0)
    guard_tries_per_card: int = Field(20, ge=0)  # payments with one card from one address
    idempotency_keep_days: int = Field(30, ge=7)

    @property
    def guard(self) -> list[Rule]:
        kinds: tuple[Kind, ...] = get_args(Kind)
        return [Rule(kind, getattr(self, f"guard_{kind}"), self.guard_window_s) for kind in kinds]


def build() -> runtime.Parts:
    settings, waiting = ApiSettings(), Waiting()
    parts = runtime.build("api", settings, inbox=store.inbox, outbox=store.outbox)
    known = accounts.load(settings.gateways_file)
    lapsing = voiding_nothing(known)
    runtime.bind(parts, hears, given={"waiting": waiting, "lapsing": lapsing})
    parts.pruner.forget(tables.idempotency.c.created_at, keep_days=settings.idempotency_keep_days)
    queries, heard = Queries(parts.engine), Live(parts.ears)
    edge = Edge(
        unit_of_work=parts.unit_of_work,
        queries=queries,
        live=heard,
        sealer=Sealer(load_keys(settings.sealing_keys_file)),
        fingerprint_key=bytes.fromhex(settings.fingerprint_key),
        waiting=waiting,
        velocity=Velocity(settings.guard),
    )
    overdue: dict[str, tuple[str, Callable[..., None]]] = {
        "sweeper": (store.TAKE_OVERDUE, partial(payment_overdue, lapsing=lapsing)),
        "operations": (ledger.TAKE_OVERDUE, operation_overdue),
    }
    for name, (take, sweep) in overdue.items():
        sweeper = Sweeper(
            parts.engine,
            parts.writer,
            take=take,
            sweep=partial(sweep, waiting=waiting),
            said=parts.relay.offer,
            every_s=waiting.sweep_every_s,
            again_s=waiting.resume_every_s,
        )
        parts.tasks[name] = sweeper.run
    runner = EdgeRunner(application(parts, settings, edge, queries, known))

    async def listen() -> None:
        await heard.open()
        await runner.setup()
        await web.TCPSite(runner, settings.bind_host, settings.bind_port, backlog=1024).start()

    parts.on_start.append(listen)

    async def leave() -> None:
        heard.end()
        await runner.cleanup()

    parts.on_stop.append(leave)
    return parts


def voiding_nothing(known: Iterable[accounts.Account]) -> frozenset[str]:
    """Accounts that can only wait until an authorization lapses."""
    return frozenset(account.name for account in known if "void" not in CODECS[account.kind].operations)


def application(
    parts: runtime.Parts, settings: ApiSettings, edge: Edge, queries: Queries, known: Sequence[accounts.Account]
) -> web.Application:
    app = web.Application()
    owners = Owners(Asker(parts.mouth, timeout_s=settings.question_timeout_s).ask)
    received = inbound.Inbound(known, parts.unit_of_work)
    teller = Teller(edge, {account.name: CODECS[account.kind].captures(account) for account in known}, voiding_nothing(known))
    jobs = status.Jobs(parts.mouth, [account.name for account in known])
    keys = Keys(queries, internal_api_key=settings.internal_api_key, token_key=tokens.key_of(edge.fingerprint_key))
    limits = RateLimits(per_address=settings.rate_limit_per_min, per_key=settings.rate_limit_key_per_min)
    mount(
        app,
        GROUPS,
        dependencies={
            "edge": edge,
            "ops": parts.ops,
            "jobs": jobs,
            "queries": queries,
            "owners": owners,
            "inbound": received,
            "teller": teller,
            "keys": keys,
            "office": Office(parts.engine),
        },
        authenticate=keys.caller,
        origins=keys.origins.get,
        admit=limits.admit if limits.any else None,
        info=docs.INFO,
        hooks=docs_events.hooks(),
        pages=docs.pages(),
        trusted_proxies=settings.trusted_proxies,
    )
    return app
