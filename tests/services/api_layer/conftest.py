"""The toy API on a loopback port, behind the edge's own server."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from services.api.http.layer import EdgeRunner, Limits
from tests.services.api_layer.toy import Memory, toy_app


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def limits() -> Limits:
    return Limits()


@pytest.fixture
async def address(memory: Memory, limits: Limits) -> AsyncIterator[tuple[str, int]]:
    runner = EdgeRunner(toy_app(memory, limits=limits, trusted_proxies=["127.0.0.0/8", "10.0.0.0/8"]))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    yield host, port
    await runner.cleanup()


@pytest.fixture
async def http(address: tuple[str, int]) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(URL.build(scheme="http", host=address[0], port=address[1])) as session:
        yield session
