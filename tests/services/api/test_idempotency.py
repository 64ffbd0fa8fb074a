"""One key over two replicas of the edge: fifty at once, alike and unalike, are one payment and one command. It is remembered for days."""

import asyncio
import uuid
from collections import Counter
from itertools import cycle
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from services.api import wiring
from shared import sealing
from tests.servers import Database
from tests.services.api.conftest import MERCHANTS

AT_ONCE = 50


def order(amount: int) -> dict[str, Any]:
    return {"amount": amount, "method": "UPI", "vpa": "success@sandbox"}


async def post(http: aiohttp.ClientSession, path: str, key: str, body: dict[str, Any]) -> tuple[int, dict[str, Any], str | None]:
    headers = MERCHANTS["m_001"] | {"Idempotency-Key": key}
    async with http.post(path, json=body, headers=headers) as response:
        return response.status, await response.json(), response.headers.get("Idempotent-Replayed")


async def everywhere(http: aiohttp.ClientSession, beside: aiohttp.ClientSession, key: str, bodies: list[dict[str, Any]]) -> Any:
    """Each body to the next replica, by the next path."""
    places = cycle([(http, "/payments"), (beside, "/api/v1/payments"), (http, "/api/v1/payments"), (beside, "/payments")])
    return await asyncio.gather(*(post(one, path, key, body) for body, (one, path) in zip(bodies, places, strict=False)))


async def left_behind(database: Database, key: str) -> tuple[int, int, int]:
    """Claims of the key; payments and commands of the whole database."""
    claims = await database.value("SELECT count(*) FROM idempotency WHERE claim LIKE :key", key=f"%{key}")
    payments = await database.value("SELECT count(*) FROM payments")
    commands = await database.value("SELECT count(*) FROM outbox WHERE kind = 'payment.route.v1'")
    return claims, payments, commands


async def test_fifty_alike(http: aiohttp.ClientSession, beside: aiohttp.ClientSession, database: Database) -> None:
    key = f"k-{uuid.uuid4()}"
    _, payments, commands = await left_behind(database, key)
    answers = await everywhere(http, beside, key, [order(50_000)] * AT_ONCE)
    assert Counter(status for status, _, _ in answers) == {201: AT_ONCE}
    assert len({body["payment_id"] for _, body, _ in answers}) == 1
    assert len({body["created_at"] for _, body, _ in answers}) == 1
    assert Counter(replayed for _, _, replayed in answers) == {None: 1, "true": AT_ONCE - 1}
    assert await left_behind(database, key) == (1, payments + 1, commands + 1)


async def test_fifty_unalike(http: aiohttp.ClientSession, beside: aiohttp.ClientSession, database: Database) -> None:
    """Whichever comes first is taken, and nothing of the others is."""
    key = f"k-{uuid.uuid4()}"
    _, payments, commands = await left_behind(database, key)
    answers = await everywhere(http, beside, key, [order(10_000 + n) for n in range(AT_ONCE)])
    assert Counter(status for status, _, _ in answers) == {201: 1, 409: AT_ONCE - 1}
    refusals = {body["error"]["code"] for status, body, _ in answers if status == 409}
    assert refusals == {"IDEMPOTENCY_KEY_REUSED_WITH_DIFFERENT_PAYLOAD"}
    assert await left_behind(database, key) == (1, payments + 1, commands + 1)
    [taken] = [body for status, body, _ in answers if status == 201]
    status, body, replayed = await post(beside, "/payments", key, order(taken["amount"]))
    assert (status, body["payment_id"], replayed) == (201, taken["payment_id"], "true")


async def test_fifty_keys_at_once_are_fifty_payments(
    http: aiohttp.ClientSession, beside: aiohttp.ClientSession, database: Database
) -> None:
    _, payments, commands = await left_behind(database, "none")
    keys = [f"k-{uuid.uuid4()}" for _ in range(AT_ONCE)]
    answers = await asyncio.gather(
        *(post(one, "/payments", key, order(500)) for key, one in zip(keys, cycle([http, beside]), strict=False))
    )
    assert {(status, replayed) for status, _, replayed in answers} == {(201, None)}
    assert await left_behind(database, "none") == (0, payments + AT_ONCE, commands + AT_ONCE)


async def test_a_key_is_remembered_as_long_as_the_setting_says(
    http: aiohttp.ClientSession, database: Database, rabbitmq_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sealing.generate(tmp_path / "keys.json", tmp_path / "private.json")
    given = {"DATABASE_URL": database.url, "RABBITMQ_URL": rabbitmq_url, "IDEMPOTENCY_KEEP_DAYS": "10"}
    given |= {"INTERNAL_API_KEY": "x", "FINGERPRINT_KEY": "00", "SEALING_KEYS_FILE": str(tmp_path / "keys.json")}
    for name, value in given.items():
        monkeypatch.setenv(f"PAYMESH_{name}", value)
    parts = wiring.build()
    old, young = f"k-{uuid.uuid4()}", f"k-{uuid.uuid4()}"
    first = [await post(http, "/payments", key, order(700)) for key in (old, young)]
    for key, age in ((old, "10 days 1 minute"), (young, "9 days 23 hours")):
        await database.rows(f"UPDATE idempotency SET created_at = now() - interval '{age}' WHERE claim LIKE :key", key=f"%{key}")
    assert await parts.pruner.once() == 1
    again = [await post(http, "/payments", key, order(700)) for key in (old, young)]
    assert [replayed for _, _, replayed in again] == [None, "true"]
    assert again[0][1]["payment_id"] != first[0][1]["payment_id"]
    assert again[1][1]["payment_id"] == first[1][1]["payment_id"]
    await parts.engine.dispose()
    await parts.relay.engine.dispose()
