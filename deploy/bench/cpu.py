"""CPU seconds by process, from the operating system's own accounting."""

from collections.abc import Mapping

import psutil


class CpuClock:
    """Reads user and system time of processes and all their children; children that have ended stay counted with their parent."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self.pids = dict(pids)
        self.before = self.read()

    def read(self) -> dict[str, float]:
        return {name: self._tree_s(pid) for name, pid in self.pids.items()}

    def used_s(self) -> dict[str, float]:
        """Since this clock was made."""
        return {name: now_s - self.before[name] for name, now_s in self.read().items()}

    @staticmethod
    def _tree_s(pid: int) -> float:
        try:
            root = psutil.Process(pid)
            parts = [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return 0.0
        total_s = 0.0
        for part in parts:
            try:
                times = part.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total_s += times.user + times.system + times.children_user + times.children_system
        return total_s
