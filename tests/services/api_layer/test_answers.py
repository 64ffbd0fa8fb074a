"""What goes right: prefixes, replies, bodies of every kind, request ids, addresses, and the log that goes with a failure."""

import asyncio
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from structlog.testing import capture_logs

from tests.services.api_layer.toy import CARD_NUMBER, Memory

KEY = {"X-Api-Key": "key_test"}


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
async def test_created_under_every_prefix(http: aiohttp.ClientSession, memory: Memory, prefix: str) -> None:
    async with http.post(f"{prefix}/payments", json={"amount_minor": 5}, headers=KEY | {"IDEMPOTENCY-KEY": "k"}) as answer:
        assert (answer.status, await answer.json()) == (201, {"payment_id": "pay_1", "amount": 5})
        assert answer.headers["Location"] == "/payments/pay_1"
        assert answer.headers["RateLimit-Remaining"] == "9"
        assert (answer.content_type, answer.headers["Cache-Control"]) == ("application/json", "no-store")
    ((merchant_id, body),) = memory.calls
    assert (merchant_id, body.amount) == ("m_001", 5)


async def test_reply_has_a_status_and_headers_of_its_own(http: aiohttp.ClientSession) -> None:
    async with http.post("/payments", json={"amount": 5}, headers=KEY | {"Idempotency-Key": "again"}) as answer:
        assert (answer.status, answer.headers["Idempotent-Replayed"]) == (200, "true")
        assert "Location" not in answer.headers
    async with http.get("/readiness") as answer:
        assert (answer.status, await answer.json()) == (503, {"payment_id": "pay_1", "amount": 0})


@pytest.mark.parametrize(
    "text",
    [
        '{"amount": 1, "note": "a:b \\\\u0000 \\"[{"}',
        ' {"amount": 1, "metadata": {"url": "http://a/b", "amount": 2.5e3}} ',
        '{"amount": 1, "note": "' + "[" * 1000 + '"}',
        '{"amount": 1, "metadata": {"x": ' + "[" * 30 + "]" * 30 + "}}",
        '{"amount": 1, "sizes": [' + ",".join(["1"] * 1000) + '], "metadata": {"x": [' + ",".join(["[]"] * 1000) + "]}}",
    ],
    ids=["escapes", "colons and space", "brackets in text", "32 levels", "wide"],
)
async def test_unusual_json_is_taken(http: aiohttp.ClientSession, text: str) -> None:
    headers = KEY | {"Idempotency-Key": "k", "Content-Type": 'application/vnd.x+json; charset="UTF-8"'}
    async with http.post("/payments", data=text.encode(), headers=headers) as answer:
        assert answer.status == 201, await answer.text()


@pytest.mark.parametrize(("key", "amount"), [(KEY, 4), ({"X-Internal-Api-Key": "dev"}, 3)], ids=["merchant", "operator"])
async def test_a_route_may_let_two_roles_in(http: aiohttp.ClientSession, key: dict[str, str], amount: int) -> None:
    async with http.get("/payments/pay_77", headers=key) as answer:
        assert await answer.json() == {"payment_id": "pay_77", "amount": amount}
    async with http.head("/payments/pay_77", headers=key) as answer:
        assert (answer.status, await answer.read()) == (200, b"")


@pytest.mark.parametrize(
    ("query", "expected"), [("", []), ("?status=a&status=b&limit=7", [("a", 7), ("b", 7)]), ("?cursor=x&status=c", [("c", 10)])]
)
async def test_query_lists_and_aliases(http: aiohttp.ClientSession, query: str, expected: list[tuple[str, int]]) -> None:
    async with http.get(f"/payments{query}") as answer:
        assert [(one["payment_id"], one["amount"]) for one in await answer.json()] == expected


@pytest.mark.parametrize(("sent", "amount"), [(None, -1), (b"", -1), (b"{}", 0), (b'{"amount": 3}', 3)])
async def test_optional_body(http: aiohttp.ClientSession, sent: bytes | None, amount: int) -> None:
    headers = KEY | ({"Content-Type": "application/json"} if sent is not None else {})
    async with http.post("/payments/pay_1/capture", data=sent, headers=headers) as answer:
        assert (await answer.json())["amount"] == amount


