"""A page that sells, over the real edge: what a publishable key and a client secret open, from where, for how long, and nothing else."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from multidict import CIMultiDictProxy

from services.api.domain import tokens
from services.api.http.access.keys import CHECKOUT
from services.api.wiring import GROUPS
from shared import ids
from shared.clock import utc_now
from tests.servers import Database
from tests.services.api.conftest import Client
from tests.services.api.test_keys import a_second_later
from tests.services.api.test_merchants import new_key, taken_in

SHOP, OTHER_SHOP, STRANGER = "https://shop.example", "https://other.example", "https://stranger.example"
TOKEN_KEY = tokens.key_of(b"0" * 32)
UPI = {"method": "UPI", "vpa": "success@sandbox"}


@dataclass
class Page:
    """A merchant's page in a payer's browser, and the merchant's server behind it."""

    http: aiohttp.ClientSession
    server: Client
    key: str
    origin: str
    client_secret: str = ""

    @property
    def keys(self) -> dict[str, str]:
        return {"X-Api-Key": self.key, "Origin": self.origin} | ({"X-Client-Secret": self.client_secret} if self.client_secret else {})

    async def order(self, amount: int = 45_000) -> str:
        made = await self.server.call("POST", "/orders", {"amount": amount, "customer_id": "c1", "metadata": {"margin": 7}})
        return str(made.body["order_id"])

    async def open(self, order_id: str) -> Any:
        answer = await Client(self.http, {"X-Api-Key": self.key, "Origin": self.origin}).call(
            "POST", "/checkout/sessions", {"order_id": order_id}
        )
        assert answer.status == 201, answer.body
        self.client_secret = answer.body["client_secret"]
        return answer.body

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await Client(self.http, self.keys | named).call(method, path, body)


async def page_of(operator: Client, http: aiohttp.ClientSession, origin: str) -> Page:
    merchant_id = await taken_in(operator, allowed_origins=[origin])
    secret, page = await new_key(operator, merchant_id), await new_key(operator, merchant_id, "publishable")
    server = Client(http, {"X-Api-Key": secret["key_id"], "X-Api-Secret": secret["secret"]})
    return Page(http, server, page["key_id"], origin)


@pytest.fixture
async def page(operator: Client, http: aiohttp.ClientSession) -> Page:
    return await page_of(operator, http, SHOP)


async def headers_of(page: Page, method: str, path: str, headers: dict[str, str]) -> tuple[int, CIMultiDictProxy[str]]:
    async with page.http.request(method, path, headers=headers) as response:
        return response.status, response.headers


async def test_an_order_is_opened_looked_at_and_paid(page: Page, database: Database) -> None:
    order_id = await page.order()
    session = await page.open(order_id)
    shown = {"order_id": order_id, "merchant": "Corner shop", "status": "created", "amount": 45_000, "currency": "INR"}
    assert {name: session["order"][name] for name in shown} == shown
    assert "metadata" not in session["order"]
    assert (await page.call("GET", "/checkout/order")).body == session["order"]
    assert (await page.call("GET", "/checkout/payment")).status == 404
    paid = await page.call("POST", "/checkout/payment", UPI)
    assert paid.status == 201, paid.body
    assert (paid.body["status"], paid.body["amount"], paid.body["instrument"]) == ("processing", 45_000, "s•••@sandbox")
    assert (await page.call("GET", "/checkout/payment")).body == paid.body
    assert (await page.call("GET", "/api/v1/checkout/order")).body["status"] == "processing"
    kept = await page.server.get(f"/payments/{paid.body['payment_id']}")  # the merchant's own payment, like any other
    assert (kept.body["order_id"], kept.body["customer_id"], kept.body["metadata"]) == (order_id, "c1", {})


async def test_the_same_again_is_the_same_payment_and_another_way_waits(page: Page, database: Database) -> None:
    await page.open(await page.order())
    first = await page.call("POST", "/checkout/payment", UPI)
    again = await page.call("POST", "/checkout/payment", UPI)
    assert (again.status, again.body["payment_id"]) == (201, first.body["payment_id"])
    other = await page.call("POST", "/checkout/payment", {"method": "UPI", "vpa": "other@sandbox"})
    assert (other.status, other.code) == (409, "ORDER_HAS_LIVE_PAYMENT")
    payment_id = ids.private(ids.PAYMENT, first.body["payment_id"])
    await database.rows("UPDATE payments SET status = 'failed' WHERE payment_id = :id", id=payment_id)
    second = await page.call("POST", "/checkout/payment", {"method": "UPI", "vpa": "other@sandbox"})
    assert (second.status, second.body["payment_id"] != first.body["payment_id"]) == (201, True)


