"""The server around the application: limits on connections and headers, and our shape for requests too broken to reach a route."""

import asyncio
from typing import Any

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from services.api.http.layer.guard import refused_early
from services.api.http.layer.problems import Code, Problem

LIMITS: dict[str, Any] = {
    "max_line_size": 8190,  # bytes of method, path and query
    "max_field_size": 8190,  # bytes of one header
    "max_headers": 64,
    "keepalive_timeout": 75.0,  # s; longer than the 60 s of common load balancers, so that they close first
    "auto_decompress": False,  # compressed bodies are refused, so none may be unpacked
    "lingering_time": 5.0,  # s of reading what is left of a refused body, so that its sender sees the answer and not a reset
    "access_log": None,  # a line per request costs more than the request; the services log events
}

FIRST_REQUEST_S = 30.0  # from a connection's beginning to its first whole head; aiohttp bounds only the silence after a request
SETTLE_S = 0.05  # between the last accepted connection and the end of idle ones

log = structlog.get_logger(__name__)


class EdgeConnection(RequestHandler):
    """aiohttp's own page quotes the broken line, and so does its log: it may be the line with the secret. And it waits for ever for the
    first request of a connection, however slowly that comes."""

    __slots__ = ("_unheard",)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._unheard = self._loop.call_later(FIRST_REQUEST_S, self.force_close)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._messages:
            self._unheard.cancel()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._unheard.cancel()
        super().connection_lost(exc)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        code = Code.MALFORMED_REQUEST if status < 500 else Code.INTERNAL_ERROR
        log.warning("request_unreadable", status=status, error=type(exc).__qualname__)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer had begun")
        response = refused_early(Problem(code), {})
        response.force_close()
        return response


class EdgeServer(web.Server):
    def __call__(self) -> RequestHandler:
        return EdgeConnection(self, loop=self._loop, **self._kwargs)


class EdgeRunner(web.AppRunner):
    """`web.AppRunner` with the edge's limits. Settings given by name go before LIMITS."""

    def __init__(self, app: web.Application, **settings: Any) -> None:
        super().__init__(app, **{**LIMITS, **settings})

    async def cleanup(self) -> None:
        """aiohttp gives what was accepted in the last moment one turn of the loop. What takes two would be neither answered nor closed
        until the stop's time is over."""
        for site in list(self.sites):
            await site.stop()
        await asyncio.sleep(SETTLE_S)
        await super().cleanup()

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return EdgeServer(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            loop=asyncio.get_running_loop(),
            **made._kwargs,
        )
