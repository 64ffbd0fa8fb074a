"""An answer that comes when the clock has given its attempt up already, and somebody else has spoken meanwhile."""

from datetime import timedelta

import pytest

from services.executor import consumers
from services.executor import store as executor_store
from services.executor.domain.meaning import NOT_CONNECTED, said
from shared.clock import new_id, utc_now
from shared.contracts import Attempt, AttemptFailed, AttemptSucceeded, AttemptUnknown, AttemptVerified, ExecuteAttempt, LookupAttempt
from shared.gateways import Answer, Refused, Succeeded
from tests.services.truth.post import Truth, attempt

REFUSED = Refused(NOT_CONNECTED)


def lookup_of(one: Attempt) -> LookupAttempt:
    return LookupAttempt(correlation_id=one.payment_id, attempt=one, number=1)


@pytest.mark.parametrize("asked", [None, REFUSED])
async def test_a_charge_that_a_stalled_process_heard_of_is_never_dropped(there: Truth, asked: Answer | None) -> None:
    """It called, was stopped, and the sweep said unknown; a lookup may have been told that there is no charge, before there was one."""
    one = attempt()
    command = ExecuteAttempt(correlation_id=one.payment_id, attempt=one, deadline_at=utc_now() + timedelta(seconds=5))
    unit_of_work = there.executor.unit_of_work
    await unit_of_work.win(executor_store.claim(one, token=new_id(), state="started", due_at=utc_now() - timedelta(seconds=1)))
    await there.executor.sweep(executor_store.TAKE_OVERDUE, consumers.sweep_overdue)
    await there.carry()
    if asked:
        await consumers._observe(lookup_of(one), unit_of_work, one, asked, "lookup")
        await there.carry()
    charged = Succeeded("ch_1", one.amount)
    for _ in range(2):  # the commit's answer may get lost
        await consumers._conclude(command, unit_of_work, said(command, one, charged, 9), answer=charged)
        await there.carry()
    verdicts = [(verdict.verdict, verdict.source) for verdict in there.told(AttemptVerified)]
    assert verdicts == [*([("failed", "lookup")] if asked else []), ("succeeded", "late_answer")]
    assert (await there.attempt_row(one)).state == "succeeded"
    assert (len(there.told(AttemptUnknown)), there.told(AttemptSucceeded), there.told(AttemptFailed)) == (1, [], [])


async def test_a_refusal_that_comes_as_late_takes_no_charge_back(there: Truth) -> None:
    one = attempt()
    command = ExecuteAttempt(correlation_id=one.payment_id, attempt=one, deadline_at=utc_now() + timedelta(seconds=5))
    unit_of_work = there.executor.unit_of_work
    await unit_of_work.win(executor_store.claim(one, token=new_id(), state="started", due_at=utc_now() - timedelta(seconds=1)))
    await there.executor.sweep(executor_store.TAKE_OVERDUE, consumers.sweep_overdue)
    await there.carry()
    await consumers._observe(lookup_of(one), unit_of_work, one, Succeeded("ch_1", one.amount), "lookup")
    await consumers._conclude(command, unit_of_work, said(command, one, REFUSED, 9), answer=REFUSED)
    await there.carry()
    assert [verdict.verdict for verdict in there.told(AttemptVerified)] == ["succeeded"]
    assert (await there.attempt_row(one)).state == "succeeded"
