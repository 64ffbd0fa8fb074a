"""Waiting for a condition with a deadline."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def until(condition: Callable[[], Awaitable[T]], *, within_s: float, what: str, every_s: float = 0.05) -> T:
    """What the condition returns once that is true; AssertionError with what it returned last when it does not within the time."""
    deadline = time.monotonic() + within_s
    while not (found := await condition()):
        assert time.monotonic() < deadline, f"{what}: not within {within_s:.0f} s, but {found!r}"
        await asyncio.sleep(every_s)
    return found
