"""The pages that are read by people and tools: all from this edge, under both prefixes, and nothing in them asks anybody else."""

import re
from html.parser import HTMLParser

import aiohttp
import pytest
from yarl import URL

from services.api.http.about.docs import ASSETS, FOLDER
from services.api.http.layer.pages import IMMUTABLE

PREFIXES = ("", "/api/v1")
ELSEWHERE = re.compile(r"(?:https?:)?//[\w.-]+\.\w+")


class Needs(HTMLParser):
    """What a page loads and leads to, and the scripts that stand in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.leads: list[str] = []
        self.inline = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag in ("script", "link"):
            self.loads += [value for name in ("src", "href") if (value := given.get(name))]
            self.inline += tag == "script" and "src" not in given
        elif tag == "a":
            self.leads.append(given.get("href") or "")
        self.inline += tag == "style" or any(name.startswith("on") or name == "style" for name in given)


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_the_page_finds_all_that_it_needs_here(http: aiohttp.ClientSession, prefix: str) -> None:
    async with http.get(f"{prefix}/docs") as answer:
        page = await answer.text()
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        policy = answer.headers["Content-Security-Policy"]
        place = answer.url
    assert policy.startswith("default-src 'none'; script-src 'self';")
    needs = Needs(page)
    assert needs.inline == 0
    assert not ELSEWHERE.search(page)
    assert len(needs.loads) == len(ASSETS)
    for one in needs.loads:
        async with http.get(place.join(URL(one))) as answer:
            name = one.split("/", 2)[2]
            assert (answer.status, await answer.read()) == (200, (FOLDER / name).read_bytes())
            assert answer.headers["Content-Type"] == ASSETS[name]
            assert answer.headers["Cache-Control"] == IMMUTABLE
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for one in [*needs.leads, "openapi.json"]:
        async with http.get(place.join(URL(one))) as answer:
            assert (answer.status, answer.content_type) == (200, "application/json")


async def test_a_page_is_packed_for_who_can_unpack_it(http: aiohttp.ClientSession) -> None:
    sizes = {}
    for accepted in ("gzip", "identity"):
        async with http.get("/openapi.json", headers={"Accept-Encoding": accepted}, auto_decompress=False) as answer:
            sizes[answer.headers.get("Content-Encoding")] = len(await answer.read())
            assert answer.headers["Vary"] == "Accept-Encoding"
    assert sizes["gzip"] * 4 < sizes[None]


def test_our_own_files_ask_nobody_else() -> None:
    ours = [name for name in ASSETS if "/" not in name]
    assert len(ours) == 2
    assert [name for name in ours if ELSEWHERE.search((FOLDER / name).read_text())] == []


def test_other_peoples_files_keep_their_licence() -> None:
    assert "Apache License" in (FOLDER / "swagger-ui" / "LICENSE").read_text()
    assert (FOLDER / "swagger-ui" / "NOTICE").exists()


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("path", ["/asyncapi", "/asyncapi.json"])
async def test_the_mesh_is_described(http: aiohttp.ClientSession, prefix: str, path: str) -> None:
    async with http.get(prefix + path) as answer:
        assert (answer.status, answer.content_type) == (200, "application/json")
        assert (await answer.json())["asyncapi"] == "3.0.0"


@pytest.mark.parametrize("path", ["/docs", "/asyncapi", "/openapi.json"])
async def test_a_head_has_the_headers_and_no_body(http: aiohttp.ClientSession, path: str) -> None:
    async with http.head(path) as answer:
        assert (answer.status, await answer.read()) == (200, b"")
        assert "ETag" in answer.headers
