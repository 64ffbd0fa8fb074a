"""Routes of subscriptions: made once a name, added to once a key, switched off, listed, and nobody else's."""

import asyncio
from typing import Any

import aiohttp
import pytest

from shared.clock import new_id
from tests.services.api.conftest import MERCHANTS, Client


def name() -> str:
    return f"s-{new_id().hex}"


async def made(merchant: Client, **change: Any) -> dict[str, Any]:
    answer = await merchant.call("POST", "/subscriptions", {"id": name(), "tokens": 3, **change})
    assert answer.status == 201, answer.body
    return dict(answer.body)


async def add(http: aiohttp.ClientSession, subscription: str, tokens: int, key: str | None = None) -> tuple[int, Any, str | None]:
    headers = MERCHANTS["m_001"] | ({"Idempotency-Key": key} if key else {})
    async with http.post(f"/subscriptions/{subscription}/tokens", json={"tokens": tokens}, headers=headers) as response:
        return response.status, await response.json(), response.headers.get("Idempotent-Replayed")


async def test_made_shown_and_listed(merchant: Client, neighbour: Client) -> None:
    mine = [await made(merchant, plan="gold", customer_id="c_1") for _ in range(3)]
    theirs = await made(neighbour)
    assert mine[0] | {"tokens": 3, "active": True, "plan": "gold", "customer_id": "c_1"} == mine[0]
    assert (await merchant.get(f"/subscriptions/{mine[0]['subscription_id']}")).body == mine[0]
    assert (await merchant.get(f"/subscriptions/{theirs['subscription_id']}")).status == 404
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        body = (await merchant.get(f"/subscriptions?limit=1&cursor={cursor}")).body
        found, cursor = found + [one["subscription_id"] for one in body["items"]], body["next_cursor"]
    assert found == [one["subscription_id"] for one in reversed(mine)]
    stolen = (await merchant.get("/subscriptions?limit=1")).body["next_cursor"]
    assert (await neighbour.get(f"/subscriptions?cursor={stolen}")).status == 422


async def test_a_name_is_made_once(merchant: Client, neighbour: Client) -> None:
    body = {"id": name(), "tokens": 5}
    answers = await asyncio.gather(*(merchant.call("POST", "/subscriptions", body) for _ in range(10)))
    assert sorted(one.status for one in answers) == [*[200] * 9, 201]
    assert (await merchant.call("POST", "/subscriptions", body | {"tokens": 6})).code == "CONFLICT"
    assert (await neighbour.call("POST", "/subscriptions", body)).status == 201, "a name is its merchant's own"
    given = (await merchant.call("POST", "/subscriptions", {"tokens": 0})).body
    assert given["subscription_id"].startswith("sub_")


async def test_tokens_are_added_once_a_key(http: aiohttp.ClientSession, merchant: Client, neighbour: Client) -> None:
    subscription, key = (await made(merchant))["subscription_id"], new_id().hex
    answers = await asyncio.gather(*(add(http, subscription, 10, key) for _ in range(10)))
    assert {(status, body["tokens"]) for status, body, _ in answers} == {(200, 13)}
    assert [replayed for _, _, replayed in answers].count(None) == 1
    status, body, _ = await add(http, subscription, 11, key)
    assert (status, body["error"]["code"]) == (409, "IDEMPOTENCY_KEY_REUSED_WITH_DIFFERENT_PAYLOAD")
    status, body, _ = await add(http, subscription, 1)
    assert (status, body["error"]["code"]) == (400, "MISSING_IDEMPOTENCY_KEY")
    assert (await neighbour.call("POST", f"/subscriptions/{subscription}/tokens", {"tokens": 1})).status in (400, 404)
    assert (await merchant.get(f"/subscriptions/{subscription}")).body["tokens"] == 13


async def test_one_that_is_off_gives_no_token(merchant: Client, neighbour: Client) -> None:
    subscription = (await made(merchant))["subscription_id"]
    assert (await merchant.call("PATCH", f"/subscriptions/{subscription}", {"active": False})).body["active"] is False
    order = {"amount": 100, "method": "UPI", "vpa": "success@sandbox", "subscription_id": subscription, "event_id": new_id().hex}
    assert (await merchant.call("POST", "/payments", order)).code == "QUOTA_EXHAUSTED"
    assert (await neighbour.call("PATCH", f"/subscriptions/{subscription}", {"active": True})).status == 404
    assert (await merchant.call("PATCH", f"/subscriptions/{subscription}", {"active": True})).body["active"] is True
    paid = await merchant.call("POST", "/payments", order)
    assert (paid.status, (await merchant.get(f"/subscriptions/{subscription}")).body["tokens"]) == (201, 2)


@pytest.mark.parametrize(
    "body", [{}, {"tokens": -1}, {"tokens": 1.5}, {"tokens": 10**10}, {"tokens": 1, "id": "a b"}, {"tokens": 1, "x": 1}]
)
async def test_what_is_no_subscription_is_refused(merchant: Client, body: dict[str, Any]) -> None:
    answer = await merchant.call("POST", "/subscriptions", body)
    assert (answer.status, answer.code) == (422, "VALIDATION_ERROR")
