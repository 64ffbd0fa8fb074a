"""How the executor shares itself among gateways: one that hangs, one that asks for patience, and orders whose time runs out."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.executor import consumers
from services.executor import store as executor_store
from services.executor.calls import find
from services.executor.domain.pacing import refused
from services.executor.gateways import Gateway
from shared import topology
from shared.clock import utc_now
from shared.contracts import (
    Attempt,
    AttemptEvent,
    AttemptExpired,
    AttemptFailed,
    AttemptSucceeded,
    AttemptUnknown,
    AttemptVerified,
    ExecuteAttempt,
    LookupAttempt,
)
from shared.gateways import Unclear
from tests.kernel.waiting import until
from tests.sandbox.client import Sandbox
from tests.services.truth.post import SEALER, Truth, attempt

SOON_S = 0.3
LONG_S = 40.0  # longer than anything here takes: what comes to an end did not wait for it


def ordered(one: Attempt, *, within_s: float = 60.0, vpa: str = "asha@okbank") -> ExecuteAttempt:
    sealed = SEALER.seal(one.merchant_id, {"type": "UPI", "vpa": vpa})
    deadline_at = utc_now() + timedelta(seconds=within_s)
    return ExecuteAttempt(correlation_id=one.payment_id, attempt=one, instrument=sealed, deadline_at=deadline_at)


async def execute(there: Truth, command: ExecuteAttempt) -> None:
    await there.executor.hear(topology.EXECUTOR_EXECUTE.queue, command)


async def outcome(there: Truth, one: Attempt) -> AttemptEvent:
    """The one word said of it."""
    await there.carry()
    (event,) = [event for event in there.told(AttemptEvent) if event.attempt == one and not isinstance(event, AttemptVerified)]
    return event


def narrow(gateway: Gateway, slots: int) -> None:
    gateway.slots = asyncio.Semaphore(slots)


async def cut(running: Sequence[asyncio.Future[None]]) -> None:
    for one in running:
        one.cancel()
    await asyncio.gather(*running, return_exceptions=True)


def calls_of(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When it was called, in monotonic seconds; grows."""
    times: list[float] = []
    call = gateway.call

    async def watched(request: Any, *, timeout_s: float) -> Any:
        times.append(time.monotonic())
        return await call(request, timeout_s=timeout_s)

    monkeypatch.setattr(gateway, "call", watched)
    return times


def patience_ends_soon(gateway: Gateway) -> float:
    """As if most of its pause had passed. When it ends, in monotonic seconds."""
    at_s = time.monotonic() + SOON_S
    gateway.pacer.pacing = replace(gateway.pacer.pacing, not_before_s=at_s, next_at_s=at_s, changed_at_s=at_s)
    return at_s


async def test_a_gateway_that_hangs_delays_no_other_and_no_question(there: Truth) -> None:
    """All of alpha's slots are taken by calls that hang; beta's payments and alpha's lookups finish meanwhile."""
    narrow(there.gateways["alpha"], 4)
    there.gateways["alpha"].timeout_s = LONG_S
    asked = attempt("alpha")
    await there.execute(asked, vpa="charge-then-500@sandbox")
    hanging = [asyncio.ensure_future(execute(there, ordered(attempt("alpha"), vpa="hang@sandbox"))) for _ in range(12)]
    await until(there.gateways["alpha"].slots.locked)
    others = [attempt("beta") for _ in range(20)]
    await asyncio.gather(*(execute(there, ordered(one)) for one in others))
    lookup = LookupAttempt(correlation_id=asked.payment_id, attempt=asked, number=1)
    await there.executor.hear(topology.EXECUTOR_LOOKUP.queue, lookup)
    assert not any(one.done() for one in hanging), "all of this came about while alpha hung"
    for one in others:
        assert isinstance(await outcome(there, one), AttemptSucceeded)
    assert [verdict.verdict for verdict in there.told(AttemptVerified)] == ["succeeded"]
    await cut(hanging)


async def test_orders_in_a_backlog_expire_before_the_call(there: Truth, sandbox: Sandbox) -> None:
    """One slot, held by a call that hangs: those whose time is over before it comes free are never made."""
    narrow(there.gateways["alpha"], 1)
    there.gateways["alpha"].timeout_s = LONG_S
    rest = [attempt() for _ in range(5)]
    first = asyncio.ensure_future(execute(there, ordered(attempt(), vpa="hang@sandbox")))
    await until(there.gateways["alpha"].slots.locked)
    await asyncio.gather(*(execute(there, ordered(one, within_s=SOON_S)) for one in rest))
    assert not first.done()
    for one in rest:
        event = await outcome(there, one)
        assert isinstance(event, AttemptExpired), event
        assert (await there.attempt_row(one)).state == "expired"
        assert await sandbox.found(str(one.attempt_id)) == []
    await cut([first])


