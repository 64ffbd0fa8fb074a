"""One measured load on a running mesh: throughput, latencies, CPU by process, messages and commits per payment."""

import asyncio
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import asyncpg
import orjson

from deploy.bench.cpu import CpuClock
from deploy.bench.load import Load, Taken
from deploy.local.instance import ROOT
from deploy.local.mesh import Mesh
from deploy.local.programs import SERVICES

OUTSIDE = ("sandbox",)  # stands in for gateways and merchants: its CPU is theirs


@dataclass(kw_only=True)
class Measured:
    rate_per_s: float
    seconds: float
    accepted: int
    finished: int
    refused: dict[int, int]
    lost: int
    accepted_per_s: float
    finished_per_s: float
    final_ms: dict[str, float]
    webhook_ms: dict[str, float]
    answer_ms: dict[str, float]
    cpu_ms: dict[str, float] = field(default_factory=dict)  # per finished payment, by process
    commits: float = 0.0  # these three per finished payment
    envelopes: float = 0.0
    contracts: float = 0.0
    late_start_ms_max: float = 0.0

    @property
    def cpu_ms_per_payment(self) -> float:
        """Services, PostgreSQL and RabbitMQ together; load client and stand-ins left out."""
        return sum(ms for name, ms in self.cpu_ms.items() if name not in OUTSIDE)


def percentiles(values_ms: list[float]) -> dict[str, float]:
    ordered = sorted(values_ms)
    if not ordered:
        return {"p50": 0.0, "p95": 0.0, "p99": 0.0}
    return {f"p{p}": round(ordered[min(len(ordered) - 1, len(ordered) * p // 100)], 1) for p in (50, 95, 99)}


def counted(mesh: Mesh) -> dict[str, float]:
    """The services' own counters of what left their outboxes, summed."""
    total = {"paymesh_envelopes_published_total": 0.0, "paymesh_contracts_published_total": 0.0}
    for service in SERVICES:
        with urllib.request.urlopen(f"{mesh.blueprint.url(f'ops_{service}')}/metrics", timeout=5) as answer:  # noqa: S310
            for line in answer.read().decode().splitlines():
                name, _, value = line.partition(" ")
                if name in total:
                    total[name] += float(value)
    return total


async def commits_of(postgres_url: str) -> int:
    connection = await asyncpg.connect(postgres_url.replace("+asyncpg", ""))
    try:
        return int(await connection.fetchval("SELECT sum(xact_commit) FROM pg_stat_database WHERE datname LIKE 'paymesh_%'"))
    finally:
        await connection.close()


def webhooks_of(mesh: Mesh, since: float) -> dict[str, float]:
    """When the shop had journaled each payment's webhook, by payment id."""
    heard: dict[str, float] = {}
    journal = mesh.instance.folder / "journal" / "webhooks.jsonl"
    for line in journal.read_bytes().splitlines() if journal.exists() else ():
        record = orjson.loads(line)
        if record.get("payment_id") and (at := seconds_of(record["at"])) >= since:
            heard.setdefault(record["payment_id"], at)
    return heard


def seconds_of(at: str | float) -> float:
    return datetime.fromisoformat(at).timestamp() if isinstance(at, str) else float(at)


def take(mesh: Mesh, load: Load) -> Taken:
    with tempfile.TemporaryDirectory() as folder:
        asked, taken = Path(folder) / "load.json", Path(folder) / "taken.json"
        asked.write_text(load.model_dump_json())
        done = subprocess.run([sys.executable, "-m", "deploy.bench.load", asked, taken], cwd=ROOT, capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the load client ended with {done.returncode}: {done.stderr.decode()[-2000:]}")
        return Taken.model_validate_json(taken.read_bytes())


def measure(mesh: Mesh, *, rate_per_s: float, seconds: float) -> Measured:
    started = time.time()
    clock = CpuClock({name: pid for name, pid in mesh.pids().items() if pid})
    commits, before = asyncio.run(commits_of(mesh.postgres.url)), counted(mesh)
    taken = take(mesh, Load(api=mesh.blueprint.url("api"), rabbitmq_url=mesh.rabbitmq.url, rate_per_s=rate_per_s, seconds=seconds))
    used = clock.used_s()
    commits, after = asyncio.run(commits_of(mesh.postgres.url)) - commits, counted(mesh)
    envelopes, contracts = (after[name] - before[name] for name in before)
    webhooks = webhooks_of(mesh, started)
    finished = [one for one in taken.sent if one.payment_id in taken.ended_at]
    last = max((taken.ended_at[one.payment_id] for one in finished), default=started)
    first = min((one.sent_at for one in taken.sent), default=started)
    count = max(1, len(finished))
    return Measured(
        rate_per_s=rate_per_s,
        seconds=seconds,
        accepted=len(taken.sent),
        finished=len(finished),
        refused=taken.refused,
        lost=len(taken.sent) - len(finished),
        accepted_per_s=round(len(taken.sent) / max(0.001, max((one.answered_at for one in taken.sent), default=first) - first), 1),
        finished_per_s=round(len(finished) / max(0.001, last - first), 1),
        final_ms=percentiles([(taken.ended_at[one.payment_id] - one.sent_at) * 1000 for one in finished]),
        webhook_ms=percentiles([(webhooks[one.payment_id] - one.sent_at) * 1000 for one in finished if one.payment_id in webhooks]),
        answer_ms=percentiles([(one.answered_at - one.sent_at) * 1000 for one in taken.sent]),
        cpu_ms={name: round(used_s * 1000 / count, 3) for name, used_s in used.items()},
        commits=round(commits / count, 2),
        envelopes=round(envelopes / count, 2),
        contracts=round(contracts / count, 2),
        late_start_ms_max=round(taken.late_start_ms_max, 1),
    )
