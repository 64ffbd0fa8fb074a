"""Waiting for a condition with a deadline."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def until(
    look: Callable[[], Awaitable[T]], *, within_s: float, what: str, every_s: float = 0.05, accept: Callable[[T], bool] = bool
) -> T:
    """What `look` finds once that is accepted; AssertionError with what it found last when it is not within the time."""
    deadline = time.monotonic() + within_s
    while not accept(found := await look()):
        assert time.monotonic() < deadline, f"{what}: not within {within_s:.0f} s, but {found!r}"
        await asyncio.sleep(every_s)
    return found