@pytest.mark.parametrize("body", [{}, {"method": "UPI"}, {"method": "card"}, {"method": "PAYMENT_LINK"}], ids=str)
async def test_who_gives_no_instrument_is_sent_to_a_link(page: Page, body: dict[str, Any], database: Database) -> None:
    await page.open(await page.order())
    paid = await page.call("POST", "/checkout/payment", body, Prefer="wait=0")
    assert (paid.status, paid.body["method"]) == (201, "PAYMENT_LINK")


async def test_a_browsers_idempotency_key_is_none_of_the_merchants(page: Page) -> None:
    await page.open(await page.order())
    paid = await page.call("POST", "/checkout/payment", UPI, Idempotency_Key="A-1")
    body = {"amount": 100, "currency": "INR", "method": "UPI", "vpa": "success@sandbox"}
    own = await Client(page.http, page.server.keys | {"Idempotency-Key": "A-1"}).call("POST", "/payments", body)
    assert (own.status, own.body["payment_id"] != paid.body["payment_id"]) == (201, True)
    again = await page.call("POST", "/checkout/payment", {"method": "UPI", "vpa": "other@sandbox"}, Idempotency_Key="A-1")
    assert again.code == "IDEMPOTENCY_KEY_REUSED_WITH_DIFFERENT_PAYLOAD"


@pytest.mark.parametrize(
    "more",
    [
        {"amount": 1}, {"order_id": "ord_x"}, {"metadata": {"a": 1}}, {"alias": "alpha"}, {"capture": "manual"}, {"customer_id": "c2"},
        {"subscription_id": "s"}, {"merchant_id": "m_001"}, {"event_id": "e"}, {"customer_ip": "192.0.2.1"},
    ],
    ids=str,
)  # fmt: skip
async def test_a_payer_says_how_and_nothing_else(page: Page, more: dict[str, Any]) -> None:
    await page.open(await page.order())
    assert (await page.call("POST", "/checkout/payment", UPI | more)).status == 422


@pytest.mark.parametrize("origin", [None, "", "null", STRANGER, f"{SHOP}:8443", f"{SHOP}/", SHOP.upper(), "http://shop.example"], ids=str)
async def test_only_the_merchants_own_pages_open_its_orders(page: Page, origin: str | None) -> None:
    keys = {"X-Api-Key": page.key} | ({"Origin": origin} if origin is not None else {})
    answer = await Client(page.http, keys).call("POST", "/checkout/sessions", {"order_id": await page.order()})
    assert (answer.status, answer.code) == (403, "FORBIDDEN")


async def test_what_is_anothers_is_not_found(page: Page, operator: Client, http: aiohttp.ClientSession) -> None:
    other = await page_of(operator, http, OTHER_SHOP)
    theirs = await other.order()
    for order_id in (theirs, "ord_" + "0" * 21 + "1"):
        answer = await page.call("POST", "/checkout/sessions", {"order_id": order_id})
        assert (answer.status, answer.code) == (404, "NOT_FOUND")
    stolen = (await other.open(theirs))["client_secret"]
    mixed = await Client(http, {"X-Api-Key": page.key, "X-Client-Secret": stolen}).get("/checkout/order")
    assert (mixed.status, mixed.code) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize("secret", ["x", "", "a.b", "ключ"], ids=str)
async def test_a_forged_secret_opens_nothing(page: Page, secret: str) -> None:
    page.client_secret = secret or "."
    assert (await page.call("GET", "/checkout/order")).status == 401


async def test_a_secret_ends(page: Page) -> None:
    session = await page.open(await page.order())
    assert session["expires_at"] <= session["order"]["expires_at"]
    order_id = ids.private(ids.ORDER, session["order"]["order_id"])
    claims = {"key": page.key, "order": str(order_id)}
    for purpose, ends_s, status in ((CHECKOUT, 60, 200), (CHECKOUT, -1, 401), ("live", 60, 401)):
        page.client_secret = tokens.mint(TOKEN_KEY, purpose, claims, expires_at=utc_now() + timedelta(seconds=ends_s))
        assert (await page.call("GET", "/checkout/order")).status == status


