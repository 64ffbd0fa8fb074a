"""Who may call what, over every route: generated from the routes themselves, so that a new one cannot be forgotten.

The bodies are the examples of the API's own description. A path parameter that is not in a table here fails, with what to do.
"""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from services.api.domain import tokens
from services.api.http.about.docs import INFO
from services.api.http.access.keys import CHECKOUT, LIVE
from services.api.http.layer import Role, openapi
from services.api.http.layer.routes import Route
from services.api.wiring import GROUPS
from shared import ids
from shared.clock import new_id, utc_now
from tests.servers import Database
from tests.services.api.conftest import MERCHANTS, OPERATOR, Client
from tests.services.api.roles import ROUTES, page
from tests.services.api.stand_in import StandIn
from tests.tidy.tree import ROOT

ORIGIN = "https://shop.example"
PUBLIC = {"GET /payments/ping", "GET /ops/liveness", "GET /ops/readiness", "POST /webhooks/{gateway}"}
ONE = "01a1fda9-d127-8039-9417-cb03440231d0"
# Things of a merchant's that this database holds: `estate` makes one of each for m_001.
OWN = {"payment_id", "refund_id", "order_id", "subscription_id", "merchant_id"}
# Things of a merchant's that another service holds, which is asked in the merchant's name.
ASKED = {"endpoint_id": "we_alpha", "delivery_id": ONE}
# What belongs to nobody but operators, or is no thing at all.
NOBODYS = {
    "name": "alpha", "gateway": "alpha", "method": "UPI", "gateway_kind": "sandbox", "code": "declined", "segment": "UPI:%3C50000",
    "experiment_id": ONE, "operation_id": ONE, "attempt_id": ONE, "discrepancy_id": ONE, "key_id": "key_alpha",
}  # fmt: skip
TOKEN_KEY = tokens.key_of(b"0" * 32)
DOCUMENT = openapi(GROUPS, INFO)
GUARDED = {name: route for name, route in ROUTES.items() if Role.PUBLIC not in route.needs}
MERCHANTS_OWN = {name: route for name, route in ROUTES.items() if Role.MERCHANT in route.needs}
CALLERS = [role for role in Role if role is not Role.PUBLIC]
STREAMS = {
    name for name, route in ROUTES.items() if "media" in route.declared
}  # tests/services/api/test_live_events.py, test_live_socket.py


def parameters(route: Route) -> list[str]:
    return re.findall(r"\{(\w+)\}", route.path)


def path_of(route: Route, things: Mapping[str, str], role: Role | None = None) -> str:
    """A listener shows its ticket in the query."""
    known = {**NOBODYS, **ASKED, **things}
    query = "?since=2026-01-05T09:30:00Z" if route.path.endswith("/replay") else ""
    if role is Role.LISTENER:
        ticket = tokens.mint(TOKEN_KEY, LIVE, {"key": "key_one"}, expires_at=utc_now() + timedelta(minutes=1))
        query += f"{'&' if query else '?'}ticket={ticket}"
    return re.sub(r"\{(\w+)\}", lambda place: known[place[1]], route.path) + query


def body_of(route: Route) -> Any:
    content = DOCUMENT["paths"][route.path][route.method.lower()].get("requestBody", {}).get("content", {}).get("application/json")
    return next(iter(content["examples"].values()))["value"] if content else None


