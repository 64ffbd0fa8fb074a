"""What is asked of the database with every request, remembered so shortly that what is revoked stops working within a second."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from services.api.http.availability import available
from shared.clock import monotonic_s

REMEMBERED_S = 0.4  # what has changed counts after this long, on any replica; streams ask every half a second
REMEMBERED_MAX = 10_000

T = TypeVar("T")


class Remembered(Generic[T]):
    """One query for a name while its answer is remembered, however many requests ask: those that come while it runs wait for it."""

    def __init__(self, ask: Callable[[str], Awaitable[T]]) -> None:
        self.ask = ask
        self.found: dict[str, tuple[float, asyncio.Future[T]]] = {}

    async def get(self, name: str) -> T:
        """Raises Problem where the database is away."""
        now, found = monotonic_s(), self.found.get(name)
        if found is None or now - found[0] >= REMEMBERED_S:
            if len(self.found) >= REMEMBERED_MAX:
                self.found.clear()
            found = now, asyncio.ensure_future(self.ask(name))
            self.found[name] = found
        with available():
            try:
                return await asyncio.shield(found[1])
            except Exception:
                self.forget(name)
                raise

    def forget(self, name: str) -> None:
        """The next request asks anew."""
        self.found.pop(name, None)
