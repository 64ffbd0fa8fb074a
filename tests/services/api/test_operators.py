"""Operators by name: what each changes stands in the audit under it, and a key that is revoked ends everywhere within a second."""

import asyncio

import aiohttp
import pytest

from services.api.office import By, Office
from shared.contracts.questions import ListAudit
from tests.servers import Database
from tests.services.api.conftest import Client
from tests.services.api.stand_in import StandIn
from tests.services.api.test_merchants import new_key, taken_in


async def key_for(operator: Client, name: str) -> dict[str, str]:
    answer = await operator.call("POST", "/operators", {"name": name, "note": "of the night shift"})
    assert answer.status == 201, answer.body
    return {"X-Internal-Api-Key": answer.body["key"]}


async def test_what_somebody_changes_stands_under_their_name(
    operator: Client, http: aiohttp.ClientSession, stand_in: StandIn, database: Database
) -> None:
    asha = Client(http, await key_for(operator, "asha"))
    assert (await asha.call("PATCH", "/merchants/m_001", {"answer_wait_s": 2, "reason": "they asked"})).status == 200
    stand_in.says = {ListAudit: []}
    audit = (await operator.get("/audit?limit=2")).body
    lines = [(one["actor"], one["action"], one["subject"], one["reason"]) for one in audit["items"]]
    assert lines == [("asha", "merchant.change", "m_001", "they asked"), ("root", "operator.create", "asha", "no reason given")]
    assert (audit["items"][0]["before"], audit["items"][0]["after"]) == ({"answer_wait_s": 0}, {"answer_wait_s": 2})
    await asha.call("PATCH", "/gateways/alpha", {"enabled": False})  # what others own is changed under the same name
    assert [getattr(one, "actor", None) for one in stand_in.asked][-1] == "asha"
    await database.rows("UPDATE merchants SET answer_wait_s = 0")


async def test_every_change_leaves_one_line_and_what_changes_nothing_none(operator: Client, database: Database) -> None:
    last = await database.value("SELECT coalesce(max(id), 0) FROM audit")
    merchant_id = await taken_in(operator)
    key_id = (await new_key(operator, merchant_id))["key_id"]
    await key_for(operator, "noor")
    revoking = [f"/keys/{key_id}/revoke", "/operators/noor/revoke"]
    for path in (f"/keys/{key_id}/roll", *revoking, *revoking):
        assert (await operator.call("POST", path, {"reason": "a test"})).status == 200
    lines = await database.rows("SELECT action, subject FROM audit WHERE id > :last ORDER BY id", last=last)
    assert [tuple(line) for line in lines] == [
        ("merchant.create", merchant_id),
        ("key.create", key_id),
        ("operator.create", "noor"),
        ("key.roll", key_id),
        ("key.revoke", key_id),
        ("operator.revoke", "noor"),
    ]


async def test_a_revoked_operator_has_ended_everywhere_a_second_later(
    operator: Client, http: aiohttp.ClientSession, beside: aiohttp.ClientSession
) -> None:
    keys = await key_for(operator, "ravi")
    both = [Client(http, keys), Client(beside, keys)]
    assert [(await one.get("/operators")).status for one in both] == [200, 200]
    assert (await operator.call("POST", "/operators/ravi/revoke", {"reason": "left"})).body["revoked_at"]
    await asyncio.sleep(1.0)  # the promise is about time, so time must pass
    assert [(await one.get("/operators")).status for one in both] == [401, 401]


async def test_a_name_has_one_key_and_a_new_one_once_it_is_revoked(operator: Client, http: aiohttp.ClientSession) -> None:
    first = await key_for(operator, "mei")
    taken = await operator.call("POST", "/operators", {"name": "mei"})
    assert (taken.status, taken.code) == (409, "CONFLICT")
    await operator.call("POST", "/operators/mei/revoke")
    second = await key_for(operator, "mei")
    assert first != second
    assert (await Client(http, second).get("/operators")).status == 200
    listed = {one["name"]: one["revoked_at"] for one in (await operator.get("/operators")).body["items"]}
    assert listed["mei"] is None


@pytest.mark.parametrize("call", [("/operators", {"name": "root"}), ("/operators/root/revoke", None)], ids=str)
async def test_root_is_a_setting(operator: Client, call: tuple[str, object]) -> None:
    answer = await operator.call("POST", *call)
    assert (answer.status, answer.code) == (409, "CONFLICT")


@pytest.mark.parametrize("key", ["op_live_", "op_live_guessed", "internal_testt", "internal"], ids=str)
async def test_a_wrong_key_is_nobody(http: aiohttp.ClientSession, key: str) -> None:
    assert (await Client(http, {"X-Internal-Api-Key": key}).get("/operators")).status == 401


async def test_names_and_unknown_ones(operator: Client) -> None:
    assert (await operator.call("POST", "/operators", {"name": "Asha!"})).status == 422
    assert (await operator.call("POST", "/operators/nobody/revoke")).status == 404


async def test_a_change_that_fails_leaves_no_line(database: Database) -> None:
    async def failing() -> None:
        async with Office(database.engine).changing(By("asha", "a test")) as change:
            await change.note("merchant.change", "m_never", after={"name": "x"})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await failing()
    assert await database.value("SELECT count(*) FROM audit WHERE subject = 'm_never'") == 0