@pytest_asyncio.fixture(scope="module")
async def estate(database: Database, http: aiohttp.ClientSession) -> dict[str, str]:
    """One of everything that m_001 may have."""
    await database.rows("UPDATE merchants SET allowed_origins = cast(:o AS jsonb) WHERE merchant_id = 'm_001'", o=json.dumps([ORIGIN]))
    await database.rows("INSERT INTO api_keys (key_id, merchant_id, publishable) VALUES ('pk_one', 'm_001', true)")
    owner = Client(http, MERCHANTS["m_001"] | {"Idempotency-Key": "estate"})
    order = await owner.call("POST", "/orders", {"amount": 45_000, "currency": "INR"})
    payment = await owner.call("POST", "/payments", {"amount": 45_000, "currency": "INR", "method": "UPI", "vpa": "success@sandbox"})
    subscription = await owner.call("POST", "/subscriptions", {"id": "sub_one", "tokens": 3})
    assert (order.status, payment.status, subscription.status) == (201, 201, 201)
    payment_id, refund_id = ids.private(ids.PAYMENT, payment.body["payment_id"]), new_id()
    await database.rows(
        "UPDATE payments SET status = 'succeeded', authorized_minor = amount_minor, captured_minor = amount_minor, gateway = 'alpha',"
        " evidence = '{}' WHERE payment_id = :id",
        id=payment_id,
    )
    await database.rows(
        "INSERT INTO operations (operation_id, payment_id, merchant_id, kind, origin, does, gateway, charge_id, method, amount_minor,"
        " currency, closes, releases, status, number, evidence, created_at, updated_at) VALUES (:id, :payment_id, 'm_001', 'refund',"
        " 'merchant', 'refund', 'alpha', :charge, 'UPI', 100, 'INR', false, false, 'succeeded', 1, '{}', now(), now())",
        id=refund_id,
        payment_id=payment_id,
        charge=str(new_id()),
    )
    return {
        "payment_id": payment.body["payment_id"],
        "refund_id": ids.public(ids.REFUND, refund_id),
        "order_id": order.body["order_id"],
        "subscription_id": "sub_one",
        "merchant_id": "m_001",
    }


@pytest.fixture
def credentials(estate: dict[str, str]) -> dict[Role, dict[str, str]]:
    browser = {"X-Api-Key": "pk_one", "Origin": ORIGIN}
    claims = {"key": "pk_one", "order": str(ids.private(ids.ORDER, estate["order_id"]))}
    secret = tokens.mint(TOKEN_KEY, CHECKOUT, claims, expires_at=utc_now() + timedelta(minutes=1))
    return {
        Role.MERCHANT: MERCHANTS["m_001"],
        Role.OPERATOR: OPERATOR,
        Role.PUBLISHABLE: browser,
        Role.PAYER: browser | {"X-Client-Secret": secret},
        Role.LISTENER: {},
    }


def test_every_path_parameter_is_known_here() -> None:
    unknown = {one for route in ROUTES.values() for one in parameters(route)} - OWN - ASKED.keys() - NOBODYS.keys()
    assert not unknown, f"say in {__name__} whose {', '.join(sorted(unknown))} is: OWN (and make one in `estate`), ASKED or NOBODYS"


def test_nothing_is_public_by_mistake() -> None:
    assert ROUTES.keys() - GUARDED.keys() == PUBLIC


def test_the_page_lists_every_route_and_role() -> None:
    said = (ROOT / "docs" / "roles.md").read_text()
    assert said == page(), "write it anew: python -m tests.services.api.roles > docs/roles.md"


@pytest.mark.parametrize("name", GUARDED)
@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"X-Internal-Api-Key": "wrong"},
        {"X-Api-Key": "key_one", "X-Api-Secret": "wrong"},
        {"X-Api-Key": "key_one"},
        {"X-Api-Key": "pk_one", "X-Client-Secret": "wrong.wrong", "Origin": ORIGIN},
        {"Authorization": "Bearer x"},
    ],
    ids=lambda keys: "+".join(keys) or "nothing",
)
async def test_nobody_is_refused(http: aiohttp.ClientSession, estate: dict[str, str], name: str, keys: dict[str, str]) -> None:
    route = ROUTES[name]
    answer = await Client(http, keys).call(route.method, path_of(route, estate), body_of(route))
    assert (answer.status, answer.code) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    ("name", "role"), [(name, role) for name, route in GUARDED.items() for role in set(Role) - route.needs - {Role.PUBLIC}]
)
async def test_another_role_is_refused(
    http: aiohttp.ClientSession, estate: dict[str, str], credentials: dict[Role, dict[str, str]], name: str, role: Role
) -> None:
    route = ROUTES[name]
    answer = await Client(http, credentials[role]).call(route.method, path_of(route, estate, role), body_of(route))
    assert (answer.status, answer.code) == (403, "FORBIDDEN")
    assert answer.body["error"]["details"] == {"needs": sorted(route.needs)}


@pytest.mark.parametrize(("name", "role"), [(name, role) for name, route in GUARDED.items() for role in CALLERS if role in route.needs])
async def test_its_own_role_is_let_in(http: aiohttp.ClientSession, credentials: dict[Role, dict[str, str]], name: str, role: Role) -> None:
    """Where nothing is: anything but a refusal or a mistake. Nobody is there to ask either."""
    route = ROUTES[name]
    nothing = {"payment_id": f"pay_{'0' * 22}", "refund_id": f"rfnd_{'0' * 22}", "order_id": f"ord_{'0' * 22}", "subscription_id": "none"}
    answer = await Client(http, credentials[role]).call(route.method, path_of(route, nothing | {"merchant_id": "m_none"}, role))
    assert answer.status not in (401, 403, 405, 500)


