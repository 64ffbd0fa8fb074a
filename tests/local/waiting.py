"""Waiting for a condition with a deadline."""

import threading
import time
from collections.abc import Callable


def until(condition: Callable[[], object], within_s: float = 60.0) -> None:
    """Return when the condition holds; AssertionError when it does not within the time."""
    deadline, pause = time.monotonic() + within_s, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        pause.wait(0.01)
