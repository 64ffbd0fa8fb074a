"""One endpoint among 200 hangs: how much later do the others hear? The same load without it, and beside it."""

import asyncio
import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg

from deploy.bench.measure import percentiles
from deploy.bench.receiver import ask, heard_by
from deploy.bench.succeeding import publish_all, publishing
from deploy.local import demo
from deploy.local.files import write_atomically
from deploy.local.instance import ROOT
from deploy.local.mesh import Mesh
from deploy.local.prepare import run

ENDPOINTS = 200
RATE_PER_S, SECONDS, PHASES = 200, 6.0, 3
TICK_S = 0.05
BACKLOG = 3_000  # what is due to the one that hangs; it is left out of the load of both phases
PATIENCE_S = 60.0
OWED = "SELECT count(*) FROM deliveries WHERE endpoint_id = 'we_many_0' AND due_at IS NOT NULL"


def isolation(mesh: Mesh, url: str) -> dict[str, Any]:
    """p99 of the time from event to receipt, of the endpoints that do not hang."""
    seed(mesh, [(f"m_many_{number}", f"we_many_{number}", f"{url}/timed/{number}") for number in range(ENDPOINTS)])
    _phase(mesh, url, seconds=2.0)  # connections are made
    alone_ms = _p99_ms(mesh, url)
    ask(f"{url}/hanging/0", "PUT")
    asyncio.run(publish_all(mesh.rabbitmq.url, ["m_many_0"] * BACKLOG))
    _wait(lambda: counted(mesh, OWED) >= BACKLOG)
    beside_ms = _p99_ms(mesh, url)
    return {
        "webhooks_p99_ms_all_well": alone_ms,
        "webhooks_p99_ms_one_hangs": beside_ms,
        "webhooks_isolation_ratio": round(beside_ms / alone_ms, 2),
    }


def isolation_text(found: dict[str, Any]) -> list[str]:
    return [
        f"one of {ENDPOINTS} endpoints hangs, with {BACKLOG} webhooks due to it: the others' p99 from event to receipt is"
        f" {found['webhooks_p99_ms_one_hangs']} ms, {found['webhooks_isolation_ratio']} × the {found['webhooks_p99_ms_all_well']} ms before"
    ]


def _p99_ms(mesh: Mesh, url: str) -> float:
    """The median of a few: one in a hundred is seldom enough for whatever else a machine does to show in it."""
    return statistics.median(_phase(mesh, url)["p99"] for _ in range(PHASES))


def _phase(mesh: Mesh, url: str, *, seconds: float = SECONDS) -> dict[str, float]:
    """Percentiles in ms."""
    ask(f"{url}/heard", "DELETE")
    sent = asyncio.run(_load(mesh.rabbitmq.url, seconds))
    _wait(lambda: len(heard_by(url).late_ms) >= sent)
    return percentiles(heard_by(url).late_ms)


def _wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not until():
        if time.monotonic() > deadline:
            raise RuntimeError("not all webhooks came")
        time.sleep(0.2)


async def _load(rabbitmq_url: str, seconds: float) -> int:
    """An open loop: each event has its moment, and its merchant by chance."""
    start, sent, chance = time.perf_counter(), 0, random.Random(1)
    async with publishing(rabbitmq_url) as publish:
        while (now_s := time.perf_counter() - start) < seconds:
            count = int(now_s * RATE_PER_S) - sent
            await publish([f"m_many_{chance.randrange(1, ENDPOINTS)}" for _ in range(count)])
            sent += count
            await asyncio.sleep(TICK_S)
    return sent


def counted(mesh: Mesh, sql: str) -> int:
    """One number from the notifier's database."""

    async def count() -> int:
        connection = await asyncpg.connect(mesh.blueprint.database_url("notifier").replace("+asyncpg", ""))
        try:
            return int(await connection.fetchval(sql))
        finally:
            await connection.close()

    return asyncio.run(count())


def seed(mesh: Mesh, endpoints: Sequence[tuple[str, str, str]]) -> None:
    """`(merchant, endpoint, URL)` of each."""
    file = mesh.instance.folder / "webhooks.json"
    found = [
        {"merchant": {"id": merchant}, "endpoint": {"id": endpoint, "url": url, "secret": demo.WEBHOOK_SECRET}}
        for merchant, endpoint, url in endpoints
    ]
    write_atomically(file, json.dumps(found), mode=0o600)
    run(("services.notifier.seed", str(file)), mesh.blueprint.environment("notifier"), ROOT)
