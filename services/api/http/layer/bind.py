"""Putting declared routes into an aiohttp application; whatever is wrong with a declaration is said here, before the first request."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from aiohttp import web

from services.api.http.layer.cors import Origins, preflight_at
from services.api.http.layer.endpoint import Admit, Authenticate, Endpoint, Limits, Setting
from services.api.http.layer.guard import guard, refused_early, signed
from services.api.http.layer.openapi import Info, openapi
from services.api.http.layer.pages import Page
from services.api.http.layer.problems import Code, Problem
from services.api.http.layer.routes import Hook, Routes
from services.api.http.layer.signature import Signature, SignatureError, read_signature

PREFIXES = ("", "/api/v1")
NO_PAGES: Mapping[str, Page] = {}


def mount(
    app: web.Application,
    groups: Iterable[Routes],
    *,
    dependencies: Mapping[str, Any],
    authenticate: Authenticate,
    admit: Admit | None = None,
    prefixes: tuple[str, ...] = PREFIXES,
    info: Info | None = None,
    hooks: Sequence[Hook] = (),
    pages: Mapping[str, Page] = NO_PAGES,
    limits: Limits | None = None,
    origins: Origins | None = None,
    trusted_proxies: Iterable[str] = (),
) -> None:
    """Serve every route and page under every prefix, and with `info` the API's description at `/openapi.json`, webhooks (`hooks`) included.

    `authenticate(request)` is awaited for every route that is not public: a Caller, None (401), or a Problem. `admit(client, caller)` is
    the rate limit: asked with None as caller before authentication and with the caller after it, it returns headers for the answer (the
    last ones count) or raises Problem(RATE_LIMITED). `origins(origin)` is awaited where a browser calls a route of `browsers`: whether
    pages of that origin may. `trusted_proxies` are networks whose X-Forwarded-For is believed.
    Raises SignatureError.
    """
    groups = list(groups)
    trusted = tuple(ip_network(network) for network in trusted_proxies)
    setting = Setting(dependencies, authenticate, admit, origins, trusted, limits or Limits())
    signatures = [read_signature(route) for group in groups for route in group.routes]
    check_together(signatures, dependencies)
    if guard not in app.middlewares:
        app.middlewares.insert(0, guard)
        app.on_response_prepare.append(signed)
    for signature in signatures:
        answer = Endpoint(signature, setting).answer
        for prefix in prefixes:
            serve(app, signature.route.method, prefix + signature.route.path, answer)
    if origins is not None:
        for path, methods in for_browsers(signatures).items():
            for prefix in prefixes:
                app.router.add_route("OPTIONS", prefix + path, preflight_at(methods, origins, admit, trusted))
    if info is not None:
        document = json.dumps(openapi(groups, info, prefixes, hooks), ensure_ascii=False)
        pages = {**pages, "/openapi.json": Page(document.encode(), "application/json")}
    for path, page in pages.items():
        for prefix in prefixes:
            serve(app, "GET", prefix + path, page.answer)


def serve(app: web.Application, method: str, path: str, answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> None:
    for verb in ("GET", "HEAD") if method == "GET" else (method,):
        app.router.add_route(verb, path, answer, expect_handler=expect)


def for_browsers(signatures: list[Signature]) -> dict[str, set[str]]:
    """path → methods that pages of other origins may use"""
    found: dict[str, set[str]] = {}
    for signature in signatures:
        if signature.route.declared.get("browsers", False):
            found.setdefault(signature.route.path, set()).add(signature.route.method)
    return found


def check_together(signatures: list[Signature], dependencies: Mapping[str, Any]) -> None:
    names = Counter(signature.route.name for signature in signatures)
    places = Counter(f"{signature.route.method} {signature.route.path}" for signature in signatures)
    for what, count in (names + places).items():
        if count > 1:
            raise SignatureError(f"{what} is declared {count} times")
    for signature in signatures:
        for name, kind in signature.dependencies.items():
            if name not in dependencies:
                raise SignatureError(f"{signature.route.name} wants {name}: no part of a request, and no dependency given to mount")
            given = dependencies[name]
            if isinstance(kind, type) and not getattr(kind, "_is_protocol", False) and not isinstance(given, kind):
                raise SignatureError(f"{signature.route.name} wants {name}: {kind.__name__}, and mount was given a {type(given).__name__}")


async def expect(request: web.Request) -> web.StreamResponse | None:
    """`Expect: 100-continue` is met; aiohttp asks outside the middleware, so any other answer is made here."""
    if request.headers["Expect"].lower() != "100-continue":
        return refused_early(Problem(Code.EXPECTATION_FAILED), request.headers)
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return None
