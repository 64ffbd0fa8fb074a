"""A route that is written wrongly fails when it is mounted, by name, and not at its first request."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from pydantic import AliasPath, BaseModel, Field

from services.api.http.layer import Caller, Code, Role, Routes, mount
from services.api.http.layer.signature import SignatureError
from tests.services.api_layer.toy import Capture, PaymentPath, PaymentView, authenticate


class DeepHeaders(BaseModel):
    first: str = Field(validation_alias=AliasPath("a", 0))


def not_async() -> None: ...


async def unannotated(body) -> None: ...  # type: ignore[no-untyped-def]


async def no_return():  # type: ignore[no-untyped-def]
    ...


async def query_no_model(query: dict[str, str]) -> None: ...


async def path_elsewhere(path: PaymentPath) -> None: ...


async def no_path() -> None: ...


async def body_on_get(body: Capture) -> None: ...


async def public_caller(caller: Caller) -> None: ...


async def caller_of_no_kind(caller: str) -> None: ...


async def stranger(ledger: dict[str, str]) -> None: ...


async def wrong_dependency(clock: asyncio.Event) -> None: ...


async def value_for_204() -> PaymentView:
    raise NotImplementedError


async def deep_headers(headers: DeepHeaders) -> None: ...


WRONG: list[tuple[Callable[..., Any], str, str, dict[str, Any], str]] = [
    (not_async, "post", "/x", {}, "must be an async function"),
    (unannotated, "post", "/x", {}, "no annotation for body"),
    (no_return, "post", "/x", {}, "no annotation for return"),
    (query_no_model, "get", "/x", {}, "query must be a pydantic model"),
    (path_elsewhere, "get", "/x/{id}", {}, r"names \['id'\], the path model \['payment_id'\]"),
    (no_path, "get", "/x/{id}", {}, r"names \['id'\], the path model \[\]"),
    (body_on_get, "get", "/x", {}, "a GET has no body"),
    (public_caller, "get", "/x", {}, "is public"),
    (no_path, "get", "/x", {"needs": (Role.PUBLIC, Role.MERCHANT)}, "is public"),
    (caller_of_no_kind, "get", "/x", {"needs": Role.MERCHANT}, "caller must be a Caller"),
    (stranger, "get", "/x", {}, "wants ledger"),
    (wrong_dependency, "get", "/x", {}, "wants clock: Event, and mount was given a str"),
    (value_for_204, "get", "/x", {"status": 204}, "a 204 has no value"),
    (deep_headers, "get", "/x", {}, "an alias path has a meaning only in a body"),
]


def mounted(routes: Routes) -> web.Application:
    app = web.Application()
    mount(app, [routes], dependencies={"clock": "late"}, authenticate=authenticate)
    return app


@pytest.mark.parametrize(("function", "method", "path", "declared", "complaint"), WRONG, ids=lambda value: getattr(value, "__name__", None))
def test_refused_at_mount(function: Callable[..., Any], method: str, path: str, declared: dict[str, Any], complaint: str) -> None:
    routes = Routes("wrong")
    getattr(routes, method)(path, **{"needs": Role.PUBLIC} | declared)(function)
    with pytest.raises(SignatureError, match=complaint) as raised:
        mounted(routes)
    assert function.__name__ in str(raised.value) or "alias" in complaint


@pytest.mark.parametrize("paths", [("/a", "/b"), ("/a", "/a")], ids=["name", "place"])
def test_declared_twice(paths: tuple[str, str]) -> None:
    routes = Routes("wrong")
    for path in paths:
        routes.get(path, needs=Role.PUBLIC)(no_path)
    with pytest.raises(SignatureError, match="is declared 2 times"):
        mounted(routes)


@pytest.mark.parametrize(
    ("declared", "complaint"),
    [({}, "who may call it"), ({"needs": ()}, "who may call it"), ({"needs": Role.PUBLIC, "sumary": ""}, "sumary")],
)
def test_refused_at_declaration(declared: dict[str, Any], complaint: str) -> None:
    with pytest.raises(TypeError, match=complaint):
        Routes("wrong").get("/x", **declared)


def test_the_decorator_leaves_the_function_as_it_is() -> None:
    assert Routes("right").get("/x", needs=Role.PUBLIC)(no_path) is no_path


def test_every_code_has_a_status_of_an_error() -> None:
    assert all(400 <= code.status < 600 and code.message.endswith(".") for code in Code)
    assert all("Retry-After" in code.headers for code in Code if code.status == 503)
