"""Live events over the real edge, broker and PostgreSQL: in order, one's own, resumed, and never more than a buffer behind."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import aiohttp
import pytest
import pytest_asyncio

from services.api.http.access.keys import Keys
from services.api.http.access.remembered import REMEMBERED_S
from services.api.http.layer import Code, Problem
from services.api.http.live import stream
from services.api.live import BUFFER_MAX
from shared.clock import new_id
from shared.contracts import Money, PaymentSnapshot
from shared.messaging.rabbit import EXCHANGES, Broker, connect
from shared.topology import EVENTS
from tests.servers import Database
from tests.services.api.conftest import MERCHANTS, Client
from tests.services.api.test_merchants import new_key, taken_in

AT = datetime(2026, 11, 1, tzinfo=UTC)
KIND = "payment.succeeded.v1"


@pytest_asyncio.fixture(scope="module")
async def mouth(rabbitmq_url: str) -> AsyncIterator[Broker]:
    found = connect(rabbitmq_url, service="test", stop_timeout_s=1.0)
    await found.connect()
    yield found
    await found.stop()


def snapshot(merchant_id: str, sequence: int, payment_id: UUID | None = None) -> dict[str, Any]:
    return PaymentSnapshot(
        payment_id=payment_id or new_id(), merchant_id=merchant_id, status="succeeded", sequence=sequence,
        amount=Money(amount_minor=100, currency="INR"), method="UPI", created_at=AT, updated_at=AT,
    ).model_dump(mode="json")  # fmt: skip


async def tell(mouth: Broker, *payments: dict[str, Any]) -> None:
    body = json.dumps([{"kind": KIND, "payment": one} for one in payments]).encode()
    await mouth.publish(body, exchange=EXCHANGES[EVENTS], routing_key=KIND)


def listen(http: aiohttp.ClientSession, merchant_id: str = "m_001", query: str = "", **headers: str) -> Any:
    return http.get(f"/api/v1/events{query}", headers={**MERCHANTS[merchant_id], **headers}, timeout=aiohttp.ClientTimeout(total=60))


async def heard(response: aiohttp.ClientResponse) -> dict[str, Any]:
    """The next event; comments are passed over."""
    found: dict[str, Any] = {}
    async for raw in response.content:
        name, _, value = raw.decode().rstrip("\n").partition(": ")
        if name:
            found[name] = value
        elif "event" in found:
            return {**found, "data": json.loads(found["data"])}
    raise AssertionError("the stream has ended")


async def test_events_come_in_order_and_only_ones_own(http: aiohttp.ClientSession, mouth: Broker) -> None:
    payment_id = new_id()
    async with listen(http) as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        assert response.headers["X-Request-Id"]
        for sequence in range(1, 6):
            await tell(mouth, snapshot("m_002", 99), snapshot("m_001", sequence, payment_id))
        found = [await heard(response) for _ in range(5)]
    assert [one["data"]["sequence"] for one in found] == [1, 2, 3, 4, 5]
    assert {one["event"] for one in found} == {"payment.succeeded"}
    assert {one["id"] for one in found} == {str(int(AT.timestamp() * 1000))}


async def test_who_falls_behind_is_told_and_cut_off(http: aiohttp.ClientSession, mouth: Broker) -> None:
    async with listen(http) as slow, listen(http, "m_002") as other:
        await tell(mouth, *(snapshot("m_001", 1) for _ in range(BUFFER_MAX + 1)), snapshot("m_002", 7))
        closing = await heard(slow)
        assert (closing["event"], closing["data"]) == ("closing", {"reason": "too_slow"})
        assert await slow.content.read() == b""
        assert (await heard(other))["data"]["sequence"] == 7


@pytest.mark.parametrize("said", ["header", "query"])
async def test_what_changed_meanwhile_comes_first(http: aiohttp.ClientSession, database: Database, said: str) -> None:
    await database.rows("DELETE FROM payments")
    for merchant_id, minutes in [("m_001", 0), ("m_001", 3), ("m_001", 2), ("m_002", 3)]:
        await database.rows(
            "INSERT INTO payments (payment_id, merchant_id, status, sequence, amount_minor, currency, method, capture, metadata, evidence,"
            " created_at, updated_at) SELECT gen_random_uuid(), :merchant, 'succeeded', :sequence, 1, 'INR', 'UPI', 'automatic', '{}',"
            " '{}', CAST(:at AS timestamptz), CAST(:at AS timestamptz) + make_interval(mins => :sequence)",
            merchant=merchant_id, sequence=minutes, at=AT,
        )  # fmt: skip
    since = str(int(AT.timestamp() * 1000) + 60_000)
    headers, query = ({"Last-Event-ID": since}, "") if said == "header" else ({}, f"?last_event_id={since}")
    async with listen(http, query=query, **headers) as response:
        found = [await heard(response) for _ in range(3)]
    assert [(one["event"], one["data"].get("sequence")) for one in found] == [("payment.now", 2), ("payment.now", 3), ("resumed", None)]
    assert found[-1]["data"] == {"created_since": None}
    await database.rows("DELETE FROM payments")


async def test_a_heartbeat_where_nothing_happens(http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.01)
    async with listen(http, "m_002") as response:
        assert b": heartbeat\n\n" in await response.content.readuntil(b"heartbeat\n\n")


@pytest.mark.parametrize("busy", [False, True], ids=["silent", "busy"])
async def test_a_stream_ends_with_its_key(
    http: aiohttp.ClientSession, operator: Client, mouth: Broker, monkeypatch: pytest.MonkeyPatch, busy: bool
) -> None:
    """By itself, whether or not it has anything to say: it waits for no heartbeat and no pause."""
    monkeypatch.setattr(stream, "HEARTBEAT_S", 3600.0)
    merchant_id = await taken_in(operator)
    made = await new_key(operator, merchant_id)
    keys = {"X-Api-Key": made["key_id"], "X-Api-Secret": made["secret"]}
    async with http.get("/events", headers=keys, timeout=aiohttp.ClientTimeout(total=60)) as response:
        if busy:  # each that is heard has the next one told, and some are always on their way
            await tell(mouth, *(snapshot(merchant_id, 1) for _ in range(20)))
            assert (await heard(response))["event"] == "payment.succeeded"
        await operator.call("POST", f"/keys/{made['key_id']}/revoke")
        async with asyncio.timeout(30):
            while (last := await heard(response))["event"] != "closing":
                await tell(mouth, snapshot(merchant_id, 1))
        assert (last["data"], await response.content.read()) == ({"reason": "revoked"}, b"")


def test_who_listens_is_asked_for_so_often_that_a_revoked_key_hears_nothing_a_second_later() -> None:
    assert stream.RECOGNISED_S + REMEMBERED_S < 1.0


async def test_a_stream_outlives_a_database_that_is_away(http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asyncio.Event()

    async def away(self: Keys, headers: object) -> None:
        asked.set()
        raise Problem(Code.TEMPORARILY_UNAVAILABLE)

    async with listen(http, "m_002") as response:
        assert await response.content.readuntil(b"\n\n") == b": listening\n\n"
        monkeypatch.setattr(Keys, "who", away)
        monkeypatch.setattr(stream, "HEARTBEAT_S", 0.01)
        await asked.wait()
        assert await response.content.readuntil(b"\n\n") == b": heartbeat\n\n"


async def test_limits_and_refusals(http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    async with http.get("/events") as response:
        assert response.status == 401
    async with listen(http, **{"Last-Event-ID": "yesterday"}) as response:
        assert response.status == 422
    async with http.head("/events", headers=MERCHANTS["m_001"], timeout=aiohttp.ClientTimeout(total=30)) as response:
        assert response.status == 200
    monkeypatch.setattr(stream, "LISTENERS_OF_ONE_MAX", 0)
    async with listen(http) as response:
        assert response.status == 503


async def test_who_has_gone_takes_no_place(http: aiohttp.ClientSession, operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """No heartbeat comes that would find it out."""
    monkeypatch.setattr(stream, "LISTENERS_OF_ONE_MAX", 1)
    monkeypatch.setattr(stream, "HEARTBEAT_S", 3600.0)
    made = await new_key(operator, await taken_in(operator))
    keys = {"X-Api-Key": made["key_id"], "X-Api-Secret": made["secret"]}
    async with http.get("/events", headers=keys) as response:
        assert await response.content.readuntil(b"\n\n") == b": listening\n\n"
        async with http.get("/events", headers=keys) as second:
            assert second.status == 503
    response.close()
    async with asyncio.timeout(20):
        status = 503
        while status == 503:
            async with http.get("/events", headers=keys) as response:
                status = response.status
    assert status == 200