async def test_without_a_slot_nothing_is_called(there: Truth, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much time its own clock would still give it."""

    async def no_slot(within_s: float) -> bool:
        return False

    monkeypatch.setattr(there.gateways["alpha"], "enter", no_slot)
    one = attempt()
    await execute(there, ordered(one))
    assert isinstance(await outcome(there, one), AttemptExpired)
    assert await sandbox.found(str(one.attempt_id)) == []


async def test_an_order_with_hardly_any_time_left_is_not_carried_out(there: Truth, sandbox: Sandbox) -> None:
    """Its outcome would almost surely be unknown, and the next gateway may still have time."""
    one = attempt()
    await execute(there, ordered(one, within_s=there.gateways["alpha"].least_s / 2))
    assert isinstance(await outcome(there, one), AttemptExpired)
    assert await sandbox.found(str(one.attempt_id)) == []


async def test_a_gateway_that_asks_for_patience_is_given_it(there: Truth, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refused attempt may go elsewhere at once; those after it wait for their turn, or go elsewhere, and none is lost."""
    await sandbox.call("PUT", "/gateways/alpha/settings", json={"retry_after_s": 120})
    gateway, refused = there.gateways["alpha"], attempt()
    await execute(there, ordered(refused, vpa="rate-limit@sandbox"))
    first = await outcome(there, refused)
    assert isinstance(first, AttemptFailed)
    assert (first.refusal.code, first.refusal.retryable) == ("rate_limited", True)
    assert LONG_S < gateway.pacer.wait_s() <= 120
    calls, hurried, patient = calls_of(gateway, monkeypatch), attempt(), attempt()
    await execute(there, ordered(hurried, within_s=LONG_S))
    turned_away = await outcome(there, hurried)
    assert isinstance(turned_away, AttemptFailed)
    assert (turned_away.refusal.code, turned_away.refusal.retryable, turned_away.latency_ms) == ("GATEWAY_PACED", True, 0)
    assert await sandbox.found(str(hurried.attempt_id)) == []
    assert calls == []
    assert gateway.pacer.wait_s() > 0, "it was not waited for"
    may_at_s = patience_ends_soon(gateway)
    await execute(there, ordered(patient))
    assert isinstance(await outcome(there, patient), AttemptSucceeded)
    assert [at_s >= may_at_s for at_s in calls] == [True]
    assert there.gateways["beta"].pacer.wait_s() == 0


async def test_a_question_keeps_the_pace_too(there: Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for its turn; where that is far off it is not asked now, and proves nothing."""
    asked, busy = attempt("alpha"), attempt("alpha")
    await execute(there, ordered(asked, vpa="charge-then-500@sandbox"))
    await execute(there, ordered(busy, vpa="rate-limit@sandbox"))
    lookup = LookupAttempt(correlation_id=asked.payment_id, attempt=asked, number=1)
    calls, may_at_s = calls_of(there.gateways["alpha"], monkeypatch), patience_ends_soon(there.gateways["alpha"])
    await there.executor.hear(topology.EXECUTOR_LOOKUP.queue, lookup)
    assert [at_s >= may_at_s for at_s in calls] == [True]
    await there.carry()
    assert [verdict.verdict for verdict in there.told(AttemptVerified)] == ["succeeded"]
    pacer = there.gateways["alpha"].pacer
    pacer.pacing = refused(pacer.pacing, time.monotonic(), retry_after_s=300)
    finding = await find(there.gateways["alpha"], asked, None)
    assert isinstance(finding, Unclear)
    assert "not asked" in finding.reason


async def test_a_cancelled_call_forgets_no_charge(there: Truth, sandbox: Sandbox) -> None:
    """The process ends in the middle of a call that charges: the row stays, is declared unknown, asked about and found."""
    one = attempt()
    running = asyncio.ensure_future(execute(there, ordered(one, vpa="hang-charged@sandbox")))
    await until(lambda: sandbox.found(str(one.attempt_id)))
    await cut([running])
    row = await there.attempt_row(one)
    assert (row.state, row.outcome) == ("started", None)
    assert row.due_at > utc_now()
    await there.executor.database.rows("UPDATE attempts SET due_at = now() - interval '1 s'")
    assert await there.executor.sweep(executor_store.TAKE_OVERDUE, consumers.sweep_overdue) == 1
    assert isinstance(await outcome(there, one), AttemptUnknown)
    await there.ask_due()
    assert [(verdict.verdict, verdict.source) for verdict in there.told(AttemptVerified)] == [("succeeded", "lookup")]


async def test_a_slot_is_given_back_whatever_happens(there: Truth) -> None:
    gateway = there.gateways["alpha"]
    gateway.timeout_s = SOON_S
    narrow(gateway, 1)
    for vpa in ("decline@sandbox", "cut@sandbox", "hang@sandbox", "garbage@sandbox", "rate-limit@sandbox"):
        command: Any = ordered(attempt(), vpa=vpa)
        await execute(there, command)
        await execute(there, command)  # a copy, which wins nothing
    running = asyncio.ensure_future(execute(there, ordered(attempt(), vpa="hang@sandbox")))
    await until(gateway.slots.locked)
    await cut([running])
    assert not gateway.slots.locked()


@pytest.mark.parametrize(("timeout_s", "within_s"), [(SOON_S, 60.0), (60.0, 2.0)], ids=["the gateway's", "the order's"])
async def test_no_call_outlives_its_payments_time(there: Truth, timeout_s: float, within_s: float) -> None:
    there.gateways["alpha"].timeout_s = timeout_s
    one = attempt()
    async with asyncio.timeout(LONG_S):
        await execute(there, ordered(one, vpa="hang@sandbox", within_s=within_s))
    assert isinstance(await outcome(there, one), AttemptUnknown)
