"""Every service's migrations end at exactly the tables that its store declares."""

import asyncio

import pytest

from shared.storage import migrate
from tests.servers import fresh_database
from tests.tidy.tree import ROOT, SERVICES


@pytest.mark.parametrize("service", SERVICES)
async def test_migrated_database_is_what_the_store_declares(service: str, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    async with fresh_database(postgres_url) as database:
        monkeypatch.setenv("PAYMESH_DATABASE_URL", database.url)
        assert await asyncio.to_thread(migrate.main, [service, "upgrade"]) == 0
        assert await asyncio.to_thread(migrate.main, [service, "check"]) == 0
        tables = await database.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
    assert {"alembic_version", "inbox", "outbox"} < {row.table_name for row in tables}
