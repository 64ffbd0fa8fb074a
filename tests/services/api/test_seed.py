"""The demo merchant, written twice: its keys open what the documentation says, and an older page's key a checkout too."""

import aiohttp
import pytest

from deploy.local import demo
from services.api.seed import seed
from tests.servers import Database
from tests.services.api.conftest import Client
from tests.services.api.test_keys import a_second_later


async def test_the_demo_merchants_keys(http: aiohttp.ClientSession, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYMESH_DATABASE_URL", database.url)
    monkeypatch.setenv("PAYMESH_RABBITMQ_URL", "amqp://unused")
    merchant = demo.seed("http://127.0.0.1:8081/shop")["merchant"]
    await seed(merchant)
    await database.rows("UPDATE api_keys SET revoked_at = now(), publishable = key_id <> :id", id=demo.API_KEY)
    await seed(merchant)
    await a_second_later()
    server = Client(http, {"X-Api-Key": demo.API_KEY, "X-Api-Secret": demo.API_SECRET})
    keys = (await server.get("/keys")).body["items"]
    assert {(one["key_id"], one["kind"]) for one in keys} >= {(demo.API_KEY, "secret"), (demo.PUBLISHABLE_KEY, "publishable")}
    order = await server.call("POST", "/orders", {"amount": 100})
    for key_id in (demo.API_KEY, demo.PUBLISHABLE_KEY):
        for origin, status in (("http://127.0.0.1:8081", 201), ("http://localhost:8081", 201), ("http://localhost:8082", 403)):
            page = Client(http, {"X-Api-Key": key_id, "Origin": origin})
            assert (await page.call("POST", "/checkout/sessions", {"order_id": order.body["order_id"]})).status == status
