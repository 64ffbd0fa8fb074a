"""Runs the floor on a mesh's servers and says what it cost."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from deploy.bench.cpu import CpuClock
from deploy.local.instance import ROOT
from deploy.local.mesh import Mesh

PAYMENTS = 10_000
FLOOR = (sys.executable, "-m", "deploy.bench.floor")


def floor_cpu_ms(mesh: Mesh, payments: int = PAYMENTS) -> dict[str, float]:
    """CPU-ms per payment of the floor's `server`, `worker`, `postgres` and `rabbitmq`."""
    environment = {**os.environ, "FLOOR_POSTGRES_URL": mesh.postgres.url, "FLOOR_RABBITMQ_URL": mesh.rabbitmq.url}
    servers = {name: pid for name, pid in mesh.pids().items() if pid and name in ("postgres", "rabbitmq")}
    ports = mesh.instance.ports
    with _serving(ports.of("floor_server")) as (server_url, server_pid), _serving(ports.of("floor_standin")) as (standin_url, _):
        clock = CpuClock({**servers, "server": server_pid})
        poster = subprocess.Popen([*FLOOR, "post", server_url, str(payments)], cwd=ROOT)
        worker = subprocess.Popen([*FLOOR, "work", standin_url, str(payments)], cwd=ROOT, env=environment)
        poster.wait()
        worker_s = _cpu_s_of(worker)
        if poster.returncode or worker.returncode:
            raise RuntimeError("the floor did not run to its end")
        used = clock.used_s() | {"worker": worker_s}
    return {name: used_s * 1000 / payments for name, used_s in used.items()}


def _cpu_s_of(process: "subprocess.Popen[bytes]") -> float:
    """User and system seconds of a child that ends now, its start-up included (under a hundredth of the whole)."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return _seconds(usage)


def _seconds(usage: resource.struct_rusage) -> float:
    return usage.ru_utime + usage.ru_stime


@contextmanager
def _serving(port: int) -> Iterator[tuple[str, int]]:
    process = subprocess.Popen([*FLOOR, "serve", str(port)], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None  # noqa: S101
        process.stdout.readline()
        yield f"http://127.0.0.1:{port}/payments", process.pid
    finally:
        process.terminate()
        process.wait()
