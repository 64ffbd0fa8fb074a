"""Orders that lie in the queue past their deadline are expired, never charged and tried elsewhere.

Two executors that disagree on the time still give one verdict.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from aio_pika import Message
from aio_pika.abc import AbstractIncomingMessage

from deploy.local.instance import ROOT
from deploy.local.mesh import Mesh
from deploy.local.service import readiness
from shared import topology
from shared.contracts import ExecuteAttempt, LookupAttempt
from tests.mesh.inside import Inside
from tests.mesh.merchant import Merchant, order
from tests.mesh.outside import Outside
from tests.mesh.waiting import until

EXECUTE_ALPHA, LOOKUP_ALPHA = f"{ExecuteAttempt.kind_of()}.alpha", f"{LookupAttempt.kind_of()}.alpha"
AHEAD_S = 2.5  # of the second executor's clock; half an attempt's time
ORDERS, COPIES = 20, 5
# The clock is moved before anything takes a reference to it.
AHEAD = f"""
import datetime, runpy
from shared import clock
now = clock.utc_now
clock.utc_now = lambda: now() + datetime.timedelta(seconds={AHEAD_S})
runpy.run_module("services.executor", run_name="__main__")
"""


@pytest.fixture
async def second_executor(mesh: Mesh) -> AsyncIterator[int]:
    """The pid of another one on the same queues, whose clock is ahead."""
    port = mesh.instance.ports.of("ops_executor_2")
    environment = {**mesh.blueprint.environment("executor"), "PAYMESH_OPS_PORT": str(port)}
    process = mesh.instance.process("executor-2")
    process.start([sys.executable, "-c", AHEAD], environment=environment, folder=ROOT)
    try:

        async def ready() -> bool:
            assert process.alive(), process.tail()
            return (await asyncio.to_thread(readiness, f"http://127.0.0.1:{port}/readyz"))[0]

        await until(ready, within_s=60, what="the second executor is ready")
        assert process.pid is not None
        yield process.pid
    finally:
        assert await asyncio.to_thread(process.end), "it did not end by itself"


@contextmanager
def stopped(*pids: int | None) -> Iterator[None]:
    """They do nothing meanwhile, and notice nothing."""
    for pid in pids:
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid or 0, signal.SIGCONT)


def deadlines(messages: list[AbstractIncomingMessage]) -> list[datetime]:
    return [datetime.fromisoformat(one["deadline_at"]) for message in messages for one in orjson.loads(message.body)]


async def orders_heard(heard: list[AbstractIncomingMessage], number: int) -> list[datetime]:
    """The deadlines of so many orders, once all were tapped."""

    async def found() -> list[datetime]:
        return deadlines(heard)

    return await until(found, within_s=60, what=f"{number} orders were sent", accept=lambda found: len(found) == number)


async def until_it_is(moment: datetime) -> None:
    async def it_is() -> bool:
        return datetime.now(UTC) > moment

    await until(it_is, within_s=60, what=f"it is {moment}")


async def test_an_order_that_expired_in_the_queue_is_tried_elsewhere(
    mesh: Mesh, merchant: Merchant, outside: Outside, inside: Inside
) -> None:
    async with inside.tap(topology.COMMANDS, [EXECUTE_ALPHA]) as heard:
        with stopped(mesh.pids()["executor"]):
            payment = await merchant.pay(order(alias="alpha"))
            [deadline] = await orders_heard(heard, 1)
            await until_it_is(deadline)
        told = await outside.told(payment)
    assert (told["type"], told["data"]["gateway"]) == ("payment.succeeded", "beta")
    timeline = await merchant.timeline(payment)
    assert [event for event, _ in timeline] == ["payment.created", "attempt.expired", "attempt.succeeded", "payment.succeeded"]
    assert timeline[1][1] == {"number": 1, "gateway": "alpha", "reason": "its deadline passed in the queue"}
    assert [charge["reference"] for charge in await outside.journal(payment)] == [payment.references[1]]


async def test_an_attempt_that_is_asked_about_before_it_was_started(
    mesh: Mesh, merchant: Merchant, outside: Outside, inside: Inside
) -> None:
    """The question and the order lie in their queues together. Whichever comes first, the other one abides by it."""
    async with inside.tap(topology.COMMANDS, [LOOKUP_ALPHA]) as heard:
        with stopped(mesh.pids()["executor"]):
            payment = await merchant.pay(order(alias="alpha"))
            await inside.make_overdue(payment)

            async def asked() -> bool:
                return any(orjson.loads(message.body)[0]["attempt"]["attempt_id"] == payment.references[0] for message in heard)

            await until(asked, within_s=60, what="the attempt was asked about")
        await outside.told(payment)
    [attempt] = await inside.fetch("executor", "SELECT state FROM attempts WHERE attempt_id = $1::uuid", payment.references[0])
    assert attempt["state"] in ("expired", "succeeded")
    assert [charge["reference"] for charge in await outside.charges(payment)] == [payment.references[attempt["state"] == "expired"]]
    assert (await merchant.show(payment))["status"] == "succeeded"


async def test_two_executors_that_disagree_give_one_verdict(
    mesh: Mesh, merchant: Merchant, outside: Outside, inside: Inside, second_executor: int
) -> None:
    """Twenty orders, six times each, at a moment when one executor finds them in time and the other expired."""
    async with inside.tap(topology.COMMANDS, [EXECUTE_ALPHA]) as heard, inside.exchange(topology.COMMANDS) as exchange:
        with stopped(mesh.pids()["executor"], second_executor):
            payments = await asyncio.gather(*(merchant.pay(order(alias="alpha")) for _ in range(ORDERS)))
            found = await orders_heard(heard, ORDERS)
            for message in heard.copy() * COPIES:
                copy = Message(message.body, headers=message.headers, content_type=message.content_type)
                await exchange.publish(copy, EXECUTE_ALPHA)
            await until_it_is(max(found) - timedelta(seconds=AHEAD_S))
        await asyncio.gather(*(outside.told(payment) for payment in payments))
    for payment in payments:
        [attempt] = await inside.fetch("executor", "SELECT state FROM attempts WHERE attempt_id = $1::uuid", payment.references[0])
        events = [event for event, detail in await merchant.timeline(payment) if detail.get("number") == 1]
        assert events == [f"attempt.{attempt['state']}"]
        charges = [charge["reference"] for charge in await outside.charges(payment)]
        assert charges == [payment.references[0 if attempt["state"] == "succeeded" else 1]]
        assert (await merchant.show(payment))["status"] == "succeeded"
