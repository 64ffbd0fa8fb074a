"""One campaign: load and nemesis, heal, drain to quiet, judge."""

import asyncio
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import asyncpg
import orjson
from aio_pika.exceptions import AMQPException

from deploy.faults.client import Client, Onlooker
from deploy.faults.duplicator import Duplicator
from deploy.faults.judge import MONEY_MOVED, TERMINAL, Charge, Verdict, Webhook, judge
from deploy.faults.leftovers import everywhere
from deploy.faults.nemesis import Nemesis, plan
from deploy.local.errors import LocalError
from deploy.local.mesh import Mesh
from deploy.local.programs import SERVICES
from shared import accounts

# Where a deployment waits minutes, a campaign waits seconds: every wait of the mesh, compressed, and printed with the result.
SETTINGS: Mapping[str, str] = {
    "PAYMESH_GATEWAY_TIMEOUT_MS": "800",
    "PAYMESH_LATENCY_BUDGET_MS": "20000",
    "PAYMESH_RESUME_AFTER_S": "8",
    "PAYMESH_RESUME_EVERY_S": "5",
    "PAYMESH_ATTEMPT_MARGIN_S": "2",
    "PAYMESH_VERIFICATION_LADDER_S": "[0.5, 1, 1, 2, 2, 3, 3, 5, 5, 5, 10, 10, 10, 10, 10]",
    "PAYMESH_NOT_FOUND_GRACE_S": "4",
    "PAYMESH_WEBHOOK_SCHEDULE_S": "[0, 1, 1, 2, 2, 3, 3, 5, 5, 5, 10, 10, 10]",
    "PAYMESH_LOG_LEVEL": "warning",
}
# What gateways do to the orders of a campaign, as shares; the rest succeeds.
MISBEHAVIOUR: Mapping[str, float] = {
    "fail": 0.06, "decline": 0.03, "issuer-unavailable": 0.02, "error-500": 0.02, "charge-then-500": 0.03, "cut": 0.02,
    "cut-charged": 0.02, "garbage": 0.01, "hang": 0.01, "hang-charged": 0.01, "late": 0.02, "accept-late": 0.01, "rate-limit": 0.01,
}  # fmt: skip
GATEWAY_SETTINGS = {"late_s": 1.5, "hang_s": 3.0, "magic_amounts": False, "latency_ms_p50": 15, "latency_ms_p95": 40}


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a campaign is to do. `misbehaviour` and `gateway` are the sandbox's settings for every account."""

    seed: int = 1
    payments: int = 2_000
    rate_per_s: float = 50.0
    kills: int = 22
    server_restarts: int = 2
    duplicates: float = 0.2
    drain_s: float = 75.0
    misbehaviour: Mapping[str, float] = field(default_factory=lambda: dict(MISBEHAVIOUR))
    gateway: Mapping[str, Any] = field(default_factory=lambda: dict(GATEWAY_SETTINGS))


@dataclass(frozen=True, slots=True)
class Result:
    verdict: Verdict
    faults: dict[str, int]
    kills: int
    duplicates: int
    unanswered: int
    answers: dict[int, int]
    seconds_to_quiet: float | None  # None: it was not quiet by the deadline


async def run(mesh: Mesh, order: Order, tell: Callable[[str], None]) -> Result:
    """On a mesh that is up, with fresh databases and journals."""
    draw, blueprint = Random(order.seed), mesh.blueprint
    names = [account.name for account in accounts.load(blueprint.gateways_file)]
    for name in names:
        wanted = {**order.gateway, "rates": dict(order.misbehaviour), "seed": order.seed}
        await asyncio.to_thread(put, f"{blueprint.url('sandbox')}/gateways/{name}/settings", wanted)
    seconds = order.payments / order.rate_per_s
    client = Client(blueprint.url("api"), draw=Random(draw.random()), patience_s=60)
    nemesis = Nemesis(mesh, tell)
    duplicator = Duplicator(mesh.rabbitmq.url, names, share=order.duplicates, draw=Random(draw.random()))
    faults = plan(Random(draw.random()), seconds=seconds, kills=order.kills, server_restarts=order.server_restarts)
    tell(f"{order.payments} payments at {order.rate_per_s:.0f}/s, {len(faults)} faults in {seconds:.0f} s, seed {order.seed}")
    duplicating = asyncio.ensure_future(duplicator.run())
    await asyncio.gather(client.run(order.payments, order.rate_per_s), nemesis.run(faults))
    duplicating.cancel()
    tell(f"load and faults are over: {len(client.history.accepted)} accepted, {duplicator.made} messages delivered twice; healing")
    for name in names:
        await asyncio.to_thread(put, f"{blueprint.url('sandbox')}/gateways/{name}/settings", {"rates": {}})
    states, leftover, quiet_s = await drain(mesh, client.history.accepted, order.drain_s, tell)
    charges, webhooks = journals(mesh)
    verdict = judge(states, charges, webhooks, leftover, unanswered=client.history.unanswered)
    done = {**nemesis.done, "duplicate deliveries": duplicator.made}
    return Result(verdict, done, nemesis.kills, duplicator.made, client.history.unanswered, client.history.answers, quiet_s)


async def drain(
    mesh: Mesh, accepted: list[str], drain_s: float, tell: Callable[[str], None]
) -> tuple[dict[str, str], dict[str, int], float | None]:
    """Wait until every payment has ended and nothing waits anywhere, twice in a row; or until the deadline."""
    onlooker, started, calm = Onlooker(mesh.blueprint.url("api")), time.monotonic(), 0
    urls = {service: mesh.blueprint.database_url(service) for service in SERVICES}
    leftover: dict[str, int] = {"not asked": 1}
    while (passed_s := time.monotonic() - started) < drain_s:
        left = await onlooker.look(accepted, TERMINAL)
        try:
            leftover = await everywhere(urls, mesh.rabbitmq.url, mesh.blueprint.gateways_file)
        except (TimeoutError, OSError, AMQPException, asyncpg.PostgresError) as error:
            leftover = {f"not answered: {type(error).__name__}": 1}
        calm = calm + 1 if not left and not any(leftover.values()) else 0
        if calm == 2:
            return onlooker.states, leftover, round(passed_s, 1)
        await asyncio.sleep(0.5)
    missing = {name: onlooker.states.get(name, "unknown") for name in accepted}
    tell(f"not quiet after {drain_s:.0f} s")
    return missing, {name: count for name, count in leftover.items() if count}, None


def journals(mesh: Mesh) -> tuple[list[Charge], list[Webhook]]:
    """What the gateways and the shop wrote down on their own account."""
    folder = mesh.instance.folder / "journal"
    charges = [
        Charge(line["account"], line["charge_id"], line["reference"])
        for line in map(orjson.loads, (folder / "charges.jsonl").read_bytes().splitlines())
        if line["kind"] in MONEY_MOVED
    ]
    webhooks = [
        Webhook(line["webhook_id"], line["type"], line["payment_id"])
        for line in map(orjson.loads, (folder / "webhooks.jsonl").read_bytes().splitlines())
        if line["answered"] and 200 <= line["answered"] < 300
    ]
    return charges, webhooks


def put(url: str, body: Mapping[str, Any]) -> None:
    request = urllib.request.Request(url, orjson.dumps(body), {"Content-Type": "application/json"}, method="PUT")  # noqa: S310
    try:
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
    except OSError as error:
        raise LocalError(f"the sandbox did not take its settings: {error}") from error