async def test_raw_body_arrives_as_it_was_sent(http: aiohttp.ClientSession) -> None:
    async with http.post("/webhooks/pay_1", data=b"\xff\x00{", headers={"X-Request-Id": "abc-1"}) as answer:
        told = await answer.json()
    assert (told["body"], told["request_id"]) == ("ff007b", "abc-1")
    async with http.post("/webhooks/pay_1", data=b"x" * 11) as answer:
        assert answer.status == 413


@pytest.mark.parametrize(
    ("forwarded", "ip"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("8.8.8.8, 203.0.113.7, 10.1.1.1", "203.0.113.7"),
        ("unknown, 10.1.1.1", "10.1.1.1"),
        ("nonsense", "127.0.0.1"),
        (", ".join(["10.0.0.1"] * 500), "10.0.0.1"),
    ],
)
async def test_address_behind_our_proxies(http: aiohttp.ClientSession, forwarded: str, ip: str) -> None:
    async with http.post("/webhooks/pay_1", headers={"X-Forwarded-For": forwarded}) as answer:
        assert (await answer.json())["ip"] == ip


async def test_no_answer_is_an_empty_one(http: aiohttp.ClientSession, memory: Memory) -> None:
    async with http.delete("/nothing", headers={"X-Internal-Api-Key": "dev"}) as answer:
        assert (answer.status, await answer.read()) == (204, b"")
        assert "Content-Type" not in answer.headers
    assert memory.calls == ["removed"]


async def test_answers_of_aiohttp_pass_through(http: aiohttp.ClientSession) -> None:
    async with http.get("/stream", headers={"X-Request-Id": "s-1"}) as answer:
        assert (await answer.read(), answer.headers["X-Request-Id"]) == (b"data: 1\n\n", "s-1")
        assert answer.headers["Server"] == "paymesh"
    async with http.get("/page") as answer:
        assert (answer.content_type, await answer.text()) == ("text/html", "<p>")
        assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize("sent", ["a b", "", "x" * 129, "é", "a;b"])
async def test_a_request_id_that_is_not_safe_to_log_is_replaced(http: aiohttp.ClientSession, sent: str) -> None:
    async with http.get("/page", headers={"X-Request-Id": sent}) as answer:
        assert UUID(answer.headers["X-Request-Id"]).version == 7
    async with http.get("/page", headers={"X-Request-Id": "x" * 128}) as answer:
        assert answer.headers["X-Request-Id"] == "x" * 128


async def test_each_request_logs_under_its_own_id(http: aiohttp.ClientSession) -> None:
    async def ask(request_id: str) -> Any:
        async with http.get("/context", headers={"X-Request-Id": request_id}) as answer:
            return (await answer.json())["request_id"]

    for pair in (["one", "two"], ["three", "four"]):  # the second pair over the connections of the first
        async with asyncio.timeout(10):
            assert await asyncio.gather(*map(ask, pair)) == pair


@pytest.mark.parametrize(
    ("how", "error", "text"),
    [("value", "ValueError", ""), ("pydantic", "ValidationError", ""), ("code", "AttributeError", "no attribute vpa2")],
)
async def test_a_failure_is_logged_without_values(http: aiohttp.ClientSession, how: str, error: str, text: str) -> None:
    with capture_logs() as lines:
        async with http.post("/api/v1/broken", json={"how": how, "card": CARD_NUMBER}, headers={"X-Request-Id": "r-1"}) as answer:
            told = await answer.json()
    assert told["error"]["details"] == {"request_id": "r-1"}
    (line,) = lines
    assert (line["event"], line["method"], line["route"]) == ("request_failed", "POST", "/api/v1/broken")
    assert (line["error"], line["text"]) == (error, text)
    assert any("toy.py" in frame and "broken" in frame for frame in line["frames"])
    assert CARD_NUMBER not in repr(line)
