"""Builds the router from settings."""

from services.router import store
from services.router.consumers import hears
from services.router.picture import Picture
from shared import accounts, runtime
from shared.messaging.broadcast import Ear
from shared.settings import Settings, Waiting
from shared.topology import BROADCAST

REFRESH_S = 5.0  # how soon a changed row of `gateways` is in every router
FORGET_EVERY_S = 1.0  # a thousand at a time


def build() -> runtime.Parts:
    settings, waiting = Settings(), Waiting()
    parts = runtime.build("router", settings, inbox=store.inbox, outbox=store.outbox)
    picture = Picture()
    runtime.bind(parts, hears, given={"picture": picture, "waiting": waiting})
    ear = Ear(parts.ears, BROADCAST, picture.hear)

    async def load() -> None:
        await store.seed_gateways(parts.engine, accounts.load(settings.gateways_file))
        picture.gateways = await store.load_gateways(parts.engine)

    async def refresh() -> None:
        picture.gateways = await store.load_gateways(parts.engine)

    async def forget() -> None:
        await store.forget_instruments(parts.engine)

    async def listen() -> None:
        await ear.open(["health.picture"])

    parts.on_start += [load, listen]
    parts.tasks |= {"refresh": runtime.every(REFRESH_S, refresh), "forget": runtime.every(FORGET_EVERY_S, forget)}
    return parts