@pytest.mark.parametrize("name", [name for name, route in MERCHANTS_OWN.items() if OWN & {*parameters(route)}])
async def test_what_is_anothers_is_not_found(
    http: aiohttp.ClientSession, neighbour: Client, stand_in: StandIn, estate: dict[str, str], name: str
) -> None:
    route = ROUTES[name]
    asked = Client(http, neighbour.keys | {"Idempotency-Key": f"theirs-{route.name}"})
    answer = await asked.call(route.method, path_of(route, estate), body_of(route))
    assert (answer.status, answer.code) == (404, "NOT_FOUND")
    assert stand_in.asked == []  # nor does anybody else hear of it
    owner = Client(http, MERCHANTS["m_001"] | {"Idempotency-Key": f"own-{route.name}"})
    own = await owner.call(route.method, path_of(route, estate), body_of(route))
    assert own.status not in (404, 422) or stand_in.asked  # there is something to be found


@pytest.mark.parametrize("name", [name for name, route in MERCHANTS_OWN.items() if ASKED.keys() & {*parameters(route)}])
async def test_who_holds_it_is_asked_in_the_callers_name(
    merchant: Client, neighbour: Client, stand_in: StandIn, estate: dict[str, str], name: str
) -> None:
    """The service that holds it judges by that name: its own tests say so."""
    route = ROUTES[name]
    for client, merchant_id in ((neighbour, "m_002"), (merchant, "m_001")):
        await stand_in.renew()
        answer = await client.call(route.method, path_of(route, estate), body_of(route))
        assert answer.status == 404, answer.body
        assert stand_in.asked
        assert {getattr(one, "merchant_id", None) for one in stand_in.asked} == {merchant_id}


@pytest.mark.parametrize("name", [name for name, route in MERCHANTS_OWN.items() if route.method == "GET" and not parameters(route)])
async def test_lists_hold_ones_own_only(
    http: aiohttp.ClientSession, neighbour: Client, stand_in: StandIn, estate: dict[str, str], name: str
) -> None:
    if name in STREAMS:
        return
    async with http.get(URL(ROUTES[name].path), headers=neighbour.keys) as response:
        text = await response.text()
    assert not [one for one in estate.values() if f'"{one}"' in text]
    assert all(getattr(one, "merchant_id", None) == "m_002" for one in stand_in.asked)
    if response.status == 200:
        async with http.get(URL(ROUTES[name].path), headers=MERCHANTS["m_001"]) as response:
            assert [one for one in estate.values() if f'"{one}"' in await response.text()]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/payments/initiate", {"order_id": "{order_id}", "method": "UPI"}, 404),
        ("/payments", {"amount": 45_000, "currency": "INR", "method": "UPI", "vpa": "success@sandbox", "order_id": "{order_id}"}, 404),
        ("/payments", {"amount": 1, "currency": "INR", "method": "UPI", "vpa": "success@sandbox", "merchant_id": "m_001"}, 403),
        ("/payments", {"amount": 1, "currency": "INR", "method": "UPI", "vpa": "success@sandbox", "subscription_id": "sub_one"}, 400),
        ("/orders", {"amount": 1, "currency": "INR", "merchant_id": "m_001"}, 403),
    ],
    ids=str,
)
async def test_nor_can_it_be_named_in_a_body(
    http: aiohttp.ClientSession, neighbour: Client, estate: dict[str, str], path: str, body: dict[str, Any], status: int
) -> None:
    named = {key: estate["order_id"] if value == "{order_id}" else value for key, value in body.items()}
    answer = await Client(http, neighbour.keys | {"Idempotency-Key": f"{path}-{status}"}).call("POST", path, named)
    assert answer.status == status


@pytest.mark.parametrize("path", ["/gateways", "/audit"])
async def test_owners_that_were_never_there_are_a_503(http: aiohttp.ClientSession, stand_in: StandIn, path: str) -> None:
    for owner in stand_in.answering:
        await stand_in.away(owner)
    answer = await Client(http, OPERATOR).get(path)
    assert (answer.status, answer.code) == (503, "TEMPORARILY_UNAVAILABLE")
