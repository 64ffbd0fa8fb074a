"""A notifier without a broker: its database, its sender, and endpoints that answer."""

import asyncio
import base64
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.notifier import store
from services.notifier.desk import Desk
from services.notifier.secrets import Secrets
from services.notifier.sender import Sender
from shared.storage.unit_of_work import UnitOfWork
from shared.storage.writer import Writer
from tests.mesh.receiver import Receiver
from tests.servers import Database, fresh_database

KEY = base64.b64encode(bytes(32)).decode()


@pytest_asyncio.fixture(scope="module")
async def tables(postgres_url: str) -> AsyncIterator[Database]:
    async with fresh_database(postgres_url) as database:
        await database.create(store.metadata)
        yield database


@pytest_asyncio.fixture
async def empty(tables: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """With an environment in which the seed command finds it."""
    await tables.rows("TRUNCATE endpoints, deliveries, delivery_attempts, inbox, outbox, audit")
    monkeypatch.setenv("PAYMESH_DATABASE_URL", tables.url)
    monkeypatch.setenv("PAYMESH_RABBITMQ_URL", "amqp://nobody@127.0.0.1:1/")
    monkeypatch.setenv("PAYMESH_SECRETS_KEY", KEY)
    return tables


@pytest_asyncio.fixture
async def unit_of_work(empty: Database) -> AsyncIterator[UnitOfWork]:
    found = UnitOfWork(empty.engine, store.inbox, Writer(store.outbox))
    committer = asyncio.create_task(found.run())
    yield found
    committer.cancel()


@pytest.fixture
def desk(empty: Database) -> Desk:
    return Desk(empty.engine, allow_loopback=True)


@pytest_asyncio.fixture
async def sender(empty: Database, unit_of_work: UnitOfWork) -> AsyncIterator[Sender]:
    found = Sender(empty.engine, unit_of_work, Secrets(KEY), schedule_s=[0, 1000], allow_loopback=True)
    await found.open()
    yield found
    await found.close()


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    await found.open()
    yield found
    await found.close()
