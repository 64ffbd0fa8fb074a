"""Which pages of other origins may call, and read what is answered (the Fetch standard's CORS protocol)."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from services.api.http.layer.caller import Caller, Client, Network, client_of
from services.api.http.layer.guard import REQUEST_ID
from services.api.http.layer.problems import Code, Problem

Origins = Callable[[str], Awaitable[bool]]
ORIGIN_CHARS_MAX = 255
SENDS = "Content-Type, Idempotency-Key, Last-Event-ID, Prefer, X-Api-Key, X-Client-Secret, X-Request-Id"
READS = "Idempotent-Replayed, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-Id"
AGREED_S = "600"  # for how long a browser need not ask again


async def allowing(request: web.Request, origins: Origins) -> Mapping[str, str]:
    """Headers of the answer. A cache must know that it depends on who asks, even where nobody may."""
    origin = request.headers.get("Origin", "")
    if not await allowed(origin, origins):
        return {"Vary": "Origin"}
    return {"Vary": "Origin", "Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": READS}


async def allowed(origin: str, origins: Origins) -> bool:
    return 0 < len(origin) <= ORIGIN_CHARS_MAX and origin.isascii() and await origins(origin)


def preflight_at(
    methods: set[str], origins: Origins, admit: Callable[[Client, Caller | None], object] | None, trusted: tuple[Network, ...]
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Answers a browser that asks before it sends. It does not say with which key, so this is about the origin alone."""

    async def preflight(request: web.Request) -> web.StreamResponse:
        wanted = request.headers.get("Access-Control-Request-Method")
        if wanted is None:
            raise web.HTTPMethodNotAllowed("OPTIONS", methods)
        if admit is not None:
            admit(client_of(request, request[REQUEST_ID], trusted), None)
        if wanted not in methods or not await allowed(request.headers.get("Origin", ""), origins):
            raise Problem(Code.FORBIDDEN, "Pages of this origin may not do this.", headers={"Vary": "Origin"})
        granted = {"Access-Control-Allow-Methods": wanted, "Access-Control-Allow-Headers": SENDS, "Access-Control-Max-Age": AGREED_S}
        return web.Response(status=204, headers={**await allowing(request, origins), **granted})

    return preflight