async def test_an_order_that_has_ended_is_opened_only_to_be_looked_at(page: Page, database: Database) -> None:
    unpaid, paid = await page.order(), await page.order()
    await page.open(paid)
    await page.call("POST", "/checkout/payment", UPI)
    await database.rows("UPDATE orders SET expires_at = now() - interval '1 minute'")
    late = await Client(page.http, {"X-Api-Key": page.key, "Origin": SHOP}).call("POST", "/checkout/sessions", {"order_id": unpaid})
    assert (late.status, late.code) == (409, "ORDER_EXPIRED")
    session = await page.open(paid)
    assert (session["order"]["status"], (await page.call("GET", "/checkout/payment")).status) == ("processing", 200)


async def test_a_revoked_key_ends_what_it_opened(page: Page, operator: Client) -> None:
    await page.open(await page.order())
    await operator.call("POST", f"/keys/{page.key}/revoke")
    assert (await page.call("GET", "/checkout/order")).status in (200, 401)  # remembered for less than a second
    await a_second_later()
    assert (await page.call("GET", "/checkout/order")).status == 401


async def test_a_client_secret_opens_nothing_but_the_checkout(page: Page) -> None:
    await page.open(await page.order())
    ours = {f"{route.method} {route.path}" for group in GROUPS for route in group.routes if "payer" in route.needs}
    assert ours == {"GET /checkout/order", "POST /checkout/payment", "GET /checkout/payment"}
    for method, path in (("GET", "/payments"), ("POST", "/orders"), ("GET", "/keys"), ("POST", "/payments"), ("GET", "/events")):
        assert (await page.call(method, path)).status == 403
    assert (await page.call("POST", "/checkout/sessions", {})).status == 403  # nor another of its kind


async def test_an_older_page_works_where_its_key_is_publishable_too(page: Page, database: Database) -> None:
    order_id, key_id = await page.order(), page.server.keys["X-Api-Key"]
    asked = Client(page.http, {"X-Api-Key": key_id, "Origin": SHOP})
    assert (await asked.call("POST", "/checkout/sessions", {"order_id": order_id})).status == 401
    await database.rows("UPDATE api_keys SET publishable = true WHERE key_id = :id", id=key_id)
    await a_second_later()
    session = await asked.call("POST", "/checkout/sessions", {"order_id": order_id})
    assert session.status == 201
    payer = Client(page.http, {"X-Api-Key": key_id, "X-Client-Secret": session.body["client_secret"]})
    assert (await payer.get("/checkout/order")).status == 200
    assert (await payer.get("/payments")).status == 403  # without its secret it is no server


async def test_browsers_are_told_who_may_read(page: Page) -> None:
    await page.open(await page.order())
    status, told = await headers_of(page, "GET", "/checkout/order", page.keys)
    assert (status, told["Access-Control-Allow-Origin"], told["Vary"]) == (200, SHOP, "Origin")
    status, told = await headers_of(page, "GET", "/checkout/order", {"X-Api-Key": page.key, "Origin": SHOP})
    assert (status, told["Access-Control-Allow-Origin"]) == (403, SHOP)  # a page must be able to read why
    for origin in (STRANGER, "null", SHOP.upper()):
        status, told = await headers_of(page, "GET", "/checkout/order", page.keys | {"Origin": origin})
        assert ("Access-Control-Allow-Origin" in told, told["Vary"]) == (False, "Origin")
    status, told = await headers_of(page, "GET", "/payments", page.server.keys | {"Origin": SHOP})
    assert (status, "Access-Control-Allow-Origin" in told) == (200, False)


async def test_browsers_ask_first(page: Page) -> None:
    asks = {"Origin": SHOP, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}
    for path in ("/checkout/payment", "/api/v1/checkout/sessions"):
        status, told = await headers_of(page, "OPTIONS", path, asks)
        assert (status, told["Access-Control-Allow-Origin"], told["Access-Control-Allow-Methods"]) == (204, SHOP, "POST")
        assert {"X-Client-Secret", "Last-Event-ID"} <= set(told["Access-Control-Allow-Headers"].split(", "))
        assert "Access-Control-Allow-Credentials" not in told
    for refused in (asks | {"Origin": STRANGER}, asks | {"Access-Control-Request-Method": "DELETE"}):
        status, told = await headers_of(page, "OPTIONS", "/checkout/payment", refused)
        assert (status, [name for name in told if name.startswith("Access-Control")]) == (403, [])
    assert (await headers_of(page, "OPTIONS", "/checkout/payment", {}))[0] == 405
    assert (await headers_of(page, "OPTIONS", "/payments", asks))[0] == 405
