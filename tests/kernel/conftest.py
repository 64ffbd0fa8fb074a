"""A fresh database a module, fresh queues a test."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
import structlog

from tests.kernel import toy
from tests.kernel.queues import Queues, queues_at
from tests.servers import Database, fresh_database


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> Iterator[None]:
    """As services write them: a default traceback would show every local variable."""
    processors: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]
    structlog.configure(processors=processors)
    yield
    structlog.reset_defaults()


@pytest_asyncio.fixture(scope="module")
async def database(postgres_url: str) -> AsyncIterator[Database]:
    async with fresh_database(postgres_url) as found:
        await found.create(toy.metadata)
        yield found


@pytest_asyncio.fixture
async def empty(database: Database) -> Database:
    """The module's database, with nothing left of the tests before."""
    await database.rows("TRUNCATE accounts, entries, tickets, inbox, outbox")
    return database


@pytest_asyncio.fixture
async def queues(rabbitmq_url: str) -> AsyncIterator[Queues]:
    async with queues_at(rabbitmq_url) as found:
        yield found
