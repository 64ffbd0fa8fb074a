"""Every behaviour over real HTTP, and what the books and the journal say of it afterwards."""

import asyncio
import logging
import uuid

import pytest

from deploy.sandbox.behaviour import BEHAVIOURS
from tests.sandbox.client import Sandbox, order

CHARGED, REFUSED = ["charged"], ["refused"]
REFUSALS = {name: one.code for name, one in BEHAVIOURS.items() if one.books == "refusal"}


@pytest.mark.parametrize(
    ("behaviour", "status", "kinds"),
    [
        ("succeed", 200, CHARGED),
        ("slow", 200, CHARGED),
        ("rate-limit", 429, []),
        ("error-500", 500, []),
        ("charge-then-500", 500, CHARGED),
        ("garbage", 200, CHARGED),
        ("cut", 0, []),
        ("cut-charged", 0, CHARGED),
        ("hang", 0, []),
        ("hang-charged", 0, CHARGED),
        ("requires-action", 200, ["action_required"]),
        *((name, 402, REFUSED) for name in REFUSALS),
    ],
)
async def test_what_is_answered_and_what_is_booked(sandbox: Sandbox, behaviour: str, status: int, kinds: list[str]) -> None:
    await sandbox.put("/gateways/alpha/settings", slow_s=0.01)
    reference = str(uuid.uuid4())
    answer = await sandbox.charge(reference=reference, vpa=f"{behaviour}.alpha@sandbox")
    assert answer.status == status
    records = await sandbox.journal(reference=reference)
    assert [record["kind"] for record in records] == kinds
    assert all(record["behaviour"] == behaviour for record in records)
    assert [charge["id"] for charge in await sandbox.found(reference)] == [record["charge_id"] for record in records]


async def test_a_charge_and_a_refusal_on_the_wire(sandbox: Sandbox) -> None:
    charge = (await sandbox.charge(reference="r-1", amount_minor=1_250, operation="authorize")).json()
    assert charge["id"].startswith("ch_")
    assert charge | {"id": "", "created_at": ""} == {
        "id": "",
        "reference": "r-1",
        "status": "authorized",
        "operation": "authorize",
        "amount_minor": 1_250,
        "currency": "INR",
        "method": "UPI",
        "created_at": "",
    }
    assert await sandbox.list(path=f"/{charge['id']}") == charge
    error = (await sandbox.charge(reference="r-2", number="4000 0000 0000 9995", method="CARD")).json()["error"]
    (listed,) = await sandbox.found("r-2")
    assert (error["code"], listed["status"], listed["code"]) == ("insufficient_funds", "failed", "insufficient_funds")
    assert error["charge_id"] == listed["id"]


async def test_a_late_answer_comes_after_the_charge(sandbox: Sandbox) -> None:
    await sandbox.put("/gateways/alpha/settings", late_s=120)
    waiting = asyncio.create_task(sandbox.charge(reference="late", vpa="late@sandbox"))
    assert [one["kind"] for one in await sandbox.journal(reference="late", wait_s=10)] == CHARGED
    assert not waiting.done()
    waiting.cancel()
    await sandbox.put("/gateways/alpha/settings", late_s=0.01)
    assert (await sandbox.charge(vpa="late@sandbox")).json()["status"] == "succeeded"


async def test_accepted_now_and_charged_later(sandbox: Sandbox) -> None:
    await sandbox.put("/gateways/alpha/settings", late_s=120)
    assert (await sandbox.charge(reference="never", vpa="accept-late@sandbox")).status == 0
    assert await sandbox.found("never") == []
    await sandbox.put("/gateways/alpha/settings", late_s=0.05)
    assert (await sandbox.charge(reference="soon", vpa="accept-late@sandbox")).status == 0
    assert [one["kind"] for one in await sandbox.journal(reference="soon", wait_s=10)] == CHARGED
    assert [one["status"] for one in await sandbox.found("soon")] == ["succeeded"]


async def test_pending_ends_by_itself(sandbox: Sandbox) -> None:
    await sandbox.put("/gateways/alpha/settings", late_s=0.05)
    assert (await sandbox.charge(reference="p", vpa="pending@sandbox")).json()["status"] == "pending"
    place = (await sandbox.get("/gateways/journal", after=0))["next"]
    first, *rest = await sandbox.journal(reference="p")
    ended = rest or await sandbox.journal(reference="p", after=place, wait_s=10)
    assert [first["kind"], *(one["kind"] for one in ended)] == ["pending", "charged"]
    assert [one["status"] for one in await sandbox.found("p")] == ["succeeded"]


@pytest.mark.parametrize(("outcome", "status", "kind"), [("approve", "succeeded", "charged"), ("decline", "failed", "refused")])
async def test_a_payer_ends_an_action(sandbox: Sandbox, outcome: str, status: str, kind: str) -> None:
    charge = (await sandbox.charge(reference="a", vpa="requires-action@sandbox")).json()
    path = charge["action_url"].removeprefix(sandbox.url)
    assert b"Approve" in (await sandbox.call("GET", path)).body
    answers = await asyncio.gather(*(sandbox.call("POST", path, data={"outcome": outcome}) for _ in range(3)))
    assert sorted(one.status for one in answers) == [200, 409, 409]
    (found,) = await sandbox.found("a")
    assert (found["status"], found["id"]) == (status, charge["id"])
    assert [one["kind"] for one in await sandbox.journal(reference="a")] == ["action_required", kind]


