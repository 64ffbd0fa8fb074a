"""What really happened, through the whole mesh: gateways' webhooks, doubts settled by hand, reconciliation, and the audit of a payment."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import aiohttp
import orjson
import pytest

from deploy.local.mesh import Mesh
from deploy.sandbox.webhooks import secret_of, signed
from shared.ids import private
from tests.mesh.inside import Inside
from tests.mesh.instruments import upi
from tests.mesh.merchant import Answer, Merchant, Payment, order
from tests.mesh.outside import Outside
from tests.mesh.test_expiry import stopped
from tests.mesh.waiting import until


@pytest.fixture
def boss(mesh: Mesh, http: aiohttp.ClientSession, operator: dict[str, str]) -> Merchant:
    """An operator's program."""
    return Merchant(http, mesh.blueprint.url("api"), operator)


@pytest.fixture
async def telling(mesh: Mesh, outside: Outside) -> AsyncIterator[None]:
    """alpha sends webhooks meanwhile, each twice."""
    url = f"{mesh.blueprint.url('api')}/webhooks/alpha"
    await outside.change("/gateways/alpha", webhook_url=url, webhook_copies=2)
    yield
    await outside.change("/gateways/alpha", webhook_url=None, webhook_copies=1)


async def got(boss: Merchant, path: str) -> list[dict[str, Any]]:
    answer = await boss.call("GET", path)
    assert answer.status == 200, answer.body
    items: list[dict[str, Any]] = answer.body["items"]
    return items


async def test_a_payer_who_acted_is_heard_of_by_webhook(
    merchant: Merchant, outside: Outside, inside: Inside, telling: None, boss: Merchant
) -> None:
    """Long before anybody would have asked."""
    payment = await merchant.pay(order(**upi("requires-action"), alias="alpha"))
    told = await outside.told(payment, ("payment.requires_action",))
    await outside.approve(told["data"]["payment_url"])
    assert (await outside.told(payment))["type"] == "payment.succeeded"
    timeline = await merchant.timeline(payment)
    assert [detail["source"] for event, detail in timeline if event == "attempt.verified"] == ["webhook"]
    mine = "gateway_events WHERE payment_id = $1 AND state = 'news'"
    assert await inside.count("verifier", mine, payment.uuid) == 1, "it came twice and counts once"


async def post(http: aiohttp.ClientSession, mesh: Mesh, account: str, body: bytes, headers: dict[str, str]) -> int:
    async with http.post(f"{mesh.blueprint.url('api')}/webhooks/{account}", data=body, headers=headers) as response:
        return response.status


async def test_who_does_not_sign_changes_nothing(
    mesh: Mesh, http: aiohttp.ClientSession, merchant: Merchant, outside: Outside, inside: Inside
) -> None:
    payment = await merchant.pay(order(**upi("requires-action"), alias="alpha"))
    await outside.told(payment, ("payment.requires_action",))
    data = {"id": "ch_1", "reference": payment.references[0], "operation": "charge", "status": "succeeded"}
    data |= {"amount_minor": payment.body["amount"], "currency": "INR"}
    body = orjson.dumps({"type": "charge.succeeded", "id": "evt_forged", "data": data})
    forged = signed("sandbox", secret_of("beta"), "evt_forged", body, int(time.time()))
    old = signed("sandbox", secret_of("alpha"), "evt_forged", body, int(time.time()) - 600)
    for headers in ({}, forged, old):
        assert await post(http, mesh, "alpha", body, headers) == 401
    assert await post(http, mesh, "nobody", body, forged) == 404
    assert await inside.count("verifier", "gateway_events WHERE event_id = 'evt_forged'") == 0
    assert (await merchant.show(payment))["status"] == "requires_action"

    # Rightly signed by beta, it is taken; but the attempt is alpha's.
    assert await post(http, mesh, "beta", body, forged) == 202
    unmatched = "gateway_events WHERE event_id = 'evt_forged' AND state = 'unmatched'"

    async def kept() -> int:
        return await inside.count("verifier", unmatched)

    await until(kept, within_s=60, what="it is kept as unmatched")
    assert (await merchant.show(payment))["status"] == "requires_action"
    await outside.approve((await merchant.show(payment))["payment_url"])


