"""Orders the executor carries out: commit the intent, act with no transaction open, commit the outcome."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from services.executor import comparing, store, testimony
from services.executor.calls import ask, find, prepare, timed
from services.executor.domain.meaning import CANNOT_OPEN, TOO_FAST, TOO_LATE, observed, said, stored
from services.executor.domain.testimony import State
from services.executor.gateways import Gateway, Gateways, NotConnected, Unanswered
from services.executor.queries import Queries
from shared import topology
from shared.clock import new_id, utc_now
from shared.contracts import (
    Attempt,
    AttemptEvent,
    AttemptExpired,
    AttemptUnknown,
    CompareCharges,
    ExecuteAttempt,
    IdentifyAttempt,
    LookupAttempt,
)
from shared.gateways import Answer, Finding, HttpResponse, Refused, Succeeded, Unclear, Unsupported
from shared.messaging.failure import patiently
from shared.messaging.handlers import Hears
from shared.sealing import CannotOpen, Opener
from shared.settings import Waiting
from shared.storage.unit_of_work import UnitOfWork
from shared.storage.work import AlreadyHandled, Load, Work

hears = Hears()
log = structlog.get_logger()


@hears(topology.EXECUTOR_EXECUTE)
async def execute_attempt(command: ExecuteAttempt, unit_of_work: UnitOfWork, gateways: Gateways, opener: Opener, waiting: Waiting) -> None:
    """Call the gateway once for this attempt, whatever happens. Raises AlreadyHandled for a copy of the order."""
    gateway = gateways[command.attempt.gateway]
    entered = await gateway.enter(_left_s(command) - gateway.least_s)
    try:
        late = await _execute(command if entered else _over(command), unit_of_work, gateway, opener, waiting)
    finally:
        if entered:
            gateway.slots.release()
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
    in_turn = await gateway.turn(_left_s(command))  # nothing is claimed yet: a process that ends while it waits has done nothing
    # With less left than a call needs at least, it is as good as over: an order that waited in a backlog expires and is not charged.
    due_at = command.deadline_at + timedelta(seconds=waiting.attempt_margin_s)
    if await _claim(_hurried(command, gateway), unit_of_work, token, due_at=due_at) == "expired":
        return None
    if not in_turn:
        await _conclude(command, unit_of_work, said(command, attempt, Refused(TOO_FAST), 0))
        return None
    try:
        instrument = opener.open(attempt.merchant_id, command.instrument) if command.instrument else {}
    except CannotOpen as error:
        log.error("cannot_open_instrument", attempt_id=str(attempt.attempt_id), reason=str(error))
        await _conclude(command, unit_of_work, said(command, attempt, Refused(CANNOT_OPEN), 0))
        return None
    if _left_s(command) <= 0:  # the commit took too long; the call was not made and never will be, because the claim is ours
        reason = "its deadline passed before the call"
        await _conclude(command, unit_of_work, AttemptExpired.caused_by(command, attempt=attempt, reason=reason))
        return None
    (answer, late), latency_ms = await timed(_charge(command, unit_of_work, gateway, instrument))
    await _conclude(command, unit_of_work, said(command, attempt, answer, latency_ms), answer=answer)
    return late


def _over(command: ExecuteAttempt) -> ExecuteAttempt:
    """The order whose time was over before a slot came free."""
    return command.model_copy(update={"deadline_at": min(command.deadline_at, utc_now())})


def _left_s(command: ExecuteAttempt) -> float:
    return (command.deadline_at - utc_now()).total_seconds()


def _hurried(command: ExecuteAttempt, gateway: Gateway) -> ExecuteAttempt:
    """The order as the claim judges it: its deadline is earlier by the least that a call needs."""
    return command.model_copy(update={"deadline_at": command.deadline_at - timedelta(seconds=gateway.least_s)})


async def _claim(command: ExecuteAttempt, unit_of_work: UnitOfWork, token: UUID, *, due_at: datetime) -> State:
    """Insert the arbiter row, started or, past the deadline, expired; raises AlreadyHandled if the row is another's."""

    async def attempt() -> State:
        if utc_now() < command.deadline_at:
            await unit_of_work.win(store.claim(command.attempt, token=token, state="started", due_at=due_at))
            return "started"
        expired = AttemptExpired.caused_by(command, attempt=command.attempt, reason="its deadline passed in the queue")
        await unit_of_work.win(store.claim(command.attempt, token=token, state="expired", due_at=None), lambda work: work.publish(expired))
        return "expired"

    return await patiently(attempt)


