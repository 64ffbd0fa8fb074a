"""Every path, under both prefixes, with every method that it does not know: 405 that says which it does; and what is no path is a 404."""

import re
from collections import defaultdict

import aiohttp
import pytest

from services.api.wiring import GROUPS

PREFIXES = ("", "/api/v1")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
KNOWN: dict[str, set[str]] = defaultdict(set)
for one in [route for group in GROUPS for route in group.routes]:
    KNOWN[one.path] |= {one.method} | ({"HEAD"} if one.method == "GET" else set())
for page in ("/openapi.json", "/docs", "/asyncapi", "/asyncapi.json"):
    KNOWN[page] = {"GET", "HEAD"}


def shape_of(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "*", path)


def met(path: str) -> set[str]:
    """Methods that some route would answer at this path: `/payments/ping` is one of `/payments/{payment_id}` too."""
    concrete = re.sub(r"\{[^}]*\}", "thing", path)
    return {
        method for known, methods in KNOWN.items() if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", known), concrete) for method in methods
    }


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("path", KNOWN)
async def test_unknown_methods_are_told_the_known_ones(http: aiohttp.ClientSession, prefix: str, path: str) -> None:
    for method in METHODS:
        if method in met(path):
            continue
        async with http.request(method, prefix + re.sub(r"\{[^}]*\}", "thing", path)) as answer:
            assert answer.status == 405, method
            assert answer.headers["X-Request-Id"]
            allowed = {name.strip() for name in answer.headers["Allow"].split(",")}
            assert method not in allowed
            assert KNOWN[path] - {"HEAD"} <= allowed
            if method != "HEAD":
                error = (await answer.json())["error"]
                assert (error["code"], set(error["details"]["allowed"])) == ("METHOD_NOT_ALLOWED", allowed)


@pytest.mark.parametrize("path", [path for path, methods in KNOWN.items() if "GET" in methods and path != "/events"])
async def test_head_is_get_without_its_body(http: aiohttp.ClientSession, path: str) -> None:
    """Nobody says who they are, so most are a 401; what matters is that both say the same."""
    concrete = re.sub(r"\{[^}]*\}", "thing", path)
    async with http.get(concrete) as whole, http.head(concrete) as head:
        assert (head.status, head.headers.get("Content-Type")) == (whole.status, whole.headers.get("Content-Type"))
        assert await head.read() == b""


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/payments/", "/docs/", "/docs/0000/docs.js", "/payments/pay_1/nothing", "/api/v1/api/v1"]
)
async def test_what_is_no_path_is_not_found(http: aiohttp.ClientSession, prefix: str, method: str, path: str) -> None:
    async with http.request(method, prefix + path) as answer:
        assert answer.status == 404
        if method != "HEAD":
            assert (await answer.json())["error"]["code"] == "NOT_FOUND"
