"""Every service's migrations end at exactly the tables that its store declares."""

import asyncio
import os
import sys

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


async def test_replicas_that_start_at_once_migrate_once(postgres_url: str) -> None:
    """Also where a step builds an index while the payments go on, which waits for whoever is in the middle of a statement."""
    async with fresh_database(postgres_url) as database:
        environment = {**os.environ, "PAYMESH_DATABASE_URL": database.url}
        command = (sys.executable, "-m", "shared.storage.migrate", "notifier", "upgrade")
        replicas = [await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment) for _ in range(3)]
        assert await asyncio.gather(*(one.wait() for one in replicas)) == [0, 0, 0]
