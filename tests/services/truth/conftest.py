"""A sandbox, executor and verifier, fresh for each test; the databases' tables are made once."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest_asyncio
from aiohttp import web

from deploy.sandbox.app import create_app
from deploy.sandbox.settings import Settings
from deploy.sandbox.webhooks import secret_of
from services.executor import store as executor_store
from services.verifier import store as verifier_store
from shared.accounts import Account
from tests.sandbox.client import SECRET, Sandbox
from tests.servers import Database, fresh_database
from tests.services.truth.post import Truth, truth

NAMES = ("alpha", "beta")


@pytest_asyncio.fixture(scope="module")
async def executor_db(postgres_url: str) -> AsyncIterator[Database]:
    async with fresh_database(postgres_url) as found:
        await found.create(executor_store.metadata)
        yield found


@pytest_asyncio.fixture(scope="module")
async def verifier_db(postgres_url: str) -> AsyncIterator[Database]:
    async with fresh_database(postgres_url) as found:
        await found.create(verifier_store.metadata)
        yield found


@pytest_asyncio.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    settings = {name: Settings(hang_s=60.0, late_s=0.8) for name in NAMES}
    runner = web.AppRunner(create_app(tmp_path, settings, SECRET), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
        yield Sandbox(f"http://{host}:{port}", http)
    await runner.cleanup()


def account(name: str, sandbox: Sandbox, **more: object) -> Account:
    told: dict[str, object] = {"kind": "sandbox", "base_url": f"{sandbox.url}/gateways/{name}", "api_key": f"sk_sandbox_{name}"}
    told |= {"webhook_secret": secret_of(name), "methods": ("UPI", "CARD"), "currencies": ("INR",)}
    return Account.model_validate({"name": name, **told, **more})


@pytest_asyncio.fixture
async def there(executor_db: Database, verifier_db: Database, sandbox: Sandbox) -> AsyncIterator[Truth]:
    for database, store in ((executor_db, executor_store), (verifier_db, verifier_store)):
        await database.rows(f"TRUNCATE {', '.join(store.metadata.tables)}")
    async with truth(executor_db, verifier_db, [account(name, sandbox) for name in NAMES]) as found:
        yield found