async def _charge(
    command: ExecuteAttempt, unit_of_work: UnitOfWork, gateway: Gateway, instrument: Mapping[str, Any]
) -> "tuple[Answer, asyncio.Task[HttpResponse] | None]":
    """The call, after the harmless object where the codec wants one. A gateway that cannot do it has not been asked."""
    attempt = command.attempt
    try:
        prepared = await prepare(gateway, attempt, timeout_s=min(gateway.timeout_s, _left_s(command)))
        if isinstance(prepared, Refused):
            return prepared, None
        if prepared:
            await patiently(lambda: unit_of_work.apply(lambda work: store.prepared(work, attempt, prepared)))
        if (left_s := _left_s(command)) <= 0:
            return Refused(TOO_LATE), None
        return await ask(gateway, attempt, instrument, prepared, timeout_s=min(gateway.timeout_s, left_s))
    except Unsupported as error:
        return Refused(error.refusal), None


async def _conclude(command: ExecuteAttempt, unit_of_work: UnitOfWork, event: AttemptEvent, *, answer: Answer | None = None) -> None:
    """Store and say the outcome; where the sweep was faster, the answer is evidence for the verifier instead: of what is unknown, and of a
    charge also where the gateway has said meanwhile that there is none."""

    def change(work: Work) -> None:
        row = store.read(work, command.attempt.attempt_id)
        if row and row.state == "started":
            store.conclude(work, event, known=row.known)
            work.publish(event)
        elif row and answer and not isinstance(answer, Unclear) and (row.state == "unknown" or _charged_after_all(row.state, answer)):
            late = observed(command, command.attempt, answer, "late_answer")
            store.conclude(work, late, known=row.known)
            work.publish(late)

    await patiently(lambda: unit_of_work.apply(change, loads=store.load_of(command.attempt)))


def _charged_after_all(state: State, answer: Answer) -> bool:
    return state == "failed" and isinstance(answer, Succeeded)


async def _listen(
    command: ExecuteAttempt, unit_of_work: UnitOfWork, gateway: Gateway, late: "asyncio.Task[HttpResponse]"
) -> HttpResponse | None:
    """An answer that comes after the attempt was given up is evidence. None after all: the verifier asks by itself."""
    try:
        response = await late
    except (NotConnected, Unanswered):
        return None
    answer = gateway.read(response, command.attempt)
    if not isinstance(answer, Unclear):
        await _observe(command, unit_of_work, command.attempt, answer, "late_answer")
    return response


async def _observe(cause: Any, unit_of_work: UnitOfWork, attempt: Attempt, seen: Answer | Finding, source: Any) -> None:
    event = observed(cause, attempt, seen, source)

    def change(work: Work) -> None:
        row = store.read(work, attempt.attempt_id)
        better = ("unknown", "action_required", "failed") if event.finding == "succeeded" else ("unknown", "action_required")
        if row and row.state in better and event.finding in ("succeeded", "failed"):
            store.conclude(work, event, known=row.known)
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
    if row and row.state in ("succeeded", "failed") and (known := stored(row.outcome or {})):
        await _observe(command, unit_of_work, attempt, known, "lookup")
        return
    gateway = gateways[attempt.gateway]
    async with gateway.lookup_slots:
        finding = await find(gateway, attempt, row.known if row else None)
    await _observe(command, unit_of_work, attempt, finding, "lookup")


def named_attempt(command: IdentifyAttempt) -> Sequence[Load]:
    named = testimony.attempt_of(command.reference)
    return [Load(store.ATTEMPT, named)] if named else []


@hears(topology.EXECUTOR_LOOKUP, loads=named_attempt)
def identify_attempt(command: IdentifyAttempt, work: Work, gateways: Gateways) -> None:
    """A gateway's webhook: whose it is, and whether it is news."""
    testimony.identify(command, work, gateways[command.gateway].overrides)


@hears(topology.EXECUTOR_LOOKUP)
async def compare_charges(command: CompareCharges, unit_of_work: UnitOfWork, gateways: Gateways, queries: Queries) -> None:
    """A slice of a reconciliation: the gateway's list beside our attempts."""
    await comparing.compare(command, unit_of_work, gateways[command.gateway], queries)


def sweep_overdue(row: Any, work: Work) -> None:
    """An attempt whose process died between the call and the outcome."""
    attempt, known = Attempt.model_validate(row.attempt), (row.outcome or {}).get("gateway_reference")
    reason = "no outcome was committed past its deadline"
    unknown = AttemptUnknown(correlation_id=attempt.payment_id, attempt=attempt, reason=reason, gateway_reference=known)
    store.conclude(work, unknown)
    work.publish(unknown)
