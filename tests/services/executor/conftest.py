"""An executor's database, and the desk its operators ask."""

from collections.abc import AsyncIterator

import pytest_asyncio

from services.executor import store
from services.executor.desk import Desk
from services.executor.domain.classes import Classes
from tests.servers import Database, fresh_database


@pytest_asyncio.fixture(scope="module")
async def tables(postgres_url: str) -> AsyncIterator[Database]:
    async with fresh_database(postgres_url) as database:
        await database.create(store.metadata)
        yield database


@pytest_asyncio.fixture
async def desk(tables: Database) -> Desk:
    await tables.rows("TRUNCATE error_classes, audit")
    return Desk(tables.engine, Classes())
