"""What a server can do to a connection besides answering: cut it, or hold it."""

import asyncio
from contextlib import suppress

from aiohttp import web

HELD_MAX = 10_000  # connections held at once; one more is cut
LOOK_EVERY_S = 0.5  # whether the client has gone


def cut(request: web.Request) -> web.Response:
    """Close the connection without a byte of an answer. The response is for aiohttp, which finds nobody to send it to."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


class Holder:
    """Counts the connections that get no answer, and lets go of all of them when the process stops."""

    def __init__(self) -> None:
        self._held = 0
        self._stopping = asyncio.Event()

    async def hold(self, request: web.Request, limit_s: float) -> web.Response:
        """Say nothing until the client goes or `limit_s` have passed, then cut."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + limit_s
        self._held += 1
        try:
            while self._held <= HELD_MAX and request.transport is not None and not self._stopping.is_set():
                left_s = end_s - loop.time()
                if left_s <= 0:
                    break
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), min(left_s, LOOK_EVERY_S))
        finally:
            self._held -= 1
        return cut(request)

    async def release(self, app: web.Application) -> None:
        """For `on_shutdown`."""
        self._stopping.set()


HOLDER = web.AppKey("holder", Holder)
