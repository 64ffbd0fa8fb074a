"""Carries out a plan of faults, each at its time, whatever the others are still doing."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

import psutil

from deploy.faults.acts import Acts
from deploy.faults.leftovers import AWAY
from deploy.faults.order import Act, Fault
from deploy.local.errors import LocalError

# A fault may meet a server that another fault has just ended.
THWARTED = (LocalError, psutil.Error, *AWAY)


class Nemesis:
    """`done` counts what was really done, by act and target."""

    def __init__(self, acts: Acts, tell: Callable[[str], None]) -> None:
        self.tell = tell
        self.done: Counter[str] = Counter()
        self.acts: Mapping[Act, Callable[[str], Awaitable[None]]] = {
            "kill": acts.kill,
            "restart": acts.restart,
            "strike": acts.strike,
            "cut-off": acts.cut_off,
            "unbind": acts.unbind,
            "steal": acts.steal,
        }

    async def run(self, faults: Sequence[Fault]) -> None:
        """Returns when the last one is done."""
        start = time.monotonic()
        await asyncio.gather(*(self._do(fault, start) for fault in faults))

    async def _do(self, fault: Fault, start: float) -> None:
        await asyncio.sleep(max(0.0, start + fault.at_s - time.monotonic()))
        try:
            await self.acts[fault.act](fault.target)
        except THWARTED as error:
            self.tell(f"{time.monotonic() - start:5.1f} s  {fault.act} {fault.target} could not be done: {error or type(error).__name__}")
            return
        self.done[f"{fault.act} {fault.target}"] += 1
        self.tell(f"{time.monotonic() - start:5.1f} s  {fault.act} {fault.target}")

    @property
    def kills(self) -> int:
        """SIGKILLs that a service got."""
        return sum(count for name, count in self.done.items() if name.startswith(("kill ", "strike ")))
