"""Sandboxes in the test's own process, behind a real loopback port, and one as a process of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from deploy.sandbox.app import create_app
from deploy.sandbox.settings import Settings
from tests.sandbox.client import SECRET, Sandbox
from tests.sandbox.test_process import running
from tests.sandbox.wires import KINDS, Merchant, account_of

ACCOUNTS = {"alpha": Settings(hang_s=0.05), "beta": Settings(hang_s=0.05)}
Start = Callable[[Path], Awaitable[Sandbox]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts sandboxes in this process, on free loopback ports; all end with the test."""
    async with AsyncExitStack() as stack:

        async def serve(journal: Path) -> Sandbox:
            http = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)))
            runner = web.AppRunner(create_app(journal, ACCOUNTS, SECRET), access_log=None, shutdown_timeout=0.1)
            stack.push_async_callback(runner.cleanup)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            return Sandbox(f"http://{host}:{port}", http)

        yield serve


@pytest.fixture
async def sandbox(start: Start, tmp_path: Path) -> Sandbox:
    return await start(tmp_path)


@pytest.fixture(scope="session")
async def process(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    """The real process, with one account that hangs up quickly."""
    folder = tmp_path_factory.mktemp("sandbox")
    accounts = folder / "accounts.toml"
    accounts.write_text("[alpha]\nhang_s = 0.05\n")
    async with running(folder / "journal", folder / "log", "--accounts", str(accounts)) as (_, sandbox):
        yield sandbox


@pytest.fixture(params=KINDS)
async def merchant(request: pytest.FixtureRequest, process: Sandbox) -> AsyncIterator[Merchant]:
    """Speaks one of the formats to an account that is as its file says, but for payers who need not act on cards."""
    await process.put("/gateways/alpha/settings", frictionless=True)
    yield Merchant(request.param, process, account_of(request.param, process.url))
    await process.call("DELETE", "/gateways/alpha/settings")
