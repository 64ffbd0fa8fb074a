"""PostgreSQL, RabbitMQ or every gateway is away for a while: accepted payments wait, nobody is to blame, and nothing is dead-lettered."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from deploy.local.mesh import Mesh
from shared import topology
from tests.mesh.inside import Inside
from tests.mesh.instruments import upi
from tests.mesh.merchant import Merchant, Payment, order
from tests.mesh.outside import Outside
from tests.mesh.waiting import until
from tests.mesh.whole import assert_whole

BEHAVIOURS = ("succeed", "slow", "fail.alpha", "charge-then-500.alpha")
STREAM, KILLED_AFTER = 24, 12
RUNGS_S = sum(topology.DELAY_LADDER_S[:2])
LADDER_S = sum(topology.DELAY_LADDER_S)
BLAMES = {"dead_lettered", "tried_later", "part_ended", "request_failed", "delivery_broke"}  # an outage is no reason for any of these


@asynccontextmanager
async def away(mesh: Mesh, merchant: Merchant, server: str, within_s: float) -> AsyncIterator[list["asyncio.Task[Payment]"]]:
    """Payments on their way, half of them accepted when the server dies; it is back when the block has ended."""
    half, accepted = asyncio.Event(), 0

    async def pay(number: int) -> Payment:
        nonlocal accepted
        payment = await merchant.insist(order(alias="alpha", **upi(BEHAVIOURS[number % len(BEHAVIOURS)])), within_s=within_s)
        accepted += 1
        if accepted == KILLED_AFTER:
            half.set()
        return payment

    tasks = [asyncio.create_task(pay(number)) for number in range(KILLED_AFTER)]
    await half.wait()
    await asyncio.to_thread(mesh.kill, server)
    tasks += [asyncio.create_task(pay(number)) for number in range(KILLED_AFTER, STREAM)]
    try:
        yield tasks
    finally:
        await asyncio.to_thread(mesh.restart, server)


async def all_ready(mesh: Mesh) -> bool:
    return (await asyncio.to_thread(mesh.status)).ready


async def assert_nobody_is_blamed(inside: Inside, since: dict[str, int]) -> None:
    assert [line for line in inside.logged(since) if line["event"] in BLAMES or "Traceback" in line["event"]] == []
    dead = {name: counts for name, counts in (await asyncio.to_thread(inside.queues)).items() if name.endswith(".dead")}
    assert dead
    assert set(dead.values()) == {(0, 0)}


@pytest.mark.parametrize(
    ("away_s", "may_fail"),
    [
        pytest.param(RUNGS_S + 1, False, id="longer-than-two-rungs"),
        pytest.param(LADDER_S + 5, True, id="longer-than-the-ladder", marks=[pytest.mark.long, pytest.mark.timeout(400)]),
    ],
)
async def test_postgres_is_away(mesh: Mesh, merchant: Merchant, outside: Outside, inside: Inside, away_s: float, may_fail: bool) -> None:
    """Past the latency budget a payment that could not be tried in time fails; within it, every one succeeds."""
    before, since = await merchant.pay(), inside.log_size()
    async with away(mesh, merchant, "postgres", within_s=away_s + 60) as tasks:
        until_s = time.monotonic() + away_s
        while time.monotonic() < until_s:
            refused = [await merchant.post(order(), key=f"during-{time.monotonic()}"), await merchant.call("GET", f"/payments/{before.id}")]
            for answer in refused:
                assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "TEMPORARILY_UNAVAILABLE", "1")
            ready = await merchant.call("GET", "/ops/readiness")
            assert (ready.status, ready.body["ready"], ready.body["checks"]["database"]["ok"]) == (503, False, False)
            assert (await merchant.call("GET", "/ops/liveness")).status == 200
    payments = await asyncio.gather(*tasks)
    await asyncio.gather(*(assert_whole(merchant, outside, one, within_s=90, may_fail=may_fail) for one in (before, *payments)))
    await until(lambda: all_ready(mesh), within_s=30, what="every service is ready again", every_s=0.2)
    await assert_nobody_is_blamed(inside, since)


async def test_rabbitmq_is_away(mesh: Mesh, merchant: Merchant, outside: Outside, inside: Inside) -> None:
    """The edge goes on accepting: what it has to say waits in its outbox."""
    since = inside.log_size()
    async with away(mesh, merchant, "rabbitmq", within_s=30) as tasks:
        during = [await merchant.pay(), await merchant.pay(wait_s=1)]
        assert [payment.answer.body["status"] for payment in during] == ["processing", "processing"]

        async def noticed() -> bool:
            return (await merchant.call("GET", "/ops/readiness")).status == 503

        await until(noticed, within_s=10, what="the edge says that it is not ready")
    payments = [*during, *await asyncio.gather(*tasks)]
    await asyncio.gather(*(assert_whole(merchant, outside, payment, within_s=60) for payment in payments))
    await until(lambda: all_ready(mesh), within_s=30, what="every service is ready again", every_s=0.2)
    waited = await merchant.pay(wait_s=10)
    assert waited.answer.body["status"] == "succeeded"  # who waits at the edge is told again
    await assert_nobody_is_blamed(inside, since)


async def test_every_gateway_is_away(mesh: Mesh, merchant: Merchant, outside: Outside) -> None:
    """And the shop with them: the payment fails with its reason, and the webhook comes as soon as somebody is there to hear it."""
    await asyncio.to_thread(mesh.kill, "sandbox")
    try:
        payment = await merchant.pay(wait_s=10)
    finally:
        await asyncio.to_thread(mesh.restart, "sandbox")
    assert payment.answer.body["status"] == "failed"
    assert payment.answer.body["error"]["code"] == "NOT_CONNECTED"
    timeline = await merchant.timeline(payment)
    tried = [detail["gateway"] for event, detail in timeline if (event, detail.get("code")) == ("attempt.failed", "NOT_CONNECTED")]
    assert sorted(tried) == ["alpha", "beta", "gamma"]
    assert (await outside.told(payment))["data"] == {name: value for name, value in payment.answer.body.items() if value is not None}
    assert await outside.journal(payment) == []
