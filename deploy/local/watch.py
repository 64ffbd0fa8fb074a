"""Keeps what should run running: starts again what ended unasked, slower each time, and says so."""

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from deploy.local.errors import LocalError
from deploy.local.files import keep_to_size
from deploy.local.unit import Unit

POLL_S = 0.2
STEADY_S = 30.0  # who lived longer than this is not dying in a row
FIRST_DELAY_S, LAST_DELAY_S = 0.5, 30.0
SHOW_LOG_AT = 3  # deaths in a row
LOG_CHECK_S = 30.0


def delay_s(deaths_in_a_row: int) -> float:
    """How long to wait before the next start: half a second, doubling up to half a minute."""
    return float(min(LAST_DELAY_S, FIRST_DELAY_S * 2 ** min(deaths_in_a_row - 1, 16)))


class Watch:
    """Watches units from `start` to `close`, one thread each, so that a slow start of one holds up no other.

    `notice` hears who died, how, and how often; `changed` is called after each restart.
    """

    def __init__(self, units: Iterable[Unit], logs: Path, notice: Callable[[str], None], changed: Callable[[], None]) -> None:
        self._units = list(units)
        self._logs = logs
        self._notice = notice
        self._changed = changed
        self._closing = threading.Event()
        self.threads: list[threading.Thread] = []
        self.restarts: dict[str, int] = dict.fromkeys((unit.name for unit in self._units), 0)

    def start(self) -> None:
        """Begin to watch."""
        self.threads = [threading.Thread(target=self._keep, args=[unit], name=f"watch-{unit.name}", daemon=True) for unit in self._units]
        self.threads.append(threading.Thread(target=self._keep_logs_small, name="watch-logs", daemon=True))
        for thread in self.threads:
            thread.start()

    def close(self, timeout_s: float = 5.0) -> None:
        """Stop watching; nothing is restarted afterwards."""
        self._closing.set()
        for thread in self.threads:
            thread.join(timeout_s)

    def _keep(self, unit: Unit) -> None:
        deaths, started_at = 0, time.monotonic()
        while not self._closing.wait(POLL_S):
            if not unit.wanted or unit.alive():
                continue
            deaths = 1 if time.monotonic() - started_at > STEADY_S else deaths + 1
            self._say(unit, deaths)
            if self._closing.wait(delay_s(deaths)):
                return
            if not unit.wanted:  # stopped or killed on purpose while we waited
                continue
            try:
                unit.start()
            except LocalError as error:
                self._notice(f"{unit.name}: {error}")
            started_at = time.monotonic()
            self.restarts[unit.name] += 1
            self._changed()

    def _say(self, unit: Unit, deaths: int) -> None:
        times = self.restarts[unit.name] + 1
        self._notice(f"{unit.name} died ({unit.ending()}); restart {times} in {delay_s(deaths):g} s")
        if deaths == SHOW_LOG_AT:
            self._notice(f"{unit.name} keeps dying ({deaths} times in a row); the end of its log:\n{unit.tail()}")

    def _keep_logs_small(self) -> None:
        while not self._closing.wait(LOG_CHECK_S):
            for log in self._logs.glob("*.log"):
                keep_to_size(log)