async def test_a_webhook_is_answered_before_anybody_looks_at_it(mesh: Mesh, http: aiohttp.ClientSession, inside: Inside) -> None:
    event_id = f"evt_{uuid4()}"
    body = orjson.dumps({"type": "charge.pending", "id": event_id, "data": {"id": "ch_1", "reference": str(uuid4()), "status": "pending"}})
    with stopped(*(mesh.pids()[name] for name in ("executor", "verifier"))):
        assert await post(http, mesh, "alpha", body, signed("sandbox", secret_of("alpha"), event_id, body, int(time.time()))) == 202

    async def kept() -> int:
        return await inside.count("verifier", "gateway_events WHERE event_id = $1", event_id)

    await until(kept, within_s=60, what="it is kept")


async def in_doubt(merchant: Merchant, outside: Outside) -> Payment:
    payment = await merchant.pay(order(**upi("pending"), alias="alpha"))
    await outside.told(payment, ("payment.pending_verification",))
    return payment


async def verification(merchant: Merchant, payment: Payment) -> Answer:
    return await merchant.call("GET", f"/payments/{payment.id}/status-verification")


async def test_a_merchant_sees_what_is_being_found_out(merchant: Merchant, neighbour: Merchant, outside: Outside) -> None:
    payment = await in_doubt(merchant, outside)

    async def items() -> list[dict[str, Any]]:
        answer = await verification(merchant, payment)
        assert answer.status == 200, answer.body
        found: list[dict[str, Any]] = answer.body["items"]
        return found

    [item] = await until(items, within_s=60, what="it was asked about", accept=lambda found: bool(found and found[0]["lookups"]))
    assert (item["attempt"], item["gateway"], item["state"], item["verdict"]) == (1, "alpha", "open", None)
    assert item["next_lookup_at"]
    assert (await verification(neighbour, payment)).status == 404


async def test_what_cannot_be_found_out_is_settled_by_hand(merchant: Merchant, outside: Outside, inside: Inside, boss: Merchant) -> None:
    payment = await in_doubt(merchant, outside)
    attempt = payment.references[0]
    spent = "UPDATE verifications SET lookups = 99, due_at = now() WHERE attempt_id = $1::uuid"

    async def opened() -> int:
        return await inside.count("verifier", "verifications WHERE attempt_id = $1::uuid", attempt)

    await until(opened, within_s=60, what="it is in doubt")
    await inside.fetch("verifier", spent, attempt)

    async def exhausted() -> list[dict[str, Any]]:
        return [one for one in await got(boss, "/verifications?state=exhausted") if one["attempt_id"] == attempt]

    [one] = await until(exhausted, within_s=60, what="it is exhausted")
    assert (one["payment_id"], one["next_lookup_at"]) == (payment.id, None)
    body = {"verdict": "succeeded", "gateway_reference": "ch_seen", "reason": "seen in their dashboard"}
    assert (await merchant.call("POST", f"/verifications/{attempt}/settle", body)).status == 403
    settled = await boss.call("POST", f"/verifications/{attempt}/settle", body)
    assert (settled.status, settled.body["verdict"], settled.body["source"]) == (200, "succeeded", "operator")
    assert (await outside.told(payment))["type"] == "payment.succeeded"
    assert (await boss.call("POST", f"/verifications/{attempt}/settle", body)).status == 409
    assert any(entry["subject"] == attempt for entry in await got(boss, "/audit"))


