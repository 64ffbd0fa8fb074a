"""What people see: logs rendered readably, progress, one-line errors. Everything but results goes to stderr."""

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from deploy.local.errors import LocalError
from deploy.local.progress import Progress, Step

# A file or a pipe is not 80 columns wide.
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)
err = Console(stderr=True, highlight=False, soft_wrap=True)

COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "bright_cyan", "bright_green", "bright_magenta", "bright_yellow", "bright_blue")
LEVELS: Mapping[str, str] = {"debug": "dim", "info": "", "warning": "yellow", "error": "bold red", "critical": "bold white on red"}
MARKS: Mapping[str, RenderableType] = {"running": Spinner("dots"), "done": Text("✓", "green"), "failed": Text("✗", "red")}
TIMES, EVENTS = ("timestamp", "time", "ts", "at"), ("event", "message", "msg")


def render(name: str, line: str) -> Text:
    """One log line for people: time, who, level, event, the rest as key=value. What is no JSON object stays as it is (a traceback)."""
    colour = COLOURS[sum(name.encode()) % len(COLOURS)]
    who = (f"{name:<9}", colour)
    try:
        entry = json.loads(line)
    except ValueError:
        entry = None
    if not isinstance(entry, dict):
        return Text.assemble(" " * 13, who, " ", line)
    time = _take(entry, TIMES)[11:23]
    level, event = str(entry.pop("level", "info")), _take(entry, EVENTS)
    traceback = _take(entry, ("exception", "traceback"))
    for obvious in ("service", "logger"):
        entry.pop(obvious, None)
    details = " ".join(f"{key}={_value(value)}" for key, value in entry.items())
    text = Text.assemble((f"{time:<12} ", "dim"), who, " ", (f"{level:<8}", LEVELS.get(level, "")), event, " ", (details, "dim"))
    return Text.assemble(text, "\n", (traceback, "red")) if traceback else text


def _take(entry: dict[str, Any], names: tuple[str, ...]) -> str:
    """The first of these that is there, and none of them stays."""
    found = [str(entry.pop(name)) for name in names if entry.get(name) is not None]
    return found[0] if found else ""


def _value(value: object) -> str:
    return value if isinstance(value, str) and value and " " not in value else json.dumps(value, ensure_ascii=False, default=str)


class Follower:
    """What is new in several logs since the last look. A log that was cut short is read from its beginning again."""

    CHUNK_BYTES = 1024 * 1024

    def __init__(self, logs: Mapping[str, Path], *, from_end: bool = True) -> None:
        self._logs = dict(logs)
        self._positions = {name: log.stat().st_size if from_end and log.exists() else 0 for name, log in self._logs.items()}

    def lines(self) -> list[tuple[str, str]]:
        """Whole new lines with the name of their log."""
        found: list[tuple[str, str]] = []
        for name, log in self._logs.items():
            with contextlib.suppress(FileNotFoundError), log.open("rb") as stream:
                size = stream.seek(0, 2)
                start = stream.seek(self._positions[name] if self._positions[name] <= size else 0)
                whole = stream.read(self.CHUNK_BYTES).rpartition(b"\n")
                self._positions[name] = start + len(whole[0]) + len(whole[1])
                if whole[1]:
                    found += [(name, line) for line in whole[0].decode(errors="replace").splitlines()]
        return found


@contextlib.contextmanager
def shown(title: str) -> Iterator[Progress]:
    """Show steps as they go: a live list on a terminal, a line for each end of a step elsewhere."""
    if not err.is_terminal:
        err.print(title)
        yield _plain
        return
    steps: dict[str, Step] = {}
    with Live(console=err, refresh_per_second=10, transient=False) as live:

        def show(step: Step) -> None:
            steps[step.name] = step
            live.update(_list(title, steps))

        yield show


def _plain(step: Step) -> None:
    if step.state != "running":
        err.print(Text(f"  {'ok ' if step.state == 'done' else 'FAILED'} {step.name}  {step.note}"))


def _list(title: str, steps: Mapping[str, Step]) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_row("", Text(title, "bold"))
    for step in list(steps.values()):
        mark: RenderableType = MARKS[step.state]
        table.add_row(mark, Text(step.name), Text(step.note, "dim"))
    return table


def notice(text: str) -> None:
    """Something a person should know, beside the logs."""
    err.print(Text(text, "yellow"))


def complain(error: LocalError) -> None:
    """The error in one line, and below it what helps a developer."""
    err.print(Text.assemble(("paymesh: ", "bold red"), str(error)))
    if error.detail:
        err.print(Text("\n".join(f"  | {line}" for line in error.detail.splitlines()), "dim"))
