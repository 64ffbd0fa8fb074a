"""A metrics service without its consumer: outcomes are rows, rounds are called, and pictures are heard as routers hear them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest_asyncio

from services.metrics import store
from services.metrics.desk import Desk
from services.metrics.domain.guardrail import Limits
from services.metrics.leader import Leader
from shared.clock import new_id
from shared.contracts import HealthPicture
from shared.messaging.broadcast import Ear
from shared.messaging.rabbit import Broker, connect
from shared.storage.unit_of_work import UnitOfWork
from shared.storage.work import Outgoing
from shared.storage.writer import Writer
from shared.topology import BROADCAST
from tests.servers import Database, fresh_database

TABLES = ", ".join(store.metadata.tables)
TOLD: dict[str, Any] = {"method": "UPI", "latency_ms": 200, "bank": "hdfc", "amount_bucket": "<50000", "segment": "UPI:<50000"}
INSERT = (
    "INSERT INTO outcomes (attempt_id, phase, gateway, {columns}, heard_at)"
    " SELECT id, :phase, :gateway, {values}, now() - make_interval(secs => :ago_s) FROM unnest(cast(:ids AS uuid[])) AS one(id)"
)


@asynccontextmanager
async def running(*parts: Awaitable[None]) -> AsyncIterator[None]:
    """Parts of a service, beside the block. One that ends early fails it."""
    tasks = [asyncio.ensure_future(one) for one in parts]
    try:
        yield
    finally:
        ended = [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        task.result()


class Stand:
    """`gateway` is nobody else's, so that pictures of tests beside us are told apart."""

    def __init__(self, database: Database, broker: Broker) -> None:
        self.database, self.broker = database, broker
        self.gateway = f"gw_{new_id().hex}"
        self.said: list[Outgoing] = []
        self.pictures: list[HealthPicture] = []
        self.heard_at: list[datetime] = []
        self.desk = Desk(database.engine, Writer(store.outbox), said=self.said.extend)

    def leader(self, **limits: Any) -> Leader:
        return Leader(self.database.engine, self.broker, Writer(store.outbox), said=self.said.extend, limits=Limits(**limits))

    def unit_of_work(self) -> UnitOfWork:
        return UnitOfWork(self.database.engine, store.inbox, Writer(store.outbox))

    def hear(self, body: bytes) -> None:
        picture = HealthPicture.model_validate_json(body)
        told = {one.gateway for one in picture.gateways} | {one.gateway for one in picture.breakers}
        if self.gateway in told:
            self.pictures.append(picture)

    async def outcome(
        self, outcome_class: str, *, times: int = 1, phase: int = 0, ids: list[UUID] | None = None, **more: Any
    ) -> list[UUID]:
        """Rows as the consumer writes them, of attempts made and heard of `ago_s` ago. Returns the attempts."""
        told = {**TOLD, "outcome_class": outcome_class, **more}
        ago_s, gateway = told.pop("ago_s", 0.0), told.pop("gateway", self.gateway)
        sql = INSERT.format(columns=", ".join(told), values=", ".join(f":{name}" for name in told))
        attempts = ids or [UUID(int=new_id().int - (int(ago_s * 1000) << 80)) for _ in range(times)]  # ids begin with their time in ms
        await self.database.rows(sql, ids=attempts, phase=phase, gateway=gateway, ago_s=ago_s, **told)
        return attempts

    async def end_lease(self) -> None:
        await self.database.rows("UPDATE leader SET until = now() - interval '1 second'")

    async def counted(self) -> dict[str, int]:
        """Class → attempts of all minutes, of this test's gateway."""
        rows = await self.database.rows(
            "SELECT outcome_class, sum(attempts)::int AS n FROM minutes WHERE gateway = :one GROUP BY 1 HAVING sum(attempts) <> 0",
            one=self.gateway,
        )
        return {row.outcome_class: row.n for row in rows}

    def kinds_said(self) -> list[str]:
        return [one.kind for one in self.said]


@pytest_asyncio.fixture(scope="module")
async def tables(postgres_url: str) -> AsyncIterator[Database]:
    async with fresh_database(postgres_url) as database:
        await database.create(store.metadata)
        yield database


@pytest_asyncio.fixture
async def stand(tables: Database, rabbitmq_url: str) -> AsyncIterator[Stand]:
    await tables.rows(f"TRUNCATE {TABLES}")
    broker = connect(rabbitmq_url, service="metrics")
    await broker.connect()
    found = Stand(tables, broker)
    await Ear(broker, BROADCAST, found.hear).open(["health.picture"])
    try:
        yield found
    finally:
        await broker.stop()
