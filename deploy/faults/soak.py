"""A long soak: rounds of load and faults on one mesh, and between them a look at what must not grow."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

import asyncpg
import psutil

from deploy.faults.campaign import Campaign, Result
from deploy.faults.order import Order
from deploy.local.mesh import Mesh
from deploy.local.programs import SANDBOX, SERVICES

ROUND_S_MIN, ROUND_S_MAX = 10.0, 40.0  # of load; healing and draining come on top
ROUNDS_MIN = 6  # two a third
MB = 1 << 20
INBOXES = {service: "attempts" if service == "executor" else "inbox" for service in SERVICES}  # what grows with the payments, by design
# What a figure's average over the last third may exceed its average over the second: by this factor, and by so much more.
ALLOWED: Mapping[str, tuple[float, float]] = {
    "MB of memory": (1.10, 20.0),
    "MB of outbox": (1.50, 8.0),
    "claims a payment": (1.05, 0.5),
    "waiting after the load": (2.0, 500.0),
}


@dataclass(frozen=True, slots=True)
class Soaked:
    """`samples`: one per round, (what, of whom) → how much."""

    result: Result
    samples: list[dict[tuple[str, str], float]] = field(default_factory=list)

    def thirds(self) -> dict[tuple[str, str], tuple[float, float]]:
        """Averages over the second and over the last third of the rounds, of everything that was there all that time."""
        third = max(1, len(self.samples) // 3)
        second, last = self.samples[-2 * third : -third], self.samples[-third:]
        everywhere = set.intersection(*(set(sample) for sample in (*second, *last)))
        return {name: (mean(second, name), mean(last, name)) for name in sorted(everywhere)}

    def grown(self) -> list[str]:
        """What grew more than is allowed, in words."""
        return [
            f"{what} of {whom}: {second:.1f}, then {last:.1f}"
            for (what, whom), (second, last) in self.thirds().items()
            if last > second * ALLOWED[what][0] + ALLOWED[what][1]
        ]


def mean(samples: Sequence[Mapping[tuple[str, str], float]], name: tuple[str, str]) -> float:
    return fmean(sample[name] for sample in samples)


async def soak(mesh: Mesh, order: Order, *, minutes: float, tell: Callable[[str], None]) -> Soaked:
    """Rounds of `order`'s rate and shares for so long. Services are killed in the first third only: a killed one forgets what it hoarded.
    A server is restarted in every round."""
    campaign, started = Campaign(mesh, tell), time.monotonic()
    samples: list[dict[tuple[str, str], float]] = []
    round_s = min(ROUND_S_MAX, max(ROUND_S_MIN, minutes * 60 / (2 * ROUNDS_MIN)))
    while (passed_s := time.monotonic() - started) < minutes * 60 or len(samples) < ROUNDS_MIN:
        number = len(samples)
        tell(f"round {number + 1}, {passed_s / 60:.1f} of {minutes:g} minutes")
        payments, kills = round(round_s * order.rate_per_s), round(order.kills * round_s / order.seconds)
        part = replace(order, seed=order.seed + number, payments=payments, restarts=(("rabbitmq", "postgres")[number % 2],))
        await campaign.round(replace(part, kills=kills if passed_s < minutes * 20 else 0))
        samples.append(await sample(campaign))
    return Soaked(await campaign.result(), samples)


async def sample(campaign: Campaign) -> dict[tuple[str, str], float]:
    """What is measured after a round, when all is quiet."""
    mesh, found = campaign.mesh, {}
    for name, pid in mesh.pids().items():
        if pid and name != SANDBOX:  # which keeps every charge in memory, as what it stands in for does on disk
            found["MB of memory", name] = memory_mb(pid)
    accepted = max(1, len(campaign.history.accepted))
    for service in SERVICES:
        connection = await asyncpg.connect(mesh.blueprint.database_url(service).replace("+asyncpg", ""), timeout=5)
        try:
            found["MB of outbox", service] = await value(connection, "pg_total_relation_size('outbox')") / MB
            found["claims a payment", service] = await value(connection, f"(SELECT count(*) FROM {INBOXES[service]})") / accepted
        finally:
            await connection.close()
    found["waiting after the load", "the mesh"] = float(sum(campaign.backlog.values()))
    return found


async def value(connection: "asyncpg.Connection[Any]", expression: str) -> float:
    return float(await connection.fetchval(f"SELECT {expression}"))


def memory_mb(pid: int) -> float:
    """Of a process and its children; what they share is counted once where the system tells."""
    total = 0
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    for process in family:
        try:
            total += getattr(process.memory_full_info(), "pss", 0) or process.memory_info().rss
        except psutil.AccessDenied:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / MB
