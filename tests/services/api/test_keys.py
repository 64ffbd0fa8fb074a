"""Keys at two replicas over one database: which secrets open them, and that what is revoked has ended a second later, everywhere."""

import asyncio

import aiohttp
import pytest
from aiohttp import encode_basic_auth

from services.api.http.access.remembered import REMEMBERED_S
from tests.servers import Database
from tests.services.api.conftest import Client
from tests.services.api.test_merchants import new_key, taken_in

PROMISED_S = 1.0


@pytest.fixture
async def merchant_id(operator: Client) -> str:
    return await taken_in(operator)


@pytest.fixture
async def replicas(http: aiohttp.ClientSession, beside: aiohttp.ClientSession) -> list[aiohttp.ClientSession]:
    return [http, beside]


def sent(made: dict[str, str]) -> dict[str, str]:
    return {"X-Api-Key": made["key_id"], "X-Api-Secret": made["secret"]}


async def statuses(replicas: list[aiohttp.ClientSession], keys: dict[str, str], path: str = "/keys") -> list[int]:
    return [(await Client(one, keys).get(path)).status for one in replicas]


async def a_second_later() -> None:
    """The promise is about time, so time must pass."""
    await asyncio.sleep(PROMISED_S)


def test_an_answer_is_remembered_for_less_than_what_is_promised() -> None:
    assert REMEMBERED_S < PROMISED_S / 2


async def test_a_revoked_key_has_ended_everywhere_a_second_later(
    operator: Client, merchant_id: str, replicas: list[aiohttp.ClientSession]
) -> None:
    made = await new_key(operator, merchant_id)
    assert await statuses(replicas, sent(made)) == [200, 200]
    revoked = await operator.call("POST", f"/keys/{made['key_id']}/revoke", {"reason": "lost a laptop"})
    assert revoked.body["revoked_at"]
    await a_second_later()
    assert await statuses(replicas, sent(made)) == [401, 401]
    assert (await operator.call("POST", f"/keys/{made['key_id']}/revoke")).body == revoked.body  # and once is enough
    assert (await operator.call("POST", f"/keys/{made['key_id']}/roll")).code == "CONFLICT"


async def test_no_key_of_a_merchant_that_is_not_active_works(
    operator: Client, merchant_id: str, replicas: list[aiohttp.ClientSession]
) -> None:
    made = await new_key(operator, merchant_id)
    assert await statuses(replicas, sent(made)) == [200, 200]
    await operator.call("PATCH", f"/merchants/{merchant_id}", {"active": False})
    await a_second_later()
    assert await statuses(replicas, sent(made)) == [401, 401]


async def test_a_rolled_secret_works_on_for_its_overlap_only(
    operator: Client, merchant_id: str, replicas: list[aiohttp.ClientSession], database: Database
) -> None:
    made = await new_key(operator, merchant_id)
    rolled = (await operator.call("POST", f"/keys/{made['key_id']}/roll", {"overlap_s": 3600})).body
    assert (rolled["key_id"], rolled["secret"] != made["secret"]) == (made["key_id"], True)
    await a_second_later()
    assert await statuses(replicas, sent(made)) == await statuses(replicas, sent(rolled)) == [200, 200]
    await database.rows("UPDATE api_keys SET previous_until = now() WHERE key_id = :id", id=made["key_id"])
    await a_second_later()
    assert await statuses(replicas, sent(made)) == [401, 401]
    assert await statuses(replicas, sent(rolled)) == [200, 200]


async def test_a_new_secret_works_at_once(operator: Client, merchant_id: str, replicas: list[aiohttp.ClientSession]) -> None:
    """Although every replica remembers the one before."""
    made = await new_key(operator, merchant_id)
    assert await statuses(replicas, sent(made)) == [200, 200]
    rolled = (await operator.call("POST", f"/keys/{made['key_id']}/roll")).body
    assert await statuses(replicas, sent(rolled)) == [200, 200]
    assert await statuses(replicas, sent(made)) == [401, 401]


async def test_without_an_overlap_the_secret_before_ends(
    operator: Client, merchant_id: str, replicas: list[aiohttp.ClientSession], database: Database
) -> None:
    made = await new_key(operator, merchant_id)
    await operator.call("POST", f"/keys/{made['key_id']}/roll", {"overlap_s": 86_400})
    last = (await operator.call("POST", f"/keys/{made['key_id']}/roll")).body
    await a_second_later()
    assert (await statuses(replicas, sent(made)), await statuses(replicas, sent(last))) == ([401, 401], [200, 200])
    (row,) = await database.rows("SELECT previous_sha256, previous_until FROM api_keys WHERE key_id = :id", id=made["key_id"])
    assert (row.previous_sha256, row.previous_until) == (None, None)


@pytest.mark.parametrize("overlap_s", [-1, 86_401, "1h"], ids=str)
async def test_overlaps_have_bounds(operator: Client, merchant_id: str, overlap_s: object) -> None:
    made = await new_key(operator, merchant_id)
    assert (await operator.call("POST", f"/keys/{made['key_id']}/roll", {"overlap_s": overlap_s})).status == 422


async def test_a_publishable_key_has_no_secret_and_opens_no_server_route(
    operator: Client, merchant_id: str, http: aiohttp.ClientSession
) -> None:
    page = await new_key(operator, merchant_id, "publishable")
    assert (await operator.call("POST", f"/keys/{page['key_id']}/roll")).code == "CONFLICT"
    alone = await Client(http, {"X-Api-Key": page["key_id"]}).get("/payments")
    assert (alone.status, alone.code, alone.body["error"]["details"]) == (403, "FORBIDDEN", {"needs": ["merchant"]})
    for secret in ("", "None", page["key_id"]):
        assert (await Client(http, {"X-Api-Key": page["key_id"], "X-Api-Secret": secret}).get("/payments")).status == 401


async def test_a_secret_keys_id_alone_is_nobody(operator: Client, merchant_id: str, http: aiohttp.ClientSession) -> None:
    made = await new_key(operator, merchant_id)
    for more in ({}, {"X-Client-Secret": "x.y"}, {"X-Api-Secret": ""}):
        for path in ("/keys", "/checkout/order"):
            assert (await Client(http, {"X-Api-Key": made["key_id"], **more}).get(path)).status == 401


async def test_basic_and_two_headers_are_the_same(operator: Client, merchant_id: str, http: aiohttp.ClientSession) -> None:
    made = await new_key(operator, merchant_id)
    for secret, status in ((made["secret"], 200), ("", 401)):
        assert (await Client(http, {"Authorization": encode_basic_auth(made["key_id"], secret)}).get("/keys")).status == status


@pytest.mark.parametrize("key_id", ["", "k" * 129, "ключ"], ids=str)
async def test_what_is_no_keys_id_is_nobody(http: aiohttp.ClientSession, key_id: str) -> None:
    assert (await Client(http, {"X-Api-Key": key_id, "X-Api-Secret": "x"}).get("/keys")).status == 401


async def test_basic_can_say_what_no_database_holds(http: aiohttp.ClientSession) -> None:
    assert (await Client(http, {"Authorization": encode_basic_auth("key\x00one", "secret_one")}).get("/keys")).status == 401
