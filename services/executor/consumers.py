"""Orders the executor carries out: commit the intent, act with no transaction open, commit the outcome."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from services.executor import store
from services.executor.domain.meaning import CANNOT_OPEN, NOT_CONNECTED, observed, said, stored
from services.executor.gateways import Gateway, Gateways, NotConnected, TimedOut, Unanswered, timed
from shared import topology
from shared.clock import new_id, utc_now
from shared.contracts import Attempt, AttemptEvent, AttemptExpired, AttemptUnknown, ExecuteAttempt, LookupAttempt
from shared.gateways import Answer, Finding, HttpResponse, Refused, Unclear
from shared.messaging.failure import patiently
from shared.messaging.handlers import Hears
from shared.sealing import CannotOpen, Opener
from shared.settings import Waiting
from shared.storage.unit_of_work import UnitOfWork
from shared.storage.work import AlreadyHandled, Work

hears = Hears()
log = structlog.get_logger()


@hears(topology.EXECUTOR_EXECUTE)
async def execute_attempt(command: ExecuteAttempt, unit_of_work: UnitOfWork, gateways: Gateways, opener: Opener, waiting: Waiting) -> None:
    """Call the gateway once for this attempt, whatever happens. Raises AlreadyHandled for a copy of the order."""
    gateway = gateways[command.attempt.gateway]
    async with gateway.slots:
        late = await _execute(command, unit_of_work, gateway, opener, waiting)
    if late:
        # Outside the slot: an answer that comes too late is listened for, but holds nobody up.
        listening = asyncio.ensure_future(_listen(command, unit_of_work, gateway, late))
        gateway.late.add(listening)
        listening.add_done_callback(gateway.late.discard)


async def _execute(
    command: ExecuteAttempt, unit_of_work: UnitOfWork, gateway: Gateway, opener: Opener, waiting: Waiting
) -> "asyncio.Task[HttpResponse] | None":
    """Returns the call that is still under way, where there is one."""
    attempt, token = command.attempt, new_id()
    if await _claim(command, unit_of_work, token, due_at=command.deadline_at + timedelta(seconds=waiting.attempt_margin_s)) == "expired":
        return None
    try:
        instrument = opener.open(attempt.merchant_id, command.instrument) if command.instrument else {}
    except CannotOpen as error:
        log.error("cannot_open_instrument", attempt_id=str(attempt.attempt_id), reason=str(error))
        await _conclude(command, unit_of_work, said(command, attempt, Refused(CANNOT_OPEN), 0))
        return None
    left_s = (command.deadline_at - utc_now()).total_seconds()
    if left_s <= 0:  # the commit took too long; the call was not made and never will be, because the claim is ours
        await _conclude(
            command, unit_of_work, AttemptExpired.caused_by(command, attempt=attempt, reason="its deadline passed before the call")
        )
        return None
    (answer, late), latency_ms = await timed(_ask(gateway, attempt, instrument, timeout_s=min(gateway.timeout_s, left_s)))
    await _conclude(command, unit_of_work, said(command, attempt, answer, latency_ms), answer=answer)
    return late


async def _claim(command: ExecuteAttempt, unit_of_work: UnitOfWork, token: UUID, *, due_at: datetime) -> store.State:
    """Insert the arbiter row, started or, past the deadline, expired; raises AlreadyHandled if the row is another's."""

    async def attempt() -> store.State:
        if utc_now() < command.deadline_at:
            await unit_of_work.win(store.claim(command.attempt, token=token, state="started", due_at=due_at))
            return "started"
        expired = AttemptExpired.caused_by(command, attempt=command.attempt, reason="its deadline passed in the queue")
        await unit_of_work.win(store.claim(command.attempt, token=token, state="expired", due_at=None), lambda work: work.publish(expired))
        return "expired"

    return await patiently(attempt)


