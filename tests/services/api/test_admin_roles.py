"""Who may call what: generated from the routes themselves, so a new one cannot be forgotten. Who is let in meets a 503: nobody is asked."""

import re

import aiohttp
import pytest

from services.api.http.layer import Role
from services.api.http.layer.routes import Route
from services.api.wiring import GROUPS
from tests.services.api.conftest import OPERATOR, Client

ROUTES = {f"{route.method} {route.path}": route for group in GROUPS for route in group.routes}
OURS = ("gateways", "metrics", "scoring", "shadow-policy", "circuit-breaker", "error-classes", "experiments", "bandit", "audit")
BOTH = {"GET /payments/{payment_id}/routing-decision", "GET /payments/{payment_id}/attempts", "GET /retry-policy/{merchant_id}"}
PLACES = {
    "payment_id": f"pay_{'0' * 22}",
    "segment": "UPI:%3C50000",
    "method": "UPI",
    "merchant_id": "m_001",
}


def path_of(route: Route) -> str:
    return re.sub(r"\{(\w+)\}", lambda place: PLACES.get(place[1], "alpha"), route.path)


def needs(role: Role) -> list[str]:
    return [name for name, route in ROUTES.items() if role in route.needs]


def test_what_is_an_operators_is_no_merchants() -> None:
    theirs = {name for name in ROUTES if name.split("/")[1] in OURS} | {"PUT /retry-policy/{merchant_id}"}
    assert len(theirs) >= 28
    assert {name for name in theirs if ROUTES[name].needs != {Role.OPERATOR}} == set()
    assert {name for name in BOTH if ROUTES[name].needs != {Role.OPERATOR, Role.MERCHANT}} == set()


@pytest.mark.parametrize("name", needs(Role.OPERATOR))
@pytest.mark.parametrize("keys", [{}, {"X-Internal-Api-Key": "wrong"}, {"X-Api-Key": "key_one", "X-Api-Secret": "wrong"}], ids=str)
async def test_nobody_and_a_wrong_key_are_refused(http: aiohttp.ClientSession, name: str, keys: dict[str, str]) -> None:
    route = ROUTES[name]
    answer = await Client(http, keys).call(route.method, path_of(route))
    assert (answer.status, answer.code) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize("name", sorted(set(needs(Role.OPERATOR)) - set(needs(Role.MERCHANT))))
async def test_a_merchant_is_no_operator(merchant: Client, name: str) -> None:
    route = ROUTES[name]
    answer = await merchant.call(route.method, path_of(route))
    assert (answer.status, answer.code) == (403, "FORBIDDEN")


@pytest.mark.parametrize("name", needs(Role.OPERATOR))
async def test_an_operator_is_let_in(http: aiohttp.ClientSession, name: str) -> None:
    """Nobody is there to ask, and an empty body is not valid everywhere: anything but a refusal."""
    route = ROUTES[name]
    answer = await Client(http, OPERATOR).call(route.method, path_of(route))
    assert answer.status not in (401, 403, 405, 500)


@pytest.mark.parametrize("name", sorted(set(needs(Role.MERCHANT)) - set(needs(Role.OPERATOR))))
async def test_an_operator_is_no_merchant(operator: Client, name: str) -> None:
    route = ROUTES[name]
    answer = await operator.call(route.method, path_of(route))
    assert (answer.status, answer.code) == (403, "FORBIDDEN")


@pytest.mark.parametrize("path", ["/gateways", "/audit"])
async def test_owners_that_were_never_there_are_a_503(operator: Client, path: str) -> None:
    answer = await operator.get(path)
    assert (answer.status, answer.code) == (503, "TEMPORARILY_UNAVAILABLE")
