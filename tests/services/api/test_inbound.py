"""The route that gateways call: a signature over the body as it came, or nothing at all."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio

from deploy.sandbox.webhooks import signed
from services.api.http.layer import Problem
from services.api.http.webhooks.inbound import Inbound, event_of, plain
from services.api.store import inbox, outbox
from shared.accounts import Account
from shared.clock import new_id
from shared.contracts import Money, ReceiveGatewayEvent
from shared.gateways import Heard, Pending, Unclear
from shared.storage.unit_of_work import UnitOfWork
from shared.storage.writer import Writer
from tests.servers import Database

SECRETS = {"alpha": "whsec_YWxwaGEgYWxwaGEgYWxwaGE=", "razor": "razor-secret", "stripe": "stripe-secret"}
KINDS = {"alpha": "sandbox", "razor": "razorpay", "stripe": "stripe"}
REFERENCE = "019b8d5a-2c00-7000-8000-000000000001"


def account(name: str, **more: Any) -> Account:
    told: dict[str, Any] = {"kind": KINDS[name], "base_url": "http://127.0.0.1:1", "webhook_secret": SECRETS[name]}
    return Account(name=name, **told | {"methods": ("UPI",), "currencies": ("INR",)} | more)


def sandbox_body(**change: Any) -> bytes:
    data = {"id": "ch_1", "reference": REFERENCE, "operation": "charge", "status": "succeeded", "amount_minor": 50_000, "currency": "INR"}
    return orjson.dumps({"type": "charge.succeeded", "id": "evt_1", "data": data | change})


RAZORPAY = {
    "event": "payment.captured",
    "payload": {
        "payment": {
            "entity": {
                "id": "pay_1", "entity": "payment", "amount": 50_000, "currency": "INR", "status": "captured",
                "notes": {"reference": REFERENCE, "operation": "charge"}, "vpa": "asha@okbank",
            }
        }
    },
}  # fmt: skip
STRIPE = {
    "id": "evt_1",
    "type": "payment_intent.succeeded",
    "data": {
        "object": {
            "id": "pi_1", "object": "payment_intent", "amount": 50_000, "amount_received": 50_000, "currency": "inr", "status": "succeeded",
            "metadata": {"reference": REFERENCE, "operation": "charge"},
        }
    },
}  # fmt: skip
BODIES = {"alpha": sandbox_body(), "razor": json.dumps(RAZORPAY, indent=1).encode(), "stripe": json.dumps(STRIPE).encode()}


def headers(name: str, body: bytes, *, secret: str | None = None, at_s: int | None = None) -> dict[str, str]:
    """As that gateway signs."""
    wire: Any = KINDS[name]
    return signed(wire, secret or SECRETS[name], "evt_1", body, int(time.time()) if at_s is None else at_s)


@pytest_asyncio.fixture
async def inbound(database: Database) -> AsyncIterator[Inbound]:
    await database.rows("TRUNCATE outbox")
    unit_of_work = UnitOfWork(database.engine, inbox, Writer(outbox))
    committer = asyncio.ensure_future(unit_of_work.run())
    yield Inbound([account(name) for name in KINDS], unit_of_work)
    committer.cancel()
    await asyncio.gather(committer, return_exceptions=True)


async def said(database: Database) -> list[ReceiveGatewayEvent]:
    rows = await database.rows("SELECT routing_key, body FROM outbox ORDER BY id")
    assert {row.routing_key for row in rows} <= {"gateway.event.v1"}
    return [ReceiveGatewayEvent.model_validate_json(row.body) for row in rows]


async def refused(inbound: Inbound, gateway: str, sent: dict[str, str], body: bytes, status: int = 401) -> None:
    with pytest.raises(Problem) as problem:
        await inbound.receive(gateway, sent, body)
    assert problem.value.code.status == status


@pytest.mark.parametrize("name", KINDS)
async def test_a_signed_webhook_is_handed_on_without_its_body(inbound: Inbound, database: Database, name: str) -> None:
    await inbound.receive(name, headers(name, BODIES[name]), BODIES[name])
    (event,) = await said(database)
    assert (event.gateway, event.event_id, event.finding, event.reference) == (name, "evt_1", "succeeded", REFERENCE)
    assert (event.confirmed, event.body_sha256) == (Money(amount_minor=50_000, currency="INR"), hashlib.sha256(BODIES[name]).hexdigest())
    assert b"asha@okbank" not in event.model_dump_json().encode()


@pytest.mark.parametrize("name", KINDS)
async def test_one_changed_byte_is_refused_and_nothing_is_stored(inbound: Inbound, database: Database, name: str) -> None:
    body = BODIES[name]
    await refused(inbound, name, headers(name, body), body.replace(b"50000", b"50001").replace(b"50_000", b"1") + b" ")
    assert await said(database) == []


@pytest.mark.parametrize("name", KINDS)
async def test_another_accounts_signature_is_no_signature(inbound: Inbound, database: Database, name: str) -> None:
    other = "whsec_YmV0YSBiZXRhIGJldGEgYmV0YQ==" if name == "alpha" else "another secret"
    await refused(inbound, name, headers(name, BODIES[name], secret=other), BODIES[name])
    await refused(inbound, name, {}, BODIES[name])
    assert await said(database) == []


@pytest.mark.parametrize("name", ["alpha", "stripe"])
@pytest.mark.parametrize("late_s", [-301, 301])
async def test_a_signature_of_another_time_is_refused(inbound: Inbound, database: Database, name: str, late_s: int) -> None:
    await refused(inbound, name, headers(name, BODIES[name], at_s=int(time.time()) - late_s), BODIES[name])
    await inbound.receive(name, headers(name, BODIES[name], at_s=int(time.time()) - 250), BODIES[name])
    assert len(await said(database)) == 1


async def test_an_account_that_is_none_is_not_found(inbound: Inbound) -> None:
    await refused(inbound, "gamma", headers("alpha", BODIES["alpha"]), BODIES["alpha"], status=404)


async def test_an_account_without_a_secret_trusts_nobody(database: Database, inbound: Inbound) -> None:
    for name in KINDS:
        alone = Inbound([account(name, webhook_secret="")], inbound.unit_of_work)
        await refused(alone, name, headers(name, BODIES[name], secret="whsec_AAAA"), BODIES[name])
        unset = Inbound([account(name, webhook_secret="${NOT_SET}")], inbound.unit_of_work)
        await refused(unset, name, headers(name, BODIES[name], secret="whsec_AAAA"), BODIES[name])


async def test_what_speaks_of_no_charge_is_taken_and_forgotten(inbound: Inbound, database: Database) -> None:
    body = orjson.dumps({"id": "evt_2", "type": "customer.created", "data": {"object": {"id": "cus_1", "object": "customer"}}})
    await inbound.receive("stripe", headers("stripe", body), body)
    assert await said(database) == []


@pytest.mark.parametrize("finding", [Pending("ch_1"), Unclear("?", "ch_1")])
def test_what_proves_nothing_is_pending(finding: Any) -> None:
    heard = Heard("evt_1", "charge.updated", REFERENCE, "charge", finding)
    event = event_of("alpha", heard, "0" * 64)
    assert (event.finding, event.confirmed, event.refusal) == ("pending", None, None)


@pytest.mark.parametrize(("text", "kept"), [("a\x00b", "ab"), ("x" * 300, "x" * 10), ("\ud800", "?"), (None, None), ("", None)])
def test_what_no_column_holds_is_left_out(text: str | None, kept: str | None) -> None:
    assert plain(text, 10) == kept


async def test_over_http_the_route_is_public_and_says_no_more_than_it_must(http: aiohttp.ClientSession) -> None:
    """The file of accounts names no secret that this request could know."""
    async with http.post("/webhooks/alpha", data=BODIES["alpha"], headers=headers("alpha", BODIES["alpha"], secret="whsec_AAAA")) as answer:
        assert answer.status == 401
        assert (await answer.json())["error"]["code"] == "UNAUTHENTICATED"
    async with http.post(f"/webhooks/{new_id().hex[:8]}", data=b"{}") as answer:
        assert answer.status == 404
