"""Servers for every test that asks: given ones to share, private ones to end."""

from collections.abc import Iterator

import pytest
import pytest_asyncio

from tests.servers import POSTGRES, RABBITMQ, Mortal, given, private_servers


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """A superuser's, in the database `postgres`. Take a fresh database of it."""
    return given(POSTGRES)


@pytest.fixture(scope="session")
def rabbitmq_url() -> str:
    """Its exchanges are shared by all tests: take queues with names of your own, and delete them."""
    return given(RABBITMQ)


@pytest.fixture(scope="session")
def mortal_servers() -> Iterator[tuple[Mortal, Mortal]]:
    with private_servers() as servers:
        yield servers


@pytest_asyncio.fixture(scope="session")
async def mortal_postgres(mortal_servers: tuple[Mortal, Mortal]) -> Mortal:
    """A PostgreSQL that a test may kill. It starts here, and whoever kills it starts it again."""
    await mortal_servers[0].start()
    return mortal_servers[0]


@pytest_asyncio.fixture(scope="session")
async def mortal_rabbitmq(mortal_servers: tuple[Mortal, Mortal]) -> Mortal:
    """A RabbitMQ that a test may kill. It starts here, and whoever kills it starts it again."""
    await mortal_servers[1].start()
    return mortal_servers[1]