async def test_another_amount_than_asked(sandbox: Sandbox) -> None:
    charge = (await sandbox.charge(reference="w", amount_minor=5_000, vpa="wrong-amount@sandbox")).json()
    (record,) = await sandbox.journal(reference="w")
    assert (charge["amount_minor"], record["amount_minor"], record["requested_minor"]) == (4_999, 4_999, 5_000)


async def test_garbage_is_unreadable_and_429_says_when(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError):
        (await sandbox.charge(vpa="garbage@sandbox")).json()
    await sandbox.put("/gateways/alpha/settings", retry_after_s=9)
    limited = await sandbox.charge(amount_minor=9_009)
    assert (limited.headers["Retry-After"], limited.json()["error"]["code"]) == ("9", "rate_limited")


async def test_a_vpa_for_one_account_leaves_the_others_alone(sandbox: Sandbox) -> None:
    assert (await sandbox.charge("alpha", vpa="fail.alpha@sandbox")).json()["error"]["code"] == "gateway_error_not_charged"
    assert (await sandbox.charge("beta", vpa="fail.alpha@sandbox")).json()["status"] == "succeeded"


async def test_settings_change_while_running_and_go_back(sandbox: Sandbox) -> None:
    await sandbox.put("/gateways/alpha/settings", rates={"decline": 1})
    assert (await sandbox.charge("alpha")).status == 402
    assert (await sandbox.charge("beta")).status == 200
    await sandbox.call("DELETE", "/gateways/alpha/settings")
    assert (await sandbox.charge("alpha")).status == 200
    wrong = await sandbox.call("PUT", "/gateways/alpha/settings", json={"late_s": -1, "nonsense": 1})
    assert (wrong.status, wrong.json()["error"]["code"]) == (400, "invalid_settings")
    assert (await sandbox.get("/gateways"))["alpha"]["charges"] == 2


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"amount_minor": 0}, "amount_minor"),
        ({"amount_minor": "100"}, "amount_minor"),
        ({"currency": "rupees"}, "currency"),
        ({"operation": "steal"}, "operation"),
        ({"vpa": "7777777777"}, "vpa"),
        ({"number": "4111-secret-digits"}, "number"),
        ({"instrument": {"type": "CARD"}}, "instrument"),
        ({"vpa": "secret7777.alpha@sandbox"}, "VPA"),
    ],
)
async def test_a_wrong_order_is_refused_and_its_instrument_not_quoted(sandbox: Sandbox, fields: dict[str, object], field: str) -> None:
    answer = await sandbox.charge(**fields)  # type: ignore[arg-type]
    error = answer.json()["error"]
    assert (answer.status, error["code"]) == (400, "invalid_request")
    assert field in error["message"]
    assert b"7777" not in answer.body
    assert b"secret" not in answer.body


async def test_who_may_call(sandbox: Sandbox) -> None:
    assert (await sandbox.charge("delta")).json()["error"]["code"] == "unknown_account"
    path, headers = "/gateways/alpha/v1/charges", {"Authorization": "Bearer sk_sandbox_beta"}
    for call in (sandbox.call("POST", path, json=order("x"), headers=headers), sandbox.call("GET", path, params={"reference": "x"})):
        answer = await call
        assert (answer.status, answer.json()["error"]["code"]) == (401, "unauthenticated")
    assert await sandbox.found("x") == []
    assert (await sandbox.call("GET", "/nowhere")).json()["error"]["code"] == "unknown_route"
    assert (await sandbox.get("/livez"))["alive"] is True


async def test_a_list_by_time_goes_page_by_page(sandbox: Sandbox) -> None:
    made = [(await sandbox.charge(reference=f"n-{n}")).json() for n in range(7)]
    window = {"from": made[1]["created_at"], "to": made[6]["created_at"]}
    seen: list[str] = []
    page = await sandbox.list(limit=2, **window)
    while True:
        seen += [charge["reference"] for charge in page["items"]]
        if page["next_cursor"] is None:
            break
        page = await sandbox.list(limit=2, cursor=page["next_cursor"], **window)
    assert seen == ["n-1", "n-2", "n-3", "n-4", "n-5"]
    headers = {"Authorization": "Bearer sk_sandbox_alpha"}
    for wrong in ({"from": "yesterday"}, {"from": "2026-01-01T00:00:00"}, {"limit": "101"}, {"cursor": "x"}):
        assert (await sandbox.call("GET", "/gateways/alpha/v1/charges", params=wrong, headers=headers)).status == 400


async def test_searches_may_lag_behind_while_the_id_is_there(sandbox: Sandbox) -> None:
    await sandbox.put("/gateways/alpha/settings", visibility_delay_s=120)
    charge = (await sandbox.charge(reference="v")).json()
    assert await sandbox.found("v") == []
    assert (await sandbox.list())["items"] == []
    assert (await sandbox.list(path=f"/{charge['id']}"))["id"] == charge["id"]
    await sandbox.put("/gateways/alpha/settings", visibility_delay_s=0)
    assert [one["id"] for one in await sandbox.found("v")] == [charge["id"]]


async def test_misbehaving_is_no_error_of_the_server(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for behaviour in ("cut", "cut-charged", "hang", "hang-charged", "garbage", "error-500"):
            await sandbox.charge(vpa=f"{behaviour}@sandbox")
        await sandbox.get("/livez")
    assert caplog.records == []
