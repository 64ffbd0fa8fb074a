"""Route of the same events over a WebSocket, for pages: one JSON text a message."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from aiohttp import WSCloseCode, web

from services.api.http.access.keys import Keys, Merchant
from services.api.http.layer import Code, Problem, Role, Routes
from services.api.http.layer.guard import REQUEST_ID
from services.api.http.live.events import Joining
from services.api.http.live.stream import HEARTBEAT, HEARTBEAT_S, WRITE_S, Page, Said, Word, heard, listening, missed
from services.api.http.paying.edge import Edge
from services.api.live import Stream

router = Routes(tag="live events")
MESSAGE_BYTES_MAX = 4_096  # of what a client says; none of it means anything
CLOSES = {"revoked": WSCloseCode.POLICY_VIOLATION, "stopping": WSCloseCode.SERVICE_RESTART}


@router.get("/ws", needs=(Role.MERCHANT, Role.LISTENER), status=101, errors=[Code.TEMPORARILY_UNAVAILABLE], media="application/json")
async def listen_by_socket(
    headers: Page, query: Joining, caller: Merchant, edge: Edge, keys: Keys, request: web.Request
) -> web.StreamResponse:
    """Your payments as they change, over a WebSocket: `{"event", "id", "data"}`, a text message each.

    `?last_event_id=` does what it does for `GET /events`. A page must be of one of your `allowed_origins`. The reason of the close frame
    says why it ends.
    """
    socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MESSAGE_BYTES_MAX, compress=False)
    if not socket.can_prepare(request).ok:
        raise Problem(Code.MALFORMED_REQUEST, "This address speaks WebSocket; `GET /events` tells the same over plain HTTP.")
    async with listening(edge, caller, headers.origin) as stream:
        first = await missed(edge, caller.merchant_id, query.last_event_id)
        socket.headers["X-Request-Id"] = request[REQUEST_ID]
        await socket.prepare(request)
        telling = asyncio.ensure_future(tell(socket, first, stream, heard(stream, keys, caller, request), request))
        try:
            async for _ in socket:  # whoever reads sees pings, and the end
                pass
        finally:
            telling.cancel()
            with suppress(asyncio.CancelledError):
                await telling
    return socket


async def tell(socket: web.WebSocketResponse, first: list[Word], stream: Stream, then: AsyncIterator[Said], request: web.Request) -> None:
    try:
        for word in first:
            await send(socket, word)
        async for one in then:
            if one != HEARTBEAT:  # the socket has pings of its own
                await send(socket, one)
        reason = stream.ended or ""
        await socket.close(code=CLOSES.get(reason, WSCloseCode.TRY_AGAIN_LATER), message=reason.encode())
    except (TimeoutError, ConnectionError):
        pass
    finally:  # whatever it was: a socket on which nothing will be told must not look alive
        if not socket.closed and request.transport is not None:
            request.transport.abort()


async def send(socket: web.WebSocketResponse, word: Word) -> None:
    named = "" if word.event_id is None else f'"id":"{word.event_id}",'
    async with asyncio.timeout(WRITE_S):
        await socket.send_str(f'{{"event":"{word.event}",{named}"data":{word.data}}}')
