"""What happens while the mesh starts or stops, told step by step to whoever wants to show it."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Step:
    """One step and how far it is; `note` is short and for people."""

    name: str
    state: Literal["running", "done", "failed"]
    note: str = ""


Progress = Callable[[Step], None]


def unseen(_: Step) -> None:
    """For whom progress needs no showing."""


@contextlib.contextmanager
def step(progress: Progress, name: str, note: str = "") -> Iterator[None]:
    """Tell the beginning of a step, and its end with the seconds it took."""
    started = time.monotonic()
    progress(Step(name, "running", note))
    try:
        yield
    except BaseException as error:
        progress(Step(name, "failed", str(error)))
        raise
    progress(Step(name, "done", f"{time.monotonic() - started:.1f} s"))
