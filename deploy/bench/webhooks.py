"""Webhooks alone: payment events on the broker, the notifier as it is, an endpoint that counts; beside the floor of bare client calls."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from deploy.bench.cpu import CpuClock
from deploy.bench.isolation import counted, isolation, isolation_text, seed
from deploy.bench.receiver import ask, heard_by
from deploy.bench.succeeding import publish_all
from deploy.local import demo
from deploy.local.instance import ROOT
from deploy.local.mesh import Mesh

ENDPOINTS = 4  # of the demo merchant: every event is owed to each
AT_ONCE = 32 * ENDPOINTS  # calls of the floor under way: as many as the notifier allows itself
PATIENCE_S = 120.0
RECEIVER = (sys.executable, "-m", "deploy.bench.receiver")
LOGGED = "SELECT count(*) FROM deliveries JOIN delivery_attempts USING (delivery_id) WHERE state = 'delivered' AND status = 200"


def webhooks(mesh: Mesh, deliveries: int) -> dict[str, Any]:
    """Figures of so many deliveries, a tenth of them before to warm up. The mesh needs no service but the notifier."""
    with _receiving(mesh.instance.ports.of("webhook_receiver")) as url:
        names = ["we_demo", *(f"we_bench_{number}" for number in range(1, ENDPOINTS))]  # the first is the shop's, which hears nothing
        seed(mesh, [(demo.MERCHANT_ID, name, f"{url}/hooks/{name}") for name in names])
        _deliver(mesh, url, deliveries // 10)
        found = _deliver(mesh, url, deliveries)
        floor = _floor(f"{url}/hooks/floor", found.pop("body"), deliveries)
        found |= isolation(mesh, url)
    floor_per_s = deliveries / floor["seconds"]
    return found | {
        "webhooks_floor_per_s": round(floor_per_s, 1),
        "webhooks_floor_cpu_ms": round(floor["cpu_s"] * 1000 / deliveries, 3),
        "webhooks_ratio": round(floor_per_s / found["webhooks_per_s"], 2),
    }


def text(found: dict[str, Any]) -> str:
    shares = ", ".join(f"{name} {ms}" for name, ms in sorted(found["webhooks_cpu_ms"].items(), key=lambda one: -one[1]))
    return "\n".join(
        (
            f"{found['webhooks']} webhooks to {ENDPOINTS} endpoints, signed and logged: {found['webhooks_per_s']}/s from the first"
            f" receipt to the last; lost {found['webhooks_lost']}, repeated {found['webhooks_repeated']},"
            f" wrongly signed {found['webhooks_wrong']}",
            f"  CPU-ms a webhook      {found['cpu_ms_per_webhook']}: {shares}",
            f"the floor, bare client calls with the same body, {AT_ONCE} at once: {found['webhooks_floor_per_s']}/s,"
            f" {found['webhooks_floor_cpu_ms']} CPU-ms",
            f"floor / webhooks: {found['webhooks_ratio']}",
            *isolation_text(found),
        )
    )


def _deliver(mesh: Mesh, url: str, deliveries: int) -> dict[str, Any]:
    """Publish and wait until all are heard and logged, or nothing comes any more."""
    ask(f"{url}/heard", "DELETE")
    before = counted(mesh, LOGGED)
    clock = CpuClock({name: pid for name, pid in mesh.pids().items() if pid})
    asyncio.run(publish_all(mesh.rabbitmq.url, [demo.MERCHANT_ID] * (deliveries // ENDPOINTS)))
    deadline = time.monotonic() + PATIENCE_S
    while (heard := heard_by(url)).deliveries < deliveries and time.monotonic() < deadline:
        time.sleep(0.1)
    while (logged := counted(mesh, LOGGED) - before) < deliveries and time.monotonic() < deadline:
        time.sleep(0.1)
    used_ms = {name: round(used_s * 1000 / deliveries, 3) for name, used_s in clock.used_s().items() if used_s}
    return {
        "webhooks": deliveries,
        "webhooks_per_s": round(heard.deliveries / max(0.001, heard.last_at - heard.first_at), 1),
        "webhooks_lost": deliveries - min(heard.deliveries, logged),
        "webhooks_repeated": heard.posts - heard.deliveries,
        "webhooks_wrong": heard.wrong_signatures,
        "cpu_ms_per_webhook": round(sum(used_ms.values()), 3),
        "webhooks_cpu_ms": used_ms,
        "body": heard.body,
    }


def _floor(url: str, body: str, count: int) -> dict[str, float]:
    asked = [*RECEIVER, "post", url, str(count), str(AT_ONCE)]
    done = subprocess.run(asked, cwd=ROOT, input=body.encode(), capture_output=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


@contextmanager
def _receiving(port: int) -> Iterator[str]:
    process = subprocess.Popen([*RECEIVER, "serve", str(port)], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None  # noqa: S101
        process.stdout.readline()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
