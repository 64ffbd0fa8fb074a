"""Live events for browsers: a WebSocket, a ticket in place of keys, and only for pages that the merchant allows."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import WSCloseCode, WSMsgType, WSServerHandshakeError

from services.api.domain import tokens
from services.api.http.access import keys
from services.api.http.access.keys import CHECKOUT
from services.api.http.live import events, stream
from services.api.live import BUFFER_MAX
from shared.clock import new_id, utc_now
from shared.messaging.rabbit import Broker, connect
from tests.servers import Database
from tests.services.api.conftest import MERCHANTS
from tests.services.api.test_live_events import AT, snapshot, tell

PAGE = "https://shop.example"


@pytest_asyncio.fixture(scope="module")
async def mouth(rabbitmq_url: str) -> AsyncIterator[Broker]:
    found = connect(rabbitmq_url, service="test", stop_timeout_s=1.0)
    await found.connect()
    yield found
    await found.stop()


@pytest_asyncio.fixture(scope="module", autouse=True)
async def page(database: Database) -> None:
    """Pages of the first merchant may listen."""
    await database.rows("UPDATE merchants SET allowed_origins = CAST(:page AS jsonb) WHERE merchant_id = 'm_001'", page=f'["{PAGE}"]')


async def ticket(http: aiohttp.ClientSession, merchant_id: str = "m_001") -> str:
    async with http.post("/api/v1/events/tickets", headers=MERCHANTS[merchant_id]) as response:
        assert response.status == 201
        return str((await response.json())["ticket"])


async def heard(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    message = await socket.receive(timeout=20)
    assert message.type is WSMsgType.TEXT, message
    found: dict[str, Any] = json.loads(message.data)
    return found


async def refused(http: aiohttp.ClientSession, path: str, headers: dict[str, str]) -> int:
    with pytest.raises(WSServerHandshakeError) as failed:
        await http.ws_connect(path, headers=headers)
    return failed.value.status


async def test_a_page_with_a_ticket_hears_its_merchants_payments(http: aiohttp.ClientSession, mouth: Broker) -> None:
    payment_id = new_id()
    async with http.ws_connect(f"/ws?ticket={await ticket(http)}", headers={"Origin": PAGE}) as socket:
        for sequence in (1, 2, 3):
            await tell(mouth, snapshot("m_002", 99), snapshot("m_001", sequence, payment_id))
        found = [await heard(socket) for _ in range(3)]
    assert [one["data"]["sequence"] for one in found] == [1, 2, 3]
    assert {(one["event"], one["id"]) for one in found} == {("payment.succeeded", str(int(AT.timestamp() * 1000)))}


async def test_a_server_needs_no_ticket_and_no_origin(http: aiohttp.ClientSession, mouth: Broker) -> None:
    async with http.ws_connect("/api/v1/ws", headers=MERCHANTS["m_002"]) as socket:
        await socket.send_str("nothing that a client says means anything")
        await tell(mouth, snapshot("m_002", 7))
        assert (await heard(socket))["data"]["sequence"] == 7


async def test_server_sent_events_take_a_ticket_too(http: aiohttp.ClientSession, mouth: Broker) -> None:
    async with http.get(f"/events?ticket={await ticket(http)}", headers={"Origin": PAGE}) as response:
        assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (200, PAGE)
        await tell(mouth, snapshot("m_001", 5))
        assert b'"sequence":5' in await response.content.readuntil(b'"sequence":5')


@pytest.mark.parametrize("path", ["/ws", "/events"])
@pytest.mark.parametrize("origin", ["https://evil.example", "https://shop.example.evil.example", "null", "http://shop.example"])
async def test_other_pages_may_not_listen(http: aiohttp.ClientSession, path: str, origin: str) -> None:
    """With a ticket that leaked as little as with keys that a browser remembers and sends by itself."""
    headers = {"Origin": origin}
    for sent, query in ((headers, f"?ticket={await ticket(http)}"), ({**headers, **MERCHANTS["m_001"]}, "")):
        if path == "/ws":
            assert await refused(http, path + query, sent) == 403
        else:
            async with http.get(path + query, headers=sent) as response:
                assert response.status == 403
                assert "Access-Control-Allow-Origin" not in response.headers


async def test_a_ticket_opens_events_and_nothing_else(http: aiohttp.ClientSession) -> None:
    for path in ("/payments", "/keys", "/orders/ord_02UwR5cXq1ZbT4rJvYkN8s"):
        async with http.get(f"{path}?ticket={await ticket(http)}") as response:
            assert response.status == 403
    async with http.post(f"/events/tickets?ticket={await ticket(http)}") as response:
        assert response.status == 403


@pytest.mark.parametrize("case", ["noise", "over", "for something else", "of a key that is none"])
async def test_what_is_no_ticket(http: aiohttp.ClientSession, case: str) -> None:
    token_key = tokens.key_of(b"0" * 32)
    ends, key_id = utc_now() + timedelta(seconds=60), MERCHANTS["m_001"]["X-Api-Key"]
    false = {
        "noise": "x.y",
        "over": tokens.mint(token_key, "live", {"key": key_id}, expires_at=utc_now() - timedelta(seconds=1)),
        "for something else": tokens.mint(token_key, CHECKOUT, {"key": key_id}, expires_at=ends),
        "of a key that is none": tokens.mint(token_key, "live", {"key": "key_none"}, expires_at=ends),
    }[case]
    assert tokens.read(token_key, "live", await ticket(http), now=utc_now()) == {"key": key_id}  # so this is how a good one is made
    assert await refused(http, f"/ws?ticket={false}", {}) == 401


async def test_what_changed_meanwhile_comes_first(http: aiohttp.ClientSession, database: Database) -> None:
    await database.rows(
        "INSERT INTO payments (payment_id, merchant_id, status, sequence, amount_minor, currency, method, capture, metadata, evidence,"
        " created_at, updated_at) VALUES (gen_random_uuid(), 'm_002', 'succeeded', 4, 1, 'INR', 'UPI', 'automatic', '{}', '{}', :at, :at)",
        at=AT,
    )
    since = int(AT.timestamp() * 1000)
    async with http.ws_connect(f"/ws?last_event_id={since}&ticket={await ticket(http, 'm_002')}") as socket:
        now, resumed = await heard(socket), await heard(socket)
    assert (now["event"], now["data"]["sequence"]) == ("payment.now", 4)
    assert resumed == {"event": "resumed", "data": {"created_since": None}}
    await database.rows("DELETE FROM payments")


async def test_who_falls_behind_is_told_and_cut_off(http: aiohttp.ClientSession, mouth: Broker) -> None:
    async with http.ws_connect("/ws", headers=MERCHANTS["m_001"]) as socket:
        await tell(mouth, *(snapshot("m_001", 1) for _ in range(BUFFER_MAX + 1)))
        message = await socket.receive(timeout=20)
        assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, WSCloseCode.TRY_AGAIN_LATER, "too_slow")


async def test_a_stream_that_breaks_here_ends_there(http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would hear heartbeats for ever, and nothing else."""

    async def broken(*_: Any) -> bool:
        raise RuntimeError("a bug")

    monkeypatch.setattr(stream, "recognised", broken)
    async with (
        http.ws_connect("/ws", headers=MERCHANTS["m_001"]) as socket,
        asyncio.timeout(30),
    ):
        assert (await socket.receive()).type in (WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR)


