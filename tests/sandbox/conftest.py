"""Sandboxes in the test's own process, behind a real loopback port."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from deploy.sandbox.app import create_app
from deploy.sandbox.settings import Settings
from tests.sandbox.client import SECRET, Sandbox

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
