"""The shop: verifies, journals, answers as it is told, and lets tests wait for what they expect."""

import asyncio
import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.client import Sandbox, signed
from tests.sandbox.conftest import Start

OTHER = "whsec_b3RoZXIgc2VjcmV0IG9mIGEgc2hvcA=="


def event(payment_id: str = "pay_1", kind: str = "payment.succeeded", sequence: int = 2) -> bytes:
    data = {"payment_id": payment_id, "sequence": sequence}
    return json.dumps({"type": kind, "timestamp": "2026-01-01T00:00:00Z", "data": data}).encode()


async def received(sandbox: Sandbox, name: str = "", **parameters: Any) -> Any:
    return (await sandbox.get(f"/shop{name}/received", **parameters))["items"]


async def test_a_delivery_is_journaled_and_answered(sandbox: Sandbox, tmp_path: Path) -> None:
    body = event()
    assert (await sandbox.deliver(body)).status == 204
    (record,) = await received(sandbox, payment_id="pay_1")
    assert record | {"at": ""} == {
        "at": "",
        "webhook_id": "msg_1",
        "type": "payment.succeeded",
        "payment_id": "pay_1",
        "sequence": 2,
        "answered": 204,
        "body_sha256": hashlib.sha256(body).hexdigest(),
        "body": body.decode(),
    }
    assert json.loads((tmp_path / "webhooks.jsonl").read_text()) == record


async def test_what_nobody_signed_rightly_is_counted_and_not_kept(sandbox: Sandbox, tmp_path: Path) -> None:
    body = event()
    wrong = [{}, signed(body, secret=OTHER), signed(body + b" "), signed(body, at_s=int(time.time()) - 400)]
    answers = [await sandbox.deliver(body, headers) for headers in wrong]
    assert [(answer.status, answer.json()["error"]["code"]) for answer in answers] == [(401, "invalid_signature")] * 4
    assert await sandbox.get("/shop/received") == {"items": [], "next": 0, "rejected": 4}
    assert (tmp_path / "webhooks.jsonl").read_bytes() == b""
    assert (await sandbox.deliver(b"no json")).status == 400


async def test_odd_messages_are_kept_as_they_are(sandbox: Sandbox) -> None:
    for body in (b"{}", b'{"data": 3}', b'{"data": {"payment_id": 3}, "sequence": 9}'):
        assert (await sandbox.deliver(body)).status == 204
    assert [(one["payment_id"], one["sequence"]) for one in await received(sandbox)] == [(None, None), (None, None), (None, 9)]


async def test_misbehaviour_on_command(sandbox: Sandbox) -> None:
    await sandbox.put("/shop/settings", fail_first_n=2, status=202, retry_after_s=7)
    answers = [await sandbox.deliver(event()) for _ in range(3)]
    assert [(answer.status, answer.headers.get("Retry-After")) for answer in answers] == [(500, "7"), (500, "7"), (202, None)]
    assert (await sandbox.get("/shop/settings"))["fail_first_n"] == 0
    await sandbox.put("/shop/settings", hang=True, hang_s=0.01)
    assert (await sandbox.deliver(event())).status == 0
    assert [one["answered"] for one in await received(sandbox)] == [500, 500, 202, None]
    assert len(await received(sandbox, answered=202)) == 1
    for wrong in ({"status": 99}, {"delay_s": -1}, {"secrets": ["whsec_"]}, {"unknown": 1}):
        assert (await sandbox.call("PUT", "/shop/settings", json=wrong)).status == 400


async def test_a_delay_comes_after_the_journal(sandbox: Sandbox) -> None:
    await sandbox.put("/shop/settings", delay_s=120)
    waiting = asyncio.create_task(sandbox.deliver(event()))
    assert len(await received(sandbox, payment_id="pay_1", wait_s=10)) == 1
    assert not waiting.done()
    waiting.cancel()


async def test_one_process_plays_many_endpoints(sandbox: Sandbox, tmp_path: Path) -> None:
    shown = await sandbox.put("/shop/webhooks/slow-one/settings", status=503, secrets=[OTHER])
    assert "secrets" not in shown
    body = event()
    assert (await sandbox.deliver(body, signed(body, secret=OTHER), "/slow-one")).status == 503
    assert (await sandbox.deliver(body, name="/slow-one")).status == 401
    assert (await sandbox.deliver(body, name="/another")).status == 204
    assert [len(await received(sandbox, f"/webhooks/{name}")) for name in ("slow-one", "another")] == [1, 1]
    assert await received(sandbox) == []
    assert (await sandbox.call("GET", "/shop/webhooks/Nope..")).status == 404
    files = set(os.listdir(tmp_path)) - {"charges.jsonl", "intents.jsonl"}
    assert files == {"webhooks.jsonl", "webhooks-slow-one.jsonl", "webhooks-another.jsonl"}


async def test_there_is_an_end_to_endpoints(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.sandbox.shop.ENDPOINTS_MAX", 2)
    statuses = [(await sandbox.deliver(event(), name=f"/e-{n}")).status for n in range(3)]
    assert statuses == [204, 404, 404]  # the default endpoint is the other one


async def test_waiting_ends_with_the_event_that_was_wanted(sandbox: Sandbox) -> None:
    waiting = [
        asyncio.create_task(received(sandbox, payment_id="pay_2", type="payment.succeeded", wait_s=20)),
        asyncio.create_task(received(sandbox, type="payment.failed", wait_s=20)),
    ]
    for body in (event("pay_1"), event("pay_2", "payment.pending_verification"), event("pay_2"), event("pay_3", "payment.failed")):
        await sandbox.deliver(body)
    found = [[(one["payment_id"], one["type"]) for one in items] for items in await asyncio.gather(*waiting)]
    assert found == [[("pay_2", "payment.succeeded")], [("pay_3", "payment.failed")]]
    assert await received(sandbox, payment_id="pay_9", wait_s=0.01) == []


async def test_what_was_received_is_there_after_a_restart(start: Start, tmp_path: Path) -> None:
    first = await start(tmp_path / "one")
    await first.deliver(event())
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "webhooks.jsonl").write_bytes((tmp_path / "one" / "webhooks.jsonl").read_bytes())
    second = await start(tmp_path / "two")
    assert await received(second, payment_id="pay_1") == await received(first, payment_id="pay_1") != []


async def test_a_page_for_people(sandbox: Sandbox) -> None:
    await sandbox.deliver(event("pay_<b>"))
    page = (await sandbox.call("GET", "/shop")).body.decode()
    assert "pay_&lt;b&gt;" in page
    assert "pay_<b>" not in page
