"""Builds the router from settings."""

import asyncio
from dataclasses import replace

import structlog

from services.router import store
from services.router.answers import answers
from services.router.consumers import default_policy, hears
from services.router.desk import Desk
from services.router.picture import Picture
from shared import accounts, runtime
from shared.contracts import RoutingChanged
from shared.contracts.questions import Policy
from shared.messaging import broadcast
from shared.messaging.broadcast import Ear
from shared.settings import Settings, Waiting
from shared.topology import BROADCAST

REFRESH_S = 5.0  # what nobody announced is in every router this soon
FORGET_EVERY_S = 1.0  # a thousand at a time
ANNOUNCE_TIMEOUT_S = 1.0  # replicas that hear nothing read it themselves

log = structlog.get_logger()


class RouterSettings(Settings):
    routing_policy: Policy | None = None


class Rules:
    """Keeps the picture's rules those of the database, and tells the other replicas when they have changed."""

    def __init__(self, parts: runtime.Parts, picture: Picture, policy: str | None) -> None:
        self.parts, self.picture, self.policy = parts, picture, policy

    async def load(self) -> None:
        rules = await store.load_rules(self.parts.engine)
        if self.policy is not None:
            rules = replace(rules, scoring=rules.scoring.model_copy(update={"policy": self.policy}))
        self.picture.rules = rules

    async def announce(self, action: str) -> None:
        """The change stands already, so its asker must not hear of a failure here; a replica that hears nothing reads it within 5 s."""
        try:
            async with asyncio.timeout(ANNOUNCE_TIMEOUT_S):
                await self.load()
                await broadcast.say(self.parts.mouth, RoutingChanged(action=action), routing_key="routing.changed")
        except Exception as error:
            log.warning("change_not_announced", action=action, error=type(error).__name__)

    async def follow(self) -> None:
        """Read again as soon as somebody says so, and every few seconds."""
        try:
            async with asyncio.timeout(REFRESH_S):
                await self.picture.changed.wait()
        except TimeoutError:
            pass
        self.picture.changed.clear()
        await self.load()


def build() -> runtime.Parts:
    settings, waiting = RouterSettings(), Waiting()
    parts = runtime.build("router", settings, inbox=store.inbox, outbox=store.outbox)
    picture = Picture()
    rules = Rules(parts, picture, settings.routing_policy)
    runtime.bind(parts, hears, given={"picture": picture, "waiting": waiting, "announce": rules.announce})
    health, changes = Ear(parts.ears, BROADCAST, picture.hear), Ear(parts.ears, BROADCAST, picture.hear_change)

    async def load() -> None:
        await store.seed_gateways(parts.engine, accounts.load(settings.gateways_file))
        await rules.load()

    async def forget() -> None:
        await store.forget_instruments(parts.engine)

    async def listen() -> None:
        await changes.open(["routing.changed"])
        await health.open(["health.picture"])

    parts.on_start += [listen, load]
    parts.tasks |= {"rules": runtime.every(0.0, rules.follow), "forget": runtime.every(FORGET_EVERY_S, forget)}
    given = {
        "desk": Desk(parts.engine, rules.announce),
        "picture": picture,
        "default_policy": default_policy(waiting),
        "forced_policy": settings.routing_policy,
    }
    runtime.answer(parts, answers, given=given)
    return parts
