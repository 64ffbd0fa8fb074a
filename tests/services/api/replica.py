"""Edges over one PostgreSQL, as replicas are, for what must be exact between them."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from services.api import store
from services.api.consumers import evidence_heard, rows_of
from services.api.http.paying.edge import Edge
from services.api.http.paying.teller import Teller
from services.api.live import Live
from services.api.queries import Queries
from shared import runtime
from shared.contracts import Event
from shared.sealing import Sealer
from shared.settings import Settings, Waiting
from tests.servers import Database


class Replica:
    """One process of the edge, without its HTTP."""

    def __init__(self, parts: runtime.Parts) -> None:
        self.parts, self.waiting = parts, Waiting()
        self.edge = Edge(
            unit_of_work=parts.unit_of_work,
            queries=Queries(parts.engine),
            live=Live(parts.ears),
            sealer=Sealer({"key": base64.b64encode(bytes(31) + b"\x09").decode()}),
            fingerprint_key=b"0" * 32,
            waiting=self.waiting,
        )
        self.teller = Teller(self.edge, {})

    async def hear(self, event: Event) -> None:
        heard: Any = event
        await self.parts.unit_of_work.once(event, lambda work: evidence_heard(heard, work, self.waiting), loads=rows_of(event))


@asynccontextmanager
async def replica(database: Database, rabbitmq_url: str) -> AsyncIterator[Replica]:
    settings = Settings(database_url=database.url, rabbitmq_url=rabbitmq_url)
    parts = runtime.build("api", settings, inbox=store.inbox, outbox=store.outbox)
    committer = asyncio.ensure_future(parts.unit_of_work.run())
    try:
        yield Replica(parts)
    finally:
        committer.cancel()
        with suppress(asyncio.CancelledError):
            await committer
        await parts.engine.dispose()
        await parts.relay.engine.dispose()
