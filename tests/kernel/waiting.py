"""Waiting for a condition with a deadline."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

WITHIN_S = 60.0
PAUSE_S = 0.01


async def until(condition: Callable[[], Any], within_s: float = WITHIN_S) -> Any:
    """Return what the condition returns (or its coroutine) once that is true; AssertionError when it is not within the time."""
    deadline = time.monotonic() + within_s
    while True:
        seen = condition()
        if inspect.isawaitable(seen):
            seen = await seen
        if seen:
            return seen
        assert time.monotonic() < deadline, f"not within {within_s} s: {inspect.getsource(condition).strip()}"
        await asyncio.sleep(PAUSE_S)
