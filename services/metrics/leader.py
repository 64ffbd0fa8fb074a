"""The one replica that folds and broadcasts. Holding the lease is renewed with every round; a lost one costs five seconds at most."""

from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from services.metrics import store
from shared.clock import new_id, utc_now
from shared.contracts import HealthPicture
from shared.messaging.broadcast import say
from shared.messaging.rabbit import Broker

EVERY_S = 1.0

log = structlog.get_logger()


class Leader:
    def __init__(self, engine: AsyncEngine, broker: Broker) -> None:
        self.engine, self.broker = engine, broker
        self.holder: UUID = new_id()

    async def round(self) -> None:
        epoch = await store.lead(self.engine, self.holder)
        if epoch is None:
            return
        async with self.engine.begin() as connection:
            await store.fold(connection)
            gateways = await store.health(connection)
        try:
            await say(self.broker, HealthPicture(epoch=epoch, as_of=utc_now(), gateways=gateways), routing_key="health.picture")
        except Exception as error:  # transient by nature: the next round says a fresher one
            log.warning("broadcast_failed", error=type(error).__name__)
