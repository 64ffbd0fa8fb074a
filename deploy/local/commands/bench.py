"""`./paymesh bench`: how fast the mesh is here, and what a payment costs beside the floor of its bare I/O."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

from cyclopts import Parameter

from deploy.bench.ages import grow_old
from deploy.bench.ground import floor_cpu_ms
from deploy.bench.heard import breaker_heard
from deploy.bench.measure import measure
from deploy.bench.report import figures, grown, text
from deploy.bench.webhooks import text as webhooks_text
from deploy.bench.webhooks import webhooks as measure_webhooks
from deploy.local.commands.options import SOME
from deploy.local.console import err, notice, shown
from deploy.local.instance import ROOT, Instance
from deploy.local.leftovers import wipe
from deploy.local.mesh import ALL, Mesh

SETTINGS = {
    "PAYMESH_SANDBOX_ACCOUNTS_FILE": str(ROOT / "deploy" / "bench" / "accounts.toml"),
    "PAYMESH_LOG_LEVEL": "warning",
    "PAYMESH_RATE_LIMIT_PER_MIN": "0",
    "PAYMESH_RATE_LIMIT_KEY_PER_MIN": "0",
}
WARM_PER_S, WARM_S = 100.0, 3.0


def bench(
    *,
    rate: Annotated[float, SOME, Parameter(help="Payments offered per second in the main run.")] = 630.0,
    seconds: Annotated[float, SOME, Parameter(help="How long they are offered.")] = 30.0,
    light_rate: Annotated[float, SOME, Parameter(help="Payments per second of the run whose latencies count.")] = 20.0,
    light_seconds: Annotated[float, SOME, Parameter(help="How long that run is.")] = 15.0,
    webhooks: Annotated[bool, Parameter(negative="", help="Measure the delivery of webhooks alone.")] = False,
    deliveries: Annotated[int, SOME, Parameter(help="How many webhooks that is.")] = 30_000,
    old_payments: Annotated[int, Parameter(help="Fill every database with so many old payments, and measure again.")] = 0,
    as_json: Annotated[bool, Parameter(name="--json", negative="", help="One JSON object on standard output.")] = False,
    instance: Annotated[str, Parameter(help="Where the servers' data lie: `.paymesh/<instance>`; emptied first.")] = "bench",
) -> int:
    """Open-loop load through the real edge on an instance of its own; ends by itself. Exit status 1 where a payment or webhook was lost."""
    if webhooks:
        return bench_webhooks(instance, deliveries, as_json=as_json)
    with fresh_mesh(instance, "the mesh for the benchmark") as mesh:
        err.print(f"warming up: {WARM_PER_S:.0f}/s for {WARM_S:.0f} s")
        measure(mesh, rate_per_s=WARM_PER_S, seconds=WARM_S)
        err.print(f"light load: {light_rate:.0f}/s for {light_seconds:.0f} s")
        light = measure(mesh, rate_per_s=light_rate, seconds=light_seconds)
        err.print(f"load: {rate:.0f}/s for {seconds:.0f} s")
        loaded = measure(mesh, rate_per_s=rate, seconds=seconds)
        err.print("how soon a breaker is heard of")
        heard = breaker_heard(mesh)
        err.print("the floor")
        found = figures(loaded, light, floor_cpu_ms(mesh), decisions()) | heard
        if old_payments:
            err.print(f"growing old: {old_payments} payments in every database")
            asyncio.run(grow_old(mesh, old_payments))
            found |= grown(loaded, measure(mesh, rate_per_s=rate, seconds=seconds), measure(mesh, rate_per_s=rate, seconds=seconds))
    sys.stdout.write((json.dumps(found) if as_json else text(found)) + "\n")
    return 1 if found["lost"] else 0


def bench_webhooks(instance: str, deliveries: int, *, as_json: bool) -> int:
    with fresh_mesh(instance, "the notifier for the benchmark", services=("notifier",)) as mesh:
        err.print(f"{deliveries} webhooks")
        found = measure_webhooks(mesh, deliveries)
    sys.stdout.write((json.dumps(found) if as_json else webhooks_text(found)) + "\n")
    return 1 if found["webhooks_lost"] else 0


@contextmanager
def fresh_mesh(instance: str, title: str, services: Sequence[str] = ALL) -> Iterator[Mesh]:
    """A mesh that remembers nothing: endpoints of an earlier benchmark, whose receivers are gone, once cost the notifier as much again."""
    found = Instance.named(instance)
    wipe(found)
    mesh = Mesh(found.folder, SETTINGS, services=services, notice=notice)
    with shown(title) as progress:
        mesh.start(progress)
    try:
        yield mesh
    finally:
        mesh.stop()


def decisions() -> dict[str, Any]:
    """In a process of its own, so that its memory is not the benchmark's."""
    done = subprocess.run([sys.executable, "-m", "deploy.simulate.decisions"], cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found