@asynccontextmanager
async def reconciled(boss: Merchant, since: datetime, gateway: str = "alpha") -> AsyncIterator[list[dict[str, Any]]]:
    """A run over the account since then, to its end; what it found."""
    window = {"gateway": gateway, "from": since.isoformat(), "to": datetime.now(UTC).isoformat()}
    started = await boss.call("POST", "/reconciliation/runs", window)
    assert started.status == 202, started.body

    async def ended() -> dict[str, Any]:
        [one] = [one for one in await got(boss, "/reconciliation/runs") if one["run_id"] == started.body["run_id"]]
        return one

    run = await until(ended, within_s=60, what="the run ended", accept=lambda one: one["state"] != "running")
    assert run["state"] == "finished", run
    yield await got(boss, f"/reconciliation/discrepancies?run_id={run['run_id']}")


async def test_reconciliation_finds_what_differs_and_only_that(
    mesh: Mesh, http: aiohttp.ClientSession, merchant: Merchant, outside: Outside, inside: Inside, boss: Merchant
) -> None:
    """A charge the gateway has and we have not, one we have and it has not, one of another amount, and one in doubt, which is evidence."""
    since = datetime.now(UTC) - timedelta(seconds=1)
    whole, missing, other = [await merchant.pay(order(alias="alpha")) for _ in range(3)]
    for payment in (whole, missing, other):
        assert (await outside.told(payment))["type"] == "payment.succeeded"
    async with reconciled(boss, since) as found:
        assert found == [], "a clean run finds nothing"

    stray = {"reference": str(uuid4()), "operation": "charge", "amount_minor": 12_300, "currency": "INR", **upi()}
    headers = {"Authorization": "Bearer sk_sandbox_alpha", "Idempotency-Key": str(uuid4())}
    async with http.post(f"{mesh.blueprint.url('sandbox')}/gateways/alpha/v1/charges", json=stray, headers=headers) as response:
        charge = await response.json()
        assert response.status == 200, charge
    wrong = "UPDATE attempts SET outcome = jsonb_set(outcome, '{confirmed,amount_minor}', '1') WHERE attempt_id = $1::uuid"
    await inside.fetch("executor", wrong, other.references[0])
    made_up = str(private("pay", missing.id))
    copy = (
        "INSERT INTO attempts (attempt_id, payment_id, gateway, operation, state, token, attempt, outcome, started_at, concluded_at)"
        " SELECT $2::uuid, payment_id, gateway, operation, state, token, jsonb_set(attempt, '{attempt_id}', to_jsonb($2::text)),"
        " jsonb_set(outcome, '{gateway_reference}', '\"ch_nowhere\"'), started_at, concluded_at FROM attempts WHERE attempt_id = $1::uuid"
    )
    await inside.fetch("executor", copy, missing.references[0], made_up)
    async with reconciled(boss, since) as found:
        named = {(one["comparison"], one["reference"]) for one in found}
    assert named == {("unexpected", charge["id"]), ("missing", made_up), ("amount_mismatch", other.references[0])}
    assert (await merchant.show(whole))["status"] == "succeeded"
    assert (await merchant.show(missing))["status"] == "succeeded", "it invents nothing"
    await inside.fetch("executor", "DELETE FROM attempts WHERE attempt_id = $1::uuid", made_up)


async def test_a_payments_audit_has_cause_and_effect_from_all_owners(merchant: Merchant, outside: Outside, boss: Merchant) -> None:
    payment = await merchant.pay(order(**upi(), alias="alpha", capture="manual"))
    await outside.told(payment, ["payment.requires_capture"])
    for what, ends in (("capture", "payment.succeeded"), ("refunds", "payment.refunded")):
        assert (await merchant.call("POST", f"/payments/{payment.id}/{what}", {}, {"Prefer": "wait=30"})).status == 201
        await outside.told(payment, [ends])
    answer = await boss.call("GET", f"/payments/{payment.id}/audit")
    assert answer.status == 200, answer.body
    assert answer.body["missing"] == []
    owners = {entry["owner"] for entry in answer.body["items"]}
    assert owners >= {"api", "router", "executor", "notifier"}
    times = [entry["at"] for entry in answer.body["items"]]
    assert times == sorted(times)
    told: set[str] = set()
    for entry in answer.body["items"]:
        assert entry["cause"] in told or entry["event"] == "payment.created", f"{entry} follows from nothing that stands before it"
        told.add(entry["id"])
