"""What is broken, when: a plan drawn from a seed, and the hand that carries it out."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from deploy.local.errors import LocalError
from deploy.local.mesh import Mesh
from deploy.local.programs import SERVICES


@dataclass(frozen=True, slots=True)
class Fault:
    """`at_s` after the load began. `kill` SIGKILLs a service, whose supervisor brings it back; `restart` does so with a server, at once."""

    at_s: float
    act: str
    target: str


def plan(draw: Random, *, seconds: float, kills: int, server_restarts: int) -> list[Fault]:
    """Every service is killed at least once; servers are restarted in the middle part, so that load meets them going and coming."""
    targets = [*SERVICES, *(draw.choice(SERVICES) for _ in range(max(0, kills - len(SERVICES))))]
    faults = [Fault(draw.uniform(0.03, 0.97) * seconds, "kill", target) for target in targets[: max(kills, 0)]]
    for number in range(server_restarts):
        faults.append(Fault(draw.uniform(0.15, 0.85) * seconds, "restart", ("rabbitmq", "postgres")[number % 2]))
    return sorted(faults, key=lambda fault: fault.at_s)


class Nemesis:
    def __init__(self, mesh: Mesh, tell: Callable[[str], None]) -> None:
        self.mesh, self.tell = mesh, tell
        self.done: Counter[str] = Counter()

    async def run(self, faults: Sequence[Fault]) -> None:
        start = time.monotonic()
        for fault in faults:
            await asyncio.sleep(max(0.0, start + fault.at_s - time.monotonic()))
            await asyncio.to_thread(self._do, fault)

    def _do(self, fault: Fault) -> None:
        self.tell(f"{fault.at_s:5.1f} s  {fault.act} {fault.target}")
        try:
            if fault.act == "kill":
                self._crash(fault.target)
            else:
                self.mesh.kill(fault.target)
                self.mesh.restart(fault.target)
            self.done[f"{fault.act} {fault.target}"] += 1
        except LocalError as error:
            self.tell(f"         not done: {error}")

    def _crash(self, target: str) -> None:
        """Behind its supervisor's back, as the kernel's memory killer would."""
        pid = self.mesh.pids().get(target)
        if pid is None:
            raise LocalError(f"{target} is down already")
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            raise LocalError(f"{target} is down already") from None

    @property
    def kills(self) -> int:
        return sum(count for name, count in self.done.items() if name.startswith("kill "))
