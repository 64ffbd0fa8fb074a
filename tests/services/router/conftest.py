"""A router's database with two accounts, and the desk its operators ask."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest_asyncio

from services.router import store
from services.router.desk import Desk
from services.router.picture import Picture
from shared.accounts import Account
from shared.storage.unit_of_work import UnitOfWork
from shared.storage.writer import Writer
from tests.servers import Database, fresh_database

ACCOUNTS = [
    Account(name=name, kind="sandbox", base_url="http://x", methods=("UPI", "CARD"), currencies=("INR",), priority=priority)
    for priority, name in enumerate(("alpha", "beta"))
]
TABLES = "gateways, retry_policies, scoring, experiments, bandits, shadow, shadow_decisions, audit, routes, decisions, inbox, outbox"


class Office:
    """A router without a broker: its picture follows its database as `announce` says."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.picture = Picture()
        self.announced: list[str] = []
        self.desk = Desk(database.engine, self.announce)

    async def announce(self, action: str) -> None:
        self.announced.append(action)
        self.picture.rules = await store.load_rules(self.database.engine)

    async def audited(self) -> Sequence[tuple[str, str, str, str]]:
        """(actor, action, subject, reason) of every change, oldest first."""
        return [tuple(row) for row in await self.database.rows("SELECT actor, action, subject, reason FROM audit ORDER BY id")]

    @asynccontextmanager
    async def working(self) -> AsyncIterator[UnitOfWork]:
        unit_of_work = UnitOfWork(self.database.engine, store.inbox, Writer(store.outbox))
        committer = asyncio.create_task(unit_of_work.run())
        try:
            yield unit_of_work
        finally:
            committer.cancel()


@pytest_asyncio.fixture(scope="module")
async def tables(postgres_url: str) -> AsyncIterator[Database]:
    async with fresh_database(postgres_url) as database:
        await database.create(store.metadata)
        yield database


@pytest_asyncio.fixture
async def office(tables: Database) -> Office:
    await tables.rows(f"TRUNCATE {TABLES}")
    await store.seed_gateways(tables.engine, ACCOUNTS)
    found = Office(tables)
    found.picture.rules = await store.load_rules(tables.engine)
    return found
