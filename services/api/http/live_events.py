"""Route on which a merchant hears of its payments as they change: server-sent events, and what was missed since the last one."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, Field

from services.api import lists
from services.api.http.availability import available
from services.api.http.edge import Edge
from services.api.http.keys import Keys, Merchant
from services.api.http.layer import Code, Problem, Role, Routes
from services.api.http.layer.guard import REQUEST_ID
from services.api.lists import Wanted
from services.api.live import Stream
from shared.clock import monotonic_s
from shared.contracts import PaymentSnapshot
from shared.public import PaymentView

router = Routes(tag="live events", description="Payments as they change, while you listen.")
LISTENERS_MAX, LISTENERS_OF_ONE_MAX = 1_000, 20  # of this replica
RECOGNISED_S = 0.5  # who listens is asked for anew, so that a key that is revoked hears nothing a second later
HEARTBEAT_S = 15.0  # proxies close what is silent for 30 s or more
WRITE_S = 10.0  # a client that takes nothing for so long is cut off
LOOKED_AT = 1_000  # newest payments that are looked through on resuming
OVERLAP = timedelta(seconds=30)  # events of two payments may come in another order than they happened
HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Resuming(BaseModel):
    last_event_id: Annotated[str | None, Field(pattern=r"^[0-9]{1,15}$", description="the last `id` that you have seen")] = None


def frame(event: str, data: str, event_id: int | None = None) -> bytes:
    named = "" if event_id is None else f"id: {event_id}\n"
    return f"{named}event: {event}\ndata: {data}\n\n".encode()


def told(event: str, payment: PaymentSnapshot) -> bytes:
    """Its id is when the payment changed, in ms."""
    return frame(event, PaymentView.of(payment).model_dump_json(by_alias=True), int(payment.updated_at.timestamp() * 1000))


@router.get("/events", needs=Role.MERCHANT, errors=[Code.TEMPORARILY_UNAVAILABLE], media="text/event-stream")
async def listen_to_events(headers: Resuming, caller: Merchant, edge: Edge, keys: Keys, request: web.Request) -> web.StreamResponse:
    """Your payments as they change, as server-sent events.

    With `Last-Event-ID` the newest 1000 payments that changed since, as they are now, come first. A payment may come twice: go by its
    `sequence`. The event `closing` says why the stream ends; reconnect.
    """
    if edge.live.all_listeners() >= LISTENERS_MAX or edge.live.listeners(caller.merchant_id) >= LISTENERS_OF_ONE_MAX:
        raise Problem(Code.TEMPORARILY_UNAVAILABLE, "Too many streams are open.")
    async with edge.live.listening(caller.merchant_id) as stream:
        if stream.ended:
            raise Problem(Code.TEMPORARILY_UNAVAILABLE)
        missed = await _missed(edge, caller.merchant_id, headers.last_event_id)
        response = web.StreamResponse(headers={**HEADERS, "X-Request-Id": request[REQUEST_ID]})
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        try:
            await _send(response, b": listening\n\n" + b"".join(missed))
            await _relay(stream, response, partial(_recognised, keys, request))
        except (TimeoutError, ConnectionError):
            if request.transport is not None:
                request.transport.abort()
    return response


async def _missed(edge: Edge, merchant_id: str, last_event_id: str | None) -> list[bytes]:
    """Oldest change first; then `resumed`, which says how far back was looked: null where that is all payments."""
    if last_event_id is None:
        return []
    with available():
        found = await edge.queries.payments(*lists.page(Wanted(merchant_id=merchant_id), limit=LOOKED_AT, skip=0))
    since = datetime.fromtimestamp(min(int(last_event_id), 32_503_680_000_000) / 1000, UTC) - OVERLAP
    changed = sorted((one for one in found if one.updated_at >= since), key=lambda one: one.updated_at)
    back_to = f'"{found[-1].created_at.isoformat()}"' if len(found) == LOOKED_AT else "null"
    return [*(told("payment.now", one) for one in changed), frame("resumed", f'{{"created_since": {back_to}}}')]


async def _relay(stream: Stream, response: web.StreamResponse, recognised: Callable[[], Awaitable[bool]]) -> None:
    asked_at_s = spoken_at_s = monotonic_s()
    while True:
        now_s = monotonic_s()
        if now_s - asked_at_s >= RECOGNISED_S:
            asked_at_s = now_s
            if not await recognised():
                stream.end("revoked")
        try:
            async with asyncio.timeout(asked_at_s + RECOGNISED_S - now_s):
                one = await stream.queue.get()
        except TimeoutError:
            if now_s - spoken_at_s >= HEARTBEAT_S:
                spoken_at_s = now_s
                await _send(response, b": heartbeat\n\n")
            continue
        if one is None:
            await _send(response, frame("closing", f'{{"reason": "{stream.ended}"}}'))
            return
        spoken_at_s = now_s
        await _send(response, told(one.kind.rsplit(".", 1)[0], one.payment))


async def _recognised(keys: Keys, request: web.Request) -> bool:
    """Whether the request would still be let in. While nobody can tell, it is."""
    try:
        return await keys.who(request.headers) is not None
    except Problem:
        return True


async def _send(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(WRITE_S):
        await response.write(data)
