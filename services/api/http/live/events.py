"""Routes on which a merchant hears of its payments as they change: server-sent events, and tickets for browsers that listen."""

import asyncio
from datetime import datetime, timedelta
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, Field

from services.api.domain import tokens
from services.api.http.access.keys import LIVE, Keys, Merchant
from services.api.http.layer import Code, Role, Routes
from services.api.http.layer.guard import CORS, REQUEST_ID
from services.api.http.live.stream import HEARTBEAT, WRITE_S, EventId, Page, Word, heard, listening, missed
from services.api.http.paying.edge import Edge
from shared.clock import utc_now

router = Routes(tag="live events", description="Payments as they change, while you listen.")
TICKET = timedelta(seconds=60)  # to begin with; what has begun goes on
HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
BEAT = b": heartbeat\n\n"
LAST = "the last `id` that you have seen"


class Resuming(Page):
    last_event_id: Annotated[EventId | None, Field(alias="Last-Event-ID", description=LAST)] = None


class Joining(BaseModel):
    last_event_id: Annotated[EventId | None, Field(description=LAST)] = None
    ticket: Annotated[str | None, Field(max_length=tokens.TOKEN_CHARS_MAX, description="of `POST /events/tickets`, for browsers")] = None


class Ticket(BaseModel):
    """For the query of `/ws` or `/events`. It opens one merchant's events, and nothing else."""

    ticket: str
    expires_at: datetime


@router.post("/events/tickets", needs=Role.MERCHANT, status=201)
async def make_ticket(caller: Merchant, keys: Keys) -> Ticket:
    """Let a browser listen.

    Your server asks for a ticket and hands it to your page, which opens `/ws?ticket=…` within a minute. No key is in the page.
    """
    expires_at = utc_now() + TICKET
    return Ticket(ticket=tokens.mint(keys.token_key, LIVE, {"key": caller.key_id}, expires_at=expires_at), expires_at=expires_at)


@router.get(
    "/events", needs=(Role.MERCHANT, Role.LISTENER), errors=[Code.TEMPORARILY_UNAVAILABLE], media="text/event-stream", browsers=True
)
async def listen_to_events(
    headers: Resuming, query: Joining, caller: Merchant, edge: Edge, keys: Keys, request: web.Request
) -> web.StreamResponse:
    """Your payments as they change, as server-sent events.

    With `Last-Event-ID`, or `?last_event_id=` for who cannot send it, the newest 1000 payments that changed since, as they are now, come
    first. A payment may come twice: go by its `sequence`. The event `closing` says why the stream ends; reconnect.
    """
    async with listening(edge, caller, headers.origin) as stream:
        first = await missed(edge, caller.merchant_id, headers.last_event_id or query.last_event_id)
        response = web.StreamResponse(headers={**HEADERS, **request.get(CORS, {}), "X-Request-Id": request[REQUEST_ID]})
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        try:
            await send(response, b": listening\n\n" + b"".join(map(frame, first)))
            async for word in heard(stream, keys, caller, request):
                await send(response, BEAT if word == HEARTBEAT else frame(word))
            await send(response, frame(Word("closing", f'{{"reason": "{stream.ended}"}}')))
        except (TimeoutError, ConnectionError):
            if request.transport is not None:
                request.transport.abort()
    return response


def frame(word: Word) -> bytes:
    named = "" if word.event_id is None else f"id: {word.event_id}\n"
    return f"{named}event: {word.event}\ndata: {word.data}\n\n".encode()


async def send(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(WRITE_S):
        await response.write(data)