async def _ask(
    gateway: Gateway, attempt: Attempt, instrument: Mapping[str, Any], *, timeout_s: float
) -> "tuple[Answer, asyncio.Task[HttpResponse] | None]":
    try:
        response = await gateway.call(gateway.codec.execute(gateway.account, attempt, instrument), timeout_s=timeout_s)
    except NotConnected:
        return Refused(NOT_CONNECTED), None
    except Unanswered as error:
        return Unclear(f"no whole answer: {error}"), None
    if isinstance(response, TimedOut):
        return Unclear(f"no answer in {timeout_s:.1f} s"), response.late
    return gateway.codec.read(response, attempt), None


async def _conclude(command: ExecuteAttempt, unit_of_work: UnitOfWork, event: AttemptEvent, *, answer: Answer | None = None) -> None:
    """Store and say the outcome; where the sweep was faster and said unknown, the answer is evidence for the verifier instead."""

    def change(work: Work) -> None:
        row = store.read(work, command.attempt)
        if row and row.state == "started":
            store.conclude(work, event)
            work.publish(event)
        elif row and row.state == "unknown" and answer and not isinstance(answer, Unclear):
            late = observed(command, command.attempt, answer, "late_answer")
            store.conclude(work, late)
            work.publish(late)

    await patiently(lambda: unit_of_work.apply(change, loads=store.load_of(command.attempt)))


async def _listen(
    command: ExecuteAttempt, unit_of_work: UnitOfWork, gateway: Gateway, late: "asyncio.Task[HttpResponse]"
) -> HttpResponse | None:
    """An answer that comes after the attempt was given up is evidence. None after all: the verifier asks by itself."""
    try:
        response = await late
    except (NotConnected, Unanswered):
        return None
    answer = gateway.codec.read(response, command.attempt)
    if not isinstance(answer, Unclear):
        await _observe(command, unit_of_work, command.attempt, answer, "late_answer")
    return response


async def _observe(cause: Any, unit_of_work: UnitOfWork, attempt: Attempt, seen: Answer | Finding, source: Any) -> None:
    event = observed(cause, attempt, seen, source)

    def change(work: Work) -> None:
        row = store.read(work, attempt)
        if row and row.state == "unknown" and event.finding in ("succeeded", "failed"):
            store.conclude(work, event)
        work.publish(event)

    await patiently(lambda: unit_of_work.apply(change, loads=store.load_of(attempt)))


@hears(topology.EXECUTOR_LOOKUP)
async def lookup_attempt(command: LookupAttempt, unit_of_work: UnitOfWork, gateways: Gateways) -> None:
    """Find out what became of an attempt. One that was never started never will be; one with an outcome repeats it."""
    attempt, token = command.attempt, new_id()
    expired = AttemptExpired.caused_by(command, attempt=attempt, reason="asked about before it was ever started")
    claim = store.claim(attempt, token=token, state="expired", due_at=None)
    try:
        await patiently(lambda: unit_of_work.win(claim, lambda work: work.publish(expired)))
        return
    except AlreadyHandled:
        row = await patiently(lambda: store.look(unit_of_work, attempt))
    if row and row.state == "expired":
        await patiently(lambda: unit_of_work.apply(lambda work: work.publish(expired)))
        return
    if row and row.state in ("succeeded", "failed") and row.outcome:
        await _observe(command, unit_of_work, attempt, stored(row.outcome), "lookup")
        return
    gateway = gateways[attempt.gateway]
    async with gateway.lookup_slots:
        finding = await _find(gateway, attempt)
    await _observe(command, unit_of_work, attempt, finding, "lookup")


async def _find(gateway: Gateway, attempt: Attempt) -> Finding:
    try:
        response = await gateway.call(gateway.codec.lookup(gateway.account, attempt), timeout_s=gateway.timeout_s)
    except (NotConnected, Unanswered) as error:
        return Unclear(f"no whole answer: {error}")
    if isinstance(response, TimedOut):
        if response.late:
            response.late.cancel()
        return Unclear("no answer in time")
    return gateway.codec.read_lookup(response, attempt)


def sweep_overdue(row: Any, work: Work) -> None:
    """An attempt whose process died between the call and the outcome."""
    attempt = Attempt.model_validate(row.attempt)
    unknown = AttemptUnknown(correlation_id=attempt.payment_id, attempt=attempt, reason="no outcome was committed past its deadline")
    store.conclude(work, unknown)
    work.publish(unknown)
