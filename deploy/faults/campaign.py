"""One campaign: load and nemesis, heal, drain to quiet, judge."""

import asyncio
import logging
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import orjson

from deploy.faults import journals, mailbag
from deploy.faults.acts import Acts
from deploy.faults.client import Client, History, Onlooker
from deploy.faults.courier import Courier
from deploy.faults.duplicator import Duplicator
from deploy.faults.judge import TERMINAL, Verdict, judge
from deploy.faults.leftovers import AWAY, everywhere, heard, unconsumed
from deploy.faults.money import PAST
from deploy.faults.nemesis import Nemesis
from deploy.faults.order import Order, plan
from deploy.local.errors import LocalError
from deploy.local.mesh import Mesh
from deploy.local.programs import SERVICES
from shared import accounts

POLL_S = 0.5
HEALED_SHOP = {"status": 204, "fail_first_n": 0, "hang": False, "delay_s": 0}
HEARD_S = 1.0  # an answer that is on the wire is in nobody's table yet
CALM_TIMES = 2  # looks in a row that found nothing: what moves from one place to another may be in neither for an instant


@dataclass(frozen=True, slots=True)
class Result:
    """`answers`: how many POSTs got which status. `links`: what customers did with theirs. `seconds_to_quiet` of the last round; None: it
    was not quiet by the deadline."""

    verdict: Verdict
    faults: dict[str, int]
    kills: int
    duplicates: int
    unanswered: int
    answers: dict[int, int]
    seconds_to_quiet: float | None
    links: Mapping[str, int] = field(default_factory=dict)


async def run(mesh: Mesh, order: Order, tell: Callable[[str], None]) -> Result:
    """One round and its verdict, on a mesh that is up, with fresh databases and journals."""
    campaign = Campaign(mesh, tell)
    await campaign.round(order)
    return await campaign.result()


