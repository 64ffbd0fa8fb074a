"""Calls to a gateway and what their answers mean: prepare, execute, look up."""

import asyncio
import time
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

from services.executor.domain.meaning import NOT_CONNECTED
from services.executor.gateways import Gateway, NotConnected, TimedOut, Unanswered
from shared.contracts import Attempt
from shared.gateways import NOT_PREPARED, Answer, Finding, HttpResponse, Prepared, Refused, Unclear, Unsupported

T = TypeVar("T")
PATIENCE_S = 10.0  # so long a question waits for its turn, while a gateway wants to be called less often


async def prepare(gateway: Gateway, attempt: Attempt, *, timeout_s: float) -> str | Refused | None:
    """The id of the object by which the charge will be found; None where this gateway needs none. Whatever goes wrong here, nothing has
    been charged. Raises Unsupported."""
    request = gateway.codec.prepare(gateway.account, attempt)
    if request is None:
        return None
    try:
        response = await gateway.call(request, timeout_s=max(0.0, timeout_s))
    except (NotConnected, Unanswered):
        return Refused(NOT_PREPARED)
    if isinstance(response, TimedOut):
        forget(response)
        return Refused(NOT_PREPARED)
    match gateway.read_prepared(response, attempt):
        case Prepared(reference=reference):
            return reference
        case refused:
            return refused


async def ask(
    gateway: Gateway, attempt: Attempt, instrument: Mapping[str, Any], prepared: str | None, *, timeout_s: float
) -> "tuple[Answer, asyncio.Task[HttpResponse] | None]":
    """Carry it out. The second is the call that goes on after its time was over. Raises Unsupported."""
    try:
        response = await gateway.call(gateway.codec.execute(gateway.account, attempt, instrument, prepared), timeout_s=timeout_s)
    except NotConnected:
        return Refused(NOT_CONNECTED), None
    except Unanswered as error:
        return Unclear(f"no whole answer: {error}", prepared), None
    if isinstance(response, TimedOut):
        return Unclear(f"no answer in {timeout_s:.1f} s", prepared), response.late
    return gateway.read(response, attempt), None


async def find(gateway: Gateway, attempt: Attempt, known: str | None) -> Finding:
    """What the gateway says when it is asked, in its turn."""
    if not await gateway.turn(PATIENCE_S + gateway.timeout_s):
        return Unclear("not asked: the gateway takes no more calls at present")
    try:
        response = await gateway.call(gateway.codec.lookup(gateway.account, attempt, known), timeout_s=gateway.timeout_s)
    except Unsupported as error:
        return Unclear(f"cannot be asked: {error}")
    except (NotConnected, Unanswered) as error:
        return Unclear(f"no whole answer: {error}")
    if isinstance(response, TimedOut):
        forget(response)
        return Unclear("no answer in time")
    return gateway.read_lookup(response, attempt)


def forget(call: TimedOut) -> None:
    """An answer that proves nothing need not be waited for."""
    if call.late:
        call.late.cancel()


async def timed(call: Awaitable[T]) -> tuple[T, int]:
    """An answer and its latency in milliseconds."""
    started = time.perf_counter()
    answer = await call
    return answer, round((time.perf_counter() - started) * 1000)
