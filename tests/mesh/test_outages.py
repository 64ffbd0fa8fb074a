"""PostgreSQL, RabbitMQ or every gateway is away for a while: accepted payments wait, nobody is to blame, and nothing is dead-lettered."""

import asyncio
import time

import pytest

from deploy.local.mesh import Mesh
from shared import topology
from tests.mesh.inside import Inside
from tests.mesh.merchant import Merchant, order
from tests.mesh.outside import Outside
from tests.mesh.stream import stream
from tests.mesh.waiting import until
from tests.mesh.whole import assert_whole

pytestmark = pytest.mark.timeout(480)
RUNGS_S = sum(topology.DELAY_LADDER_S[:2])
LADDER_S = sum(topology.DELAY_LADDER_S)


async def all_ready(mesh: Mesh) -> bool:
    return (await asyncio.to_thread(mesh.status)).ready


async def assert_nobody_is_blamed(inside: Inside, since: dict[str, int]) -> None:
    """No error, no traceback, no change that climbed the ladder, nothing in the dead letters."""
    assert [line for line in inside.logged(since) if line["level"] not in ("info", "warning") or line["event"] == "tried_later"] == []
    dead = {name: counts for name, counts in (await inside.queues()).items() if name.endswith(".dead")}
    assert dead
    assert set(dead.values()) == {(0, 0)}


@pytest.mark.parametrize(
    ("away_s", "may_fail"),
    [
        pytest.param(RUNGS_S + 1, False, id="longer-than-two-rungs"),
        pytest.param(LADDER_S + 5, True, id="longer-than-the-ladder", marks=[pytest.mark.long, pytest.mark.timeout(600)]),
    ],
)
async def test_postgres_is_away(mesh: Mesh, merchant: Merchant, outside: Outside, inside: Inside, away_s: float, may_fail: bool) -> None:
    """Past the latency budget a payment that could not be tried in time fails; within it, every one succeeds."""
    before, since = await merchant.pay(), inside.log_size()

    async def refused() -> None:
        order_now = await merchant.post(order(), key=f"during-{time.monotonic()}")
        for answer in (order_now, await merchant.call("GET", f"/payments/{before.id}")):
            assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "TEMPORARILY_UNAVAILABLE", "1")
        ready = await merchant.call("GET", "/ops/readiness")
        assert (ready.status, ready.body["ready"], ready.body["checks"]["database"]["ok"]) == (503, False, False)
        assert (await merchant.call("GET", "/ops/liveness")).status == 200

    async def away() -> None:
        await asyncio.to_thread(mesh.kill, "postgres")
        until_s = time.monotonic() + away_s
        try:
            while time.monotonic() < until_s:
                await refused()
                await asyncio.sleep(0.1)  # between two looks
        finally:
            await asyncio.to_thread(mesh.restart, "postgres")

    payments = await stream(merchant, away, within_s=away_s + 60, payments=24, before=12)
    await asyncio.gather(*(assert_whole(merchant, outside, one, within_s=90, may_fail=may_fail) for one in (before, *payments)))
    await until(lambda: all_ready(mesh), within_s=60, what="every service is ready again", every_s=0.2)
    await assert_nobody_is_blamed(inside, since)


async def test_rabbitmq_is_away(mesh: Mesh, merchant: Merchant, outside: Outside, inside: Inside) -> None:
    """The edge goes on accepting: what it has to say waits in its outbox."""
    since, during = inside.log_size(), []

    async def noticed() -> bool:
        return (await merchant.call("GET", "/ops/readiness")).status == 503

    async def away() -> None:
        await asyncio.to_thread(mesh.kill, "rabbitmq")
        try:
            during.extend([await merchant.pay(), await merchant.pay(wait_s=1)])
            await until(noticed, within_s=60, what="the edge says that it is not ready")
        finally:
            await asyncio.to_thread(mesh.restart, "rabbitmq")

    payments = await stream(merchant, away, within_s=60, payments=24, before=12)
    assert [payment.answer.body["status"] for payment in during] == ["processing", "processing"]
    await asyncio.gather(*(assert_whole(merchant, outside, payment, within_s=60) for payment in (*during, *payments)))
    await until(lambda: all_ready(mesh), within_s=60, what="every service is ready again", every_s=0.2)
    waited = await merchant.pay(wait_s=30)
    assert waited.answer.body["status"] == "succeeded"  # who waits at the edge is told again
    await assert_nobody_is_blamed(inside, since)


async def test_every_gateway_is_away(mesh: Mesh, merchant: Merchant, outside: Outside) -> None:
    """And the shop with them: the payment fails with its reason, and the webhook comes as soon as somebody is there to hear it."""
    await asyncio.to_thread(mesh.kill, "sandbox")
    try:
        payment = await merchant.pay(wait_s=30)
    finally:
        await asyncio.to_thread(mesh.restart, "sandbox")
    assert payment.answer.body["status"] == "failed"
    assert payment.answer.body["error"]["code"] == "NOT_CONNECTED"
    timeline = await merchant.timeline(payment)
    tried = [detail["gateway"] for event, detail in timeline if (event, detail.get("code")) == ("attempt.failed", "NOT_CONNECTED")]
    assert sorted(tried) == ["alpha", "beta", "gamma"]
    assert (await outside.told(payment))["data"] == {name: value for name, value in payment.answer.body.items() if value is not None}
    assert await outside.journal(payment) == []
