"""The PostgreSQL and the RabbitMQ the tests are given, databases in them, and private ones that a test may end."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import MetaData, Row, make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from deploy.local.instance import ROOT, Instance
from deploy.local.servers import Server
from deploy.local.servers.provide import provide
from shared.clock import new_id

POSTGRES = "PAYMESH_TEST_POSTGRES_URL"
RABBITMQ = "PAYMESH_TEST_RABBITMQ_URL"
HELD_PATIENCE_S = 90.0  # for another run of these tests in this checkout; less than a test may take, so that the reason is said


def given(setting: str) -> str:
    """The URL in this environment variable; the test fails where there is none, for a skipped promise is none."""
    url = os.environ.get(setting)
    if not url:
        pytest.fail(f"{setting} is not set: run `./paymesh test`, or give it a server that tests may fill", pytrace=False)
    return url


class Database:
    """A database of a test's own, and a way to look into it past the code under test."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine: AsyncEngine = create_async_engine(url, pool_size=2)

    async def rows(self, sql: str, **values: Any) -> Sequence[Row[Any]]:
        """Run one statement and commit it."""
        async with self.engine.begin() as connection:
            result = await connection.execute(text(sql), values)
            return result.all() if result.returns_rows else ()

    async def value(self, sql: str, **values: Any) -> Any:
        """The first column of the first row."""
        return (await self.rows(sql, **values))[0][0]

    async def waiting(self, application: str, event: str = "Lock") -> list[int]:
        """Server processes of this application that wait for this type of event now."""
        activity = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = :name"
        return [row.pid for row in await self.rows(f"{activity} AND wait_event_type = :event", name=application, event=event)]

    async def create(self, metadata: MetaData) -> None:
        """Its tables, as the migrations would."""
        async with self.engine.begin() as connection:
            await connection.run_sync(metadata.create_all)


@asynccontextmanager
async def fresh_database(server_url: str) -> AsyncIterator[Database]:
    """An empty database on the server, gone at the end whoever is still connected. `server_url` names a superuser."""
    url, name = make_url(server_url), f"test_{new_id().hex}"
    admin = await asyncpg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))
    try:
        await admin.execute(f"CREATE DATABASE {name}")
    finally:
        await admin.close()
    database = Database(url.set(drivername="postgresql+asyncpg", database=name).render_as_string(hide_password=False))
    try:
        yield database
    finally:
        await database.engine.dispose()
        admin = await asyncpg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))
        try:
            await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        finally:
            await admin.close()


@dataclass(frozen=True)
class Mortal:
    """A server that a test may end and start again. The calls that block run beside the loop."""

    server: Server

    @property
    def url(self) -> str:
        """As the tests are given theirs."""
        return self.server.url

    async def kill(self) -> None:
        """As a power cut would."""
        await asyncio.to_thread(self.server.kill)

    async def stop(self) -> None:
        """As an operator would."""
        await asyncio.to_thread(self.server.stop)

    async def start(self) -> None:
        """Returns when it answers again."""
        await asyncio.to_thread(self.server.start)


@contextmanager
def private_servers() -> Iterator[tuple[Mortal, Mortal]]:
    """PostgreSQL and RabbitMQ of our own, not started yet; stopped at the end. Their data stay: a next run starts sooner."""
    shared = Path(os.environ.get("PAYMESH_TEST_FOLDER", ROOT / ".paymesh" / "test"))
    instance = Instance(shared.with_name(f"{shared.name}-faults"))
    with instance.held(patience_s=HELD_PATIENCE_S):
        servers = provide(instance.folder, {}, lambda said: None)
        try:
            yield Mortal(servers[0]), Mortal(servers[1])
        finally:
            for server in servers:
                server.stop()
