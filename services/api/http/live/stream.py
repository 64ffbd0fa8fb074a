"""What a listener hears, however it is carried: what it missed, then what happens, until one of the two sides ends it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from services.api import lists
from services.api.http.access.keys import Keys, Merchant
from services.api.http.availability import available
from services.api.http.layer import Code, Problem
from services.api.http.paying.edge import Edge
from services.api.lists import Wanted
from services.api.live import Stream
from shared.clock import monotonic_s
from shared.contracts import PaymentSnapshot
from shared.public import PaymentView

LISTENERS_MAX, LISTENERS_OF_ONE_MAX = 1_000, 20  # of this replica
RECOGNISED_S = 0.5  # who listens is asked for anew, so that a key that is revoked hears nothing a second later
HEARTBEAT_S = 15.0  # proxies close what is silent for 30 s or more
WRITE_S = 10.0  # a client that takes nothing for so long is cut off
LOOKED_AT = 1_000  # newest payments that are looked through on resuming
OVERLAP = timedelta(seconds=30)  # events of two payments may come in another order than they happened

EventId = Annotated[str, Field(pattern=r"^[0-9]{1,15}$")]


class Page(BaseModel):
    """Where a browser listens from, and by which leave."""

    origin: Annotated[str | None, Field(alias="Origin", description="the page's, as its browser sends it", max_length=255)] = None


@dataclass(frozen=True, slots=True)
class Word:
    """`data` is JSON. Its id is when the payment changed, in ms; what is about no payment has none."""

    event: str
    data: str
    event_id: int | None = None


HEARTBEAT: Literal["heartbeat"] = "heartbeat"
Said = Word | Literal["heartbeat"]


@asynccontextmanager
async def listening(edge: Edge, caller: Merchant, origin: str | None) -> AsyncIterator[Stream]:
    """Everything that is told of the caller's payments from now on. Raises Problem: a strange page, too many, or nothing to be heard."""
    if origin is not None and origin not in caller.allowed_origins:  # a browser sends credentials that its page does not have
        raise Problem(Code.FORBIDDEN, "Pages of this origin may not listen.")
    if edge.live.all_listeners() >= LISTENERS_MAX or edge.live.listeners(caller.merchant_id) >= LISTENERS_OF_ONE_MAX:
        raise Problem(Code.TEMPORARILY_UNAVAILABLE, "Too many streams are open.")
    async with edge.live.listening(caller.merchant_id) as stream:
        if stream.ended:
            raise Problem(Code.TEMPORARILY_UNAVAILABLE)
        yield stream


async def missed(edge: Edge, merchant_id: str, last_event_id: str | None) -> list[Word]:
    """Oldest change first; then `resumed`, which says how far back was looked: null where that is all payments."""
    if last_event_id is None:
        return []
    with available():
        found = await edge.queries.payments(*lists.page(Wanted(merchant_id=merchant_id), limit=LOOKED_AT, skip=0))
    since = datetime.fromtimestamp(min(int(last_event_id), 32_503_680_000_000) / 1000, UTC) - OVERLAP
    changed = sorted((one for one in found if one.updated_at >= since), key=lambda one: one.updated_at)
    back_to = f'"{found[-1].created_at.isoformat()}"' if len(found) == LOOKED_AT else "null"
    return [*(told("payment.now", one) for one in changed), Word("resumed", f'{{"created_since": {back_to}}}')]


def told(event: str, payment: PaymentSnapshot) -> Word:
    return Word(event, PaymentView.of(payment).model_dump_json(by_alias=True), int(payment.updated_at.timestamp() * 1000))


async def heard(stream: Stream, keys: Keys, caller: Merchant, request: web.Request) -> AsyncIterator[Said]:
    """Ends when the stream does: its `ended` says why. And when the client has gone, so that it takes no place until the next heartbeat."""
    asked_at_s = spoken_at_s = monotonic_s()
    while request.transport is not None:
        now_s = monotonic_s()
        if now_s - asked_at_s >= RECOGNISED_S:
            asked_at_s = now_s
            if not await recognised(keys, caller, request):
                stream.end("revoked")
        try:
            async with asyncio.timeout(asked_at_s + RECOGNISED_S - now_s):
                one = await stream.queue.get()
        except TimeoutError:
            if now_s - spoken_at_s >= HEARTBEAT_S:
                spoken_at_s = now_s
                yield HEARTBEAT
            continue
        if one is None:
            return
        spoken_at_s = now_s
        yield told(one.kind.rsplit(".", 1)[0], one.payment)


async def recognised(keys: Keys, caller: Merchant, request: web.Request) -> bool:
    """Whether whoever asked is still somebody. While nobody can tell, it is."""
    try:
        return await keys.still(caller, request)
    except Problem:
        return True