class Campaign:
    """One mesh under attack: `round` as often as one likes, then `result`, which ends every service."""

    def __init__(self, mesh: Mesh, tell: Callable[[str], None]) -> None:
        logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # it prints a traceback whenever a broker goes away, as it will
        self.mesh, self.tell = mesh, tell
        self.api, self.sandbox = mesh.blueprint.url("api"), mesh.blueprint.url("sandbox")
        self.accounts = [account.name for account in accounts.load(mesh.blueprint.gateways_file)]
        self.history, self.onlooker = History(), Onlooker(self.api)
        self.courier = Courier(self.api, draw=Random("courier"))
        self.faults: Counter[str] = Counter()
        self.kills = self.duplicates = 0
        self.reversals = False
        self.leftover: dict[str, int] = {}
        self.backlog: dict[str, int] = {}  # what waited when the last load was over
        self.late_s = 0.0
        self.late_until = 0.0  # of the monotonic clock: until then a gateway may answer what it was asked before it was healed
        self.quiet_s: float | None = None

    async def round(self, order: Order) -> None:
        """Attack for as long as the load lasts, heal, and wait until everything is quiet or the drain's deadline has passed."""
        await self.misbehave(order)
        await self.attack(order)
        await self.heal()
        await self.drain(order.drain_s)

    async def misbehave(self, order: Order) -> None:
        """Let gateways and shop do what the order says of them."""
        self.reversals |= order.reversals
        self.late_s = float(order.gateway.get("late_s", 0.0))
        self.courier.draw, self.courier.replays, self.courier.forgeries = order.draw("courier"), order.replays, order.forgeries
        await self._settings(
            {
                **order.gateway,
                **order.call_backs,
                "rates": dict(order.misbehaviour),
                "move_rates": {kind: dict(order.moves) for kind in PAST},
                "seed": order.seed,
            },
            order.shop,
            call_back=bool(order.call_backs),
        )

    async def heal(self) -> None:
        """Let gateways and shop do what they should."""
        await self._settings({"rates": {}, "move_rates": {}}, HEALED_SHOP)
        self.late_until = time.monotonic() + self.late_s + HEARD_S

    async def attack(self, order: Order) -> None:
        """The load, its duplicates and its faults; returns when the last order is answered and the last fault done."""
        shares = {"hang_ups": order.hang_ups, "follow_ups": order.follow_ups, "links": order.links}
        client = Client(self.api, self.history, draw=order.draw("client"), **shares)
        nemesis = Nemesis(Acts(self.mesh), self.tell)
        duplicator = Duplicator(self.mesh.rabbitmq.url, self.accounts, share=order.duplicates, draw=order.draw("duplicator"))
        faults = plan(order)
        self.tell(f"{order.payments} payments at {order.rate_per_s:.0f}/s, {len(faults)} faults, seed {order.seed}")
        # While it listens, no message is unroutable: a campaign without duplicates must be one without its queue.
        duplicating = asyncio.ensure_future(duplicator.run()) if order.duplicates else None
        try:
            await asyncio.gather(client.run(order.payments, order.rate_per_s), nemesis.run(faults))
        finally:
            if duplicating:
                await duplicator.finish()
                duplicating.cancel()
        self.faults += nemesis.done
        self.kills += nemesis.kills
        self.duplicates += duplicator.made
        self.backlog = await self._leftover()
        self.tell(f"load and faults are over: {len(self.history.accepted)} accepted, {duplicator.made} messages delivered twice; healing")

    async def drain(self, drain_s: float) -> None:
        """Wait until every payment has ended, nothing waits anywhere and the last late answer has come, or until the deadline; `quiet_s`
        says how long that took."""
        started, calm = time.monotonic(), 0
        while (passed_s := time.monotonic() - started) < drain_s:
            left = await self.onlooker.look(list(self.history.accepted), TERMINAL)
            self.leftover = await self._leftover()
            calm = calm + 1 if not left and not self.leftover and time.monotonic() > self.late_until else 0
            if calm == CALM_TIMES:
                await self.onlooker.look_at_operations(list(self.history.accepted))
                self.quiet_s = round(passed_s, 1)
                return
            await asyncio.sleep(POLL_S)
        await self.onlooker.look_at_operations(list(self.history.accepted))
        self.quiet_s = None
        self.tell(f"not quiet after {drain_s:.0f} s")

    async def _leftover(self) -> dict[str, int]:
        try:
            counts = {**await everywhere(self.mesh), "webhooks on their way to the edge": len(self.courier.under_way)}
            return {name: count for name, count in counts.items() if count}
        except AWAY as error:
            return {f"not answered: {type(error).__name__}": 1}

    async def result(self) -> Result:
        """The verdict. Every service is killed first: what it held unacknowledged lies in its queue then, and is counted."""
        await self.courier.close()
        for service in SERVICES:
            await asyncio.to_thread(self.mesh.kill, service)
        await unconsumed(self.mesh)
        leftover = self.leftover | await self._leftover()
        folder = self.mesh.instance.folder / "journal"
        verdict = judge(
            self.history.accepted,
            self.onlooker.states,
            journals.charges(folder),
            journals.webhooks(folder),
            leftover,
            unanswered=self.history.unanswered,
            asked=self.history.asked,
            operations=self.onlooker.operations,
            moves=journals.moves(folder),
            reversals=self.reversals,
        )
        post, kept = self.courier.mailbag, await heard(self.mesh)
        verdict.lost.extend(mailbag.lost(post, kept))
        verdict.invented.extend(mailbag.invented(post, kept))
        done = {
            **self.faults,
            "duplicate deliveries": self.duplicates,
            "replayed webhook": post.replayed,
            "forged webhook": len(post.forged),
        }
        return Result(
            verdict,
            {name: count for name, count in done.items() if count},
            self.kills,
            self.duplicates,
            self.history.unanswered,
            self.history.answers,
            self.quiet_s,
            dict(self.history.links),
        )

    async def _settings(self, gateway: Mapping[str, Any], shop: Mapping[str, Any], *, call_back: bool = False) -> None:
        for name in self.accounts:
            where = {"webhook_url": await self.courier.url(name)} if call_back else {}
            await asyncio.to_thread(put, f"{self.sandbox}/gateways/{name}/settings", {**gateway, **where})
        await asyncio.to_thread(put, f"{self.sandbox}/shop/settings", shop)


def put(url: str, body: Mapping[str, Any]) -> None:
    request = urllib.request.Request(url, orjson.dumps(body), {"Content-Type": "application/json"}, method="PUT")  # noqa: S310
    try:
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
    except OSError as error:
        raise LocalError(f"the sandbox did not take its settings: {error}") from error
