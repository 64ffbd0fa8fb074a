"""The whole sandbox as one aiohttp application: `create_app` for tests, `__main__` for a process."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from aiohttp import web

from deploy.sandbox import gateway_routes, move_routes, payer, shop_routes
from deploy.sandbox.answers import Problem, json_answer
from deploy.sandbox.gateway import Gateway
from deploy.sandbox.gateway_routes import CHARGES, GATEWAYS
from deploy.sandbox.journal import Journal, Record
from deploy.sandbox.misbehaving import HOLDER, Holder
from deploy.sandbox.razorpay import links as razorpay_links
from deploy.sandbox.razorpay import refunds as razorpay_refunds
from deploy.sandbox.razorpay import routes as razorpay_routes
from deploy.sandbox.settings import Settings
from deploy.sandbox.shop import DEFAULT, Shop
from deploy.sandbox.shop_routes import SHOP
from deploy.sandbox.stripe import refunds as stripe_refunds
from deploy.sandbox.stripe import routes as stripe_routes
from deploy.sandbox.stripe.keys import Keys
from deploy.sandbox.webhooks import Sender

ROUTES = (
    gateway_routes,
    move_routes,
    razorpay_routes,
    razorpay_refunds,
    razorpay_links,
    stripe_routes,
    stripe_refunds,
    shop_routes,
    payer,
)
INTENTS = web.AppKey("intents", Journal)
SENDER = web.AppKey("sender", Sender)
BODY_BYTES_MAX = 256 * 1024


def create_app(journal_dir: Path, accounts: Mapping[str, Settings], webhook_secret: str | None) -> web.Application:
    """Its journals are opened, and the books rebuilt from them, when it starts: it raises JournalError then.

    Without a webhook secret the shop rejects everything but what an endpoint's own `secrets` sign.
    """
    app = web.Application(client_max_size=BODY_BYTES_MAX)
    charges = app[CHARGES] = Journal(journal_dir / "charges.jsonl", "reference")
    intents = app[INTENTS] = Journal(journal_dir / "intents.jsonl", "intent_id")
    app[GATEWAYS] = {name: Gateway(name, settings, charges, intents) for name, settings in accounts.items()}
    app[stripe_routes.KEYS] = {name: Keys() for name in accounts}
    app[SENDER] = Sender(app[GATEWAYS])
    app[HOLDER] = Holder()
    app.on_shutdown.append(app[HOLDER].release)
    app[SHOP] = Shop(journal_dir, webhook_secret)
    app.cleanup_ctx.append(_open)
    app.add_routes([route for module in ROUTES for route in module.routes()])
    app.add_routes([web.get("/livez", livez)])
    app.router.add_route("*", "/{tail:.*}", unknown_route)
    return app


async def _open(app: web.Application) -> AsyncIterator[None]:
    gateways = app[GATEWAYS]

    def replay(record: Record) -> None:
        gateway = gateways.get(record["account"])
        if gateway is not None:  # an account that the file no longer names keeps its lines and has no book
            gateway.book.replay(record)

    def replay_intent(record: Record) -> None:
        gateway = gateways.get(record["account"])
        if gateway is not None:
            gateway.intents.replay(record)

    app[CHARGES].open(replay)
    app[INTENTS].open(replay_intent)
    try:
        app[SHOP].endpoint(DEFAULT)
        for gateway in gateways.values():
            gateway.resume()
        yield
    finally:
        for gateway in gateways.values():
            await gateway.close()
        await app[SENDER].close()
        await app[SHOP].close()
        await app[INTENTS].close()
        await app[CHARGES].close()


async def livez(request: web.Request) -> web.Response:
    """503 once a journal has failed: nothing more is taken then, and a new start reads what is on disk."""
    journals = [request.app[CHARGES], request.app[INTENTS], *(endpoint.journal for endpoint in request.app[SHOP].endpoints.values())]
    failures = [journal.failure for journal in journals if journal.failure is not None]
    return json_answer({"alive": not failures, "failures": failures}, 503 if failures else 200)


async def unknown_route(request: web.Request) -> web.Response:
    raise Problem(404, "unknown_route", "see deploy/sandbox/README.md for what there is")