async def test_a_revoked_key_hears_no_more_by_its_ticket(
    http: aiohttp.ClientSession, mouth: Broker, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the ticket itself is over long before, what began with it goes on while its key is good."""
    asked: asyncio.Queue[bool] = asyncio.Queue()

    async def watched(*who: Any) -> bool:
        asked.put_nowait(known := await recognised(*who))
        return known

    recognised, long_after = stream.recognised, utc_now() + 2 * events.TICKET
    async with http.ws_connect(f"/ws?ticket={await ticket(http, 'm_002')}") as socket:
        monkeypatch.setattr(stream, "recognised", watched)
        monkeypatch.setattr(keys, "utc_now", lambda: long_after)
        async with asyncio.timeout(30):
            assert [await asked.get() for _ in range(2)] == [True, True]
        await tell(mouth, snapshot("m_002", 5))
        assert (await heard(socket))["data"]["sequence"] == 5
        await database.rows("UPDATE api_keys SET revoked_at = now() WHERE merchant_id = 'm_002'")
        message = await socket.receive(timeout=20)
    await database.rows("UPDATE api_keys SET revoked_at = NULL")
    assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, WSCloseCode.POLICY_VIOLATION, "revoked")


async def test_plain_http_is_told_where_to_go(http: aiohttp.ClientSession) -> None:
    async with http.get("/ws", headers=MERCHANTS["m_001"]) as response:
        assert (response.status, (await response.json())["error"]["code"]) == (400, "MALFORMED_REQUEST")
