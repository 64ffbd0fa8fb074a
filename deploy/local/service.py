"""One of the mesh's own processes, running: started, ended, and asked whether it is ready."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from deploy.local.errors import StartFailed
from deploy.local.process import Process
from deploy.local.programs import Program
from deploy.local.web import call

READY_TIMEOUT_S = 60.0
"""A service needs about a second of CPU to start; all seven at once on 2 busy cores need several."""


def readiness(ready_url: str, timeout_s: float = 1.0) -> tuple[bool, str]:
    """Whether it answers 200 there, and else what it says is missing."""
    try:
        reply = call("GET", ready_url, timeout_s=timeout_s)
    except OSError:
        return False, "does not answer yet"
    checks = reply.body.get("checks", {})
    failing = [f"{name}: {check.get('detail', '')}" for name, check in checks.items() if not check.get("ok")]
    return reply.status == 200, "; ".join(failing) or f"answers {reply.status}"


class Service:
    """A program of the mesh and its process."""

    def __init__(self, program: Program, process: Process, folder: Path) -> None:
        self.program = program
        self._process = process
        self._folder = folder

    @property
    def name(self) -> str:
        """The program's."""
        return self.program.name

    @property
    def pid(self) -> int | None:
        """Its process while it lives."""
        return self._process.pid

    @property
    def wanted(self) -> bool:
        """Whether it was started and neither stopped nor killed through this object."""
        return self._process.wanted

    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.alive()

    def start(self) -> None:
        """Start it; it becomes ready later."""
        with self._process.lock:
            if not self._process.alive():
                self._process.start(self.program.command, environment=self.program.environment, folder=self._folder)

    def stop(self) -> None:
        """SIGTERM, and its time to drain and to run its relay dry."""
        self._process.end()

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()

    def ending(self) -> str:
        """How it ended, in words."""
        return self._process.ending()

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        return self._process.tail(lines)


def wait_until_ready(services: Sequence[Service], ready: Callable[[str], None], timeout_s: float) -> None:
    """Return when all are, calling `ready` with each name as it comes. Raises StartFailed when one ends or the time is over."""
    deadline = time.monotonic() + timeout_s
    waiting = list(services)
    while waiting:
        for service in list(waiting):
            is_ready, detail = readiness(service.program.ready_url)
            if is_ready:
                waiting.remove(service)
                ready(service.name)
            elif not service.alive():
                raise StartFailed(f"{service.name} ended before it was ready: {service.ending()}", service.tail())
            elif time.monotonic() >= deadline:
                raise StartFailed(f"{service.name} is not ready after {timeout_s:.0f} s: {detail}", service.tail())
        time.sleep(0.1 if waiting else 0)
