"""Every way to be refused: one shape, one code each, and never a word of what was sent."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from services.api.http.layer import Limits, server
from tests.services.api_layer.toy import CARD_NUMBER, Memory, error_of

KEY = {"X-Api-Key": "key_test", "Idempotency-Key": "k1"}
GOOD = {"amount": 1000}


@dataclass(frozen=True)
class Refused:
    """A request and the refusal it earns."""

    name: str
    status: int
    code: str
    method: str = "POST"
    path: str = "/payments"
    body: bytes = json.dumps(GOOD).encode()
    headers: dict[str, str] = field(default_factory=dict)
    answer: dict[str, str] = field(default_factory=dict)


def body(name: str, status: int, code: str, raw: bytes | str, **headers: str) -> Refused:
    return Refused(name, status, code, body=raw if isinstance(raw, bytes) else raw.encode(), headers=headers)


BASIC = {"WWW-Authenticate": 'Basic realm="paymesh", charset="UTF-8"'}
OTHER = {"WWW-Authenticate": 'ApiKey realm="paymesh"'}

TABLE = [
    Refused("no such path", 404, "NOT_FOUND", "GET", "/nowhere"),
    Refused("no such path under the prefix", 404, "NOT_FOUND", "GET", "/api/v1/nowhere"),
    Refused("a trailing slash", 404, "NOT_FOUND", "GET", "/payments/"),
    Refused("a method", 405, "METHOD_NOT_ALLOWED", "DELETE", answer={"Allow": "GET, HEAD, POST"}),
    Refused("an id that cannot be", 404, "NOT_FOUND", "GET", "/payments/pay_%00"),
    Refused("an id of another form", 404, "NOT_FOUND", "GET", f"/payments/{CARD_NUMBER}"),
    Refused("an id that nobody has", 404, "NOT_FOUND", "GET", "/payments/pay_0"),
    Refused("nobody", 401, "UNAUTHENTICATED", headers={"X-Api-Key": ""}, answer=BASIC),
    Refused("a revoked key", 401, "UNAUTHENTICATED", headers={"X-Api-Key": "key_revoked"}, answer=BASIC),
    Refused("nobody at an operator's door", 401, "UNAUTHENTICATED", "DELETE", "/nothing", headers={"X-Api-Key": ""}, answer=OTHER),
    Refused("another role", 403, "FORBIDDEN", "DELETE", "/nothing"),
    Refused("credentials before bodies", 401, "UNAUTHENTICATED", body=b"{", headers={"X-Api-Key": ""}),
    Refused("too many", 429, "RATE_LIMITED", headers={"X-Request-Id": "greedy"}, answer={"Retry-After": "7", "RateLimit-Remaining": "9"}),
    Refused("no idempotency key", 400, "MISSING_IDEMPOTENCY_KEY", headers={"Idempotency-Key": ""}),
    Refused("an expectation", 417, "EXPECTATION_FAILED", headers={"Expect": "miracles"}),
    body("a number in quotes", 422, "VALIDATION_ERROR", '{"amount": "1000"}'),
    body("not JSON", 400, "MALFORMED_JSON", "{'amount': 1}"),
    body("half a JSON", 400, "MALFORMED_JSON", '{"amount": 1'),
    body("a number beyond floats alone", 400, "MALFORMED_JSON", "1e999"),
    body("nothing", 400, "MALFORMED_JSON", ""),
    body("more than one", 400, "MALFORMED_JSON", '{"amount": 1} {}'),
    body("NaN", 400, "MALFORMED_JSON", '{"amount": 1, "metadata": {"x": NaN}}'),
    body("Infinity", 400, "MALFORMED_JSON", '{"amount": 1, "metadata": {"x": -Infinity}}'),
    body("a number beyond floats", 400, "MALFORMED_JSON", '{"amount": 1, "metadata": {"x": 1e999}}'),
    body("a number of 5,000 digits", 400, "MALFORMED_JSON", '{"amount": ' + "1" * 5000 + "}"),
    body("a name twice", 400, "MALFORMED_JSON", '{"amount": 1, "amount": 2}'),
    body("a name twice, once in disguise", 400, "MALFORMED_JSON", '{"amount": 1, "am\\u006funt": 2}'),
    body("bad UTF-8", 400, "MALFORMED_JSON", b'{"amount": 1, "note": "\xff"}'),
    body("a byte order mark", 400, "MALFORMED_JSON", b'\xef\xbb\xbf{"amount": 1}'),
    body("UTF-16", 400, "MALFORMED_JSON", '{"amount": 1}'.encode("utf-16")),
    body("half a surrogate pair", 400, "MALFORMED_JSON", '{"amount": 1, "note": "\\ud800"}'),
    body("a control character", 400, "MALFORMED_JSON", b'{"amount": 1, "note": "\x00"}'),
    body("33 levels", 400, "JSON_TOO_DEEP", '{"amount": 1, "metadata": {"x": ' + "[" * 31 + "]" * 31 + "}}"),
    body("60,000 levels", 400, "MALFORMED_JSON", "[" * 60_000),
    body("30,000 closed levels", 400, "JSON_TOO_DEEP", "[" * 30_000 + "]" * 30_000),
    body("too large", 413, "PAYLOAD_TOO_LARGE", json.dumps({"amount": 1, "note": "x" * 65_536})),
    body("a form", 415, "UNSUPPORTED_MEDIA_TYPE", "amount=1", **{"Content-Type": "application/x-www-form-urlencoded"}),
    body("another charset", 415, "UNSUPPORTED_MEDIA_TYPE", "{}", **{"Content-Type": "application/json; charset=latin-1"}),
    body("compressed", 415, "UNSUPPORTED_MEDIA_TYPE", "{}", **{"Content-Encoding": "br"}),
    body("an empty object", 422, "VALIDATION_ERROR", "{}"),
    body("a list", 422, "VALIDATION_ERROR", "[]"),
    body("a number", 422, "VALIDATION_ERROR", "5"),
    body("a misspelt field", 422, "VALIDATION_ERROR", '{"amount": 1, "ammount": 2}'),
    body("U+0000 in a text", 422, "VALIDATION_ERROR", '{"amount": 1, "note": "a\\u0000"}'),
    body("U+0000 in a name", 422, "VALIDATION_ERROR", '{"amount": 1, "metadata": {"a\\u0000": 1}}'),
    Refused("a long header", 422, "VALIDATION_ERROR", headers={"Idempotency-Key": "k" * 256}),
    Refused("a query out of range", 422, "VALIDATION_ERROR", "GET", "/payments?limit=1000"),
    Refused("a query field twice", 422, "VALIDATION_ERROR", "GET", "/payments?limit=1&limit=2"),
    Refused("an unknown query field", 422, "VALIDATION_ERROR", "GET", "/payments?page=1"),
    Refused("U+0000 in a query", 422, "VALIDATION_ERROR", "GET", "/payments?status=%00"),
    Refused("a value that raises", 500, "INTERNAL_ERROR", "POST", "/broken", b'{"how": "value"}'),
    Refused("an aiohttp exception", 415, "UNSUPPORTED_MEDIA_TYPE", "POST", "/broken", b'{"how": "aiohttp"}'),
    Refused("a time-out inside", 500, "INTERNAL_ERROR", "POST", "/broken", b'{"how": "timeout"}'),
    Refused("an answer of another type", 500, "INTERNAL_ERROR", "GET", "/wrong-answer"),
]


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.name)
async def test_refused(http: aiohttp.ClientSession, memory: Memory, case: Refused) -> None:
    headers = {name: value for name, value in ({"Content-Type": "application/json"} | KEY | case.headers).items() if value}
    async with http.request(case.method, case.path, data=case.body if case.method == "POST" else None, headers=headers) as answer:
        error = error_of(await answer.read())
        assert (answer.status, error["code"]) == (case.status, case.code), error
        assert answer.content_type == "application/json"
        assert answer.headers["X-Request-Id"]
        assert case.answer.items() <= dict(answer.headers).items()
    assert memory.calls == []


@dataclass(frozen=True)
class Complaint:
    """A body and what is said of one of its fields."""

    sent: dict[str, Any]
    field: str
    message: str


def instrument(field_name: str, message: str, **sent: Any) -> Complaint:
    return Complaint({"amount": 1, "instrument": sent}, field_name, message)


OLD_CARD = {"type": "CARD", "number": CARD_NUMBER, "cvv": "123", "expiry_month": 1}
COMPLAINTS = [
    Complaint({}, "amount", "Field required"),
    Complaint({"amount_minor": 0}, "amount_minor", "Input should be greater than 0"),
    Complaint({"amount": "12x"}, "amount", "Input should be a valid integer"),
    Complaint({"amount": 1, "method": "card"}, "method", "Input should be 'UPI' or 'CARD'"),
    instrument("instrument.vpa", r"String should match pattern '^[\w.-]+@\w+$'", type="UPI", vpa=CARD_NUMBER),
    instrument("instrument", "Input should have 'type' set to one of 'UPI', 'CARD'", type="BTC9"),
    instrument("instrument.number", "The number should be digits only", **OLD_CARD | {"number": "41x"}),
    instrument("instrument.number", "Input is not valid", **OLD_CARD | {"number": "4111111111111111"}),
    instrument("instrument.cvv", "Value should have at most 4 items", **OLD_CARD | {"cvv": "98765"}),
    Complaint({"amount": 1, "note": "!secret word"}, "", "Input is not valid"),
    Complaint({"amount": 1, "note": "!x12"}, "", "Input is not valid"),
    Complaint({"amount": 1, "note": "card", "method": "UPI", "metadata": {"a": "upi", "b": "no"}}, "", "the note is not for UPI"),
    Complaint({"amount": 1, CARD_NUMBER: 1}, "*", "Extra inputs are not permitted"),
    Complaint({"amount": 1, "limits": {"a@upi": "zzz"}}, "limits.*", "Input should be a valid integer"),
    Complaint({"amount": 1, "sizes": [1, "zzz"]}, "sizes.1", "Input should be a valid integer"),
    Complaint({"amount": 1, "note": 5}, "note", "Input should be a valid string"),
]


@pytest.mark.parametrize("case", COMPLAINTS, ids=lambda case: f"{case.field} {case.message}"[:40])
async def test_complaint_names_the_field_and_quotes_nothing(http: aiohttp.ClientSession, case: Complaint) -> None:
    async with http.post("/payments", json=case.sent, headers=KEY) as answer:
        text = await answer.text()
        (told,) = error_of(text.encode())["details"]["errors"]
    assert (told["in"], told["field"]) == ("body", case.field)
    assert told["message"].startswith(case.message)
    for value in ("12x", "BTC9", "4111111111111111", CARD_NUMBER, "41x", "98765", "secret", "SECRET", "X12", "a@upi", "zzz"):
        assert value not in text


async def test_complaints_are_counted_and_cut(http: aiohttp.ClientSession) -> None:
    async with http.post("/payments", json={"amount": 1, "sizes": ["x"] * 50}, headers=KEY) as answer:
        details = error_of(await answer.read())["details"]
    assert (len(details["errors"]), details["more"]) == (20, 30)


@pytest.mark.parametrize(("query", "name"), [("limit=zzz", "limit"), ("zz%40upi=1", "*"), ("cursor=1&limit=0", "limit")])
async def test_query_complaint(http: aiohttp.ClientSession, query: str, name: str) -> None:
    async with http.get(f"/payments?{query}") as answer:
        text = await answer.text()
    (told,) = error_of(text.encode())["details"]["errors"]
    assert (told["in"], told["field"]) == ("query", name)
    assert "zz" not in text


async def test_header_complaint_names_the_header(http: aiohttp.ClientSession) -> None:
    async with http.post("/payments", json=GOOD, headers=KEY | {"idempotency-key": "k" * 256}) as answer:
        (told,) = error_of(await answer.read())["details"]["errors"]
    assert (told["in"], told["field"]) == ("headers", "Idempotency-Key")


@pytest.mark.parametrize("chunks", [["{" + " " * 70_000], ["{"] + [" " * 1000] * 70], ids=["one", "many"])
async def test_chunked_body_is_limited_too(http: aiohttp.ClientSession, chunks: list[str]) -> None:
    async def pieces() -> Any:
        for chunk in chunks:
            yield chunk.encode()

    async with http.post("/payments", data=pieces(), headers=KEY | {"Content-Type": "application/json"}) as answer:
        assert error_of(await answer.read())["code"] == "PAYLOAD_TOO_LARGE"


POST = b"POST /payments HTTP/1.1\r\nHost: x\r\nX-Api-Key: key_test\r\nContent-Type: application/json\r\n"
BODY = b'Content-Length: 12\r\n\r\n{"amount":1}'
GET = b"GET /payments HTTP/1.1\r\nHost: x\r\n"
RAW = {
    "a slow body": (POST + b"Content-Length: 9\r\n\r\n{", 408, "REQUEST_TIMEOUT"),
    "a chunk without size": (POST + b"Transfer-Encoding: chunked\r\n\r\nsecretline\r\n", 400, "MALFORMED_REQUEST"),
    "a header not UTF-8": (POST + b"Idempotency-Key: \xff\r\n" + BODY, 422, "VALIDATION_ERROR"),
    "a header twice": (POST + b"Idempotency-Key: secretline\r\nIdempotency-Key: b\r\n" + BODY, 422, "VALIDATION_ERROR"),
    "a header without colon": (GET + b"X-Api-Secret secretline\r\n\r\n", 400, "MALFORMED_REQUEST"),
    "many headers": (GET + b"X-A: secretline\r\n" * 70 + b"\r\n", 400, "MALFORMED_REQUEST"),
    "a long header": (GET + b"X-A: secretline" + b"a" * 9000 + b"\r\n\r\n", 400, "MALFORMED_REQUEST"),
    "a long line": (b"GET /secretline" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 400, "MALFORMED_REQUEST"),
    "no HTTP": (b"secretline\r\n\r\n", 400, "MALFORMED_REQUEST"),
    "a query not UTF-8": (b"GET /payments?limit=%ff HTTP/1.1\r\nHost: x\r\n\r\n", 422, "VALIDATION_ERROR"),
    "a path not UTF-8": (b"GET /payments/pay_%ff HTTP/1.1\r\nHost: x\r\nX-Api-Key: key_test\r\n\r\n", 404, "NOT_FOUND"),
}


@pytest.mark.parametrize("sent", [b"", b"GET /payments HTTP/1.1\r\nHost:", b"POST /payments HTTP/1.1\r\nHost: x\r\n"], ids=str)
async def test_who_never_ends_the_first_head_is_cut_off(address: tuple[str, int], monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(server, "FIRST_REQUEST_S", 0.05)
    reader, writer = await asyncio.open_connection(*address)
    writer.write(sent)
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    writer.close()


async def test_who_has_asked_once_may_stay(address: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    connections: list[Any] = []
    made = server.EdgeConnection.connection_made

    def remembered(connection: server.EdgeConnection, transport: asyncio.BaseTransport) -> None:
        made(connection, transport)
        connections.append(connection)

    monkeypatch.setattr(server.EdgeConnection, "connection_made", remembered)
    reader, writer = await asyncio.open_connection(*address)
    for _ in range(2):
        writer.write(b"HEAD /never HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(10):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 404")
        assert [one._unheard.cancelled() for one in connections] == [True], "what would cut it off"
    writer.close()


@pytest.mark.parametrize(
    ("limits", "sent", "status", "code"), [(Limits(body_wait_s=0.2) if one[1] == 408 else Limits(), *one) for one in RAW.values()], ids=RAW
)
async def test_broken_http(
    address: tuple[str, int], capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, sent: bytes, status: int, code: str
) -> None:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(sent)
    async with asyncio.timeout(10):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(int(line.partition(":")[2]) for line in head.splitlines() if line.startswith("Content-Length"))
        answer = await reader.readexactly(length)
    writer.close()
    assert int(head.split()[1]) == status
    assert error_of(answer)["code"] == code
    assert "X-Request-Id" in head
    assert "Server: paymesh\r\n" in head  # and not which version of what serves it
    out = capfd.readouterr()
    assert "secretline" not in answer.decode() + out.out + out.err + caplog.text
