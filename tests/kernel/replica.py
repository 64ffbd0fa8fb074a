"""One process of the toy service, living in the test's own loop."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from shared import runtime
from shared.messaging.handlers import Hears
from shared.settings import Settings
from shared.storage.unit_of_work import UnitOfWork
from tests.kernel import toy

NOWHERE = "amqp://nobody@127.0.0.1:1/"
STOP_TIMEOUT_S = 5.0
PATIENCE_MS = 60_000  # a test holds a lock for as long as it needs


class Replica:
    """Built as every service is; `consume` and `relay` say which of its parts run. A part that ends early fails the test."""

    def __init__(self, database_url: str, rabbitmq_url: str = NOWHERE, **settings: Any) -> None:
        given = {"stop_timeout_s": STOP_TIMEOUT_S, "lock_timeout_ms": PATIENCE_MS, "statement_timeout_ms": PATIENCE_MS, **settings}
        self.parts = runtime.build(
            "toy", Settings(database_url=database_url, rabbitmq_url=rabbitmq_url, **given), inbox=toy.inbox, outbox=toy.outbox
        )
        self.troubles = toy.Troubles()
        self.running: list[asyncio.Task[None]] = []

    @property
    def unit_of_work(self) -> UnitOfWork:
        return self.parts.unit_of_work

    async def start(self, hears: Hears | None = None, gateways: Sequence[str] = (), given: Mapping[str, Any] | None = None) -> None:
        """Connect, run committer and relay, and hear what `hears` says."""
        await self.parts.mouth.connect()
        self.running.append(asyncio.create_task(self.parts.relay.run()))
        self.commit()
        if hears:
            runtime.bind(self.parts, hears, gateways=gateways, given={"troubles": self.troubles, **(given or {})})
            await self.parts.ears.start()

    def commit(self) -> None:
        """Only the committer: this replica says nothing and hears nothing."""
        self.running.append(asyncio.create_task(self.parts.unit_of_work.run()))

    async def stop(self) -> None:
        """Let handlers finish (for `stop_timeout_s` at most), then end; raises what had ended a part before."""
        ended = [task for task in self.running if task.done()]
        await self.parts.ears.stop()
        for task in self.running:
            task.cancel()
        await asyncio.gather(*self.running, return_exceptions=True)
        await self.parts.mouth.stop()
        await self.parts.engine.dispose()
        await self.parts.relay.engine.dispose()
        for task in ended:
            task.result()


@asynccontextmanager
async def replica(database_url: str, rabbitmq_url: str = NOWHERE, **settings: Any) -> AsyncIterator[Replica]:
    """One that is not started yet, and is stopped at the end."""
    one = Replica(database_url, rabbitmq_url, **settings)
    try:
        yield one
    finally:
        await one.stop()


@asynccontextmanager
async def committer(database_url: str, **settings: Any) -> AsyncIterator[UnitOfWork]:
    """The unit of work of a replica that neither hears nor says anything."""
    async with replica(database_url, **settings) as one:
        one.commit()
        yield one.unit_of_work
