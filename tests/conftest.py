"""Servers for every test that asks: given ones to share, private ones to end."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from xdist.scheduler import LoadScopeScheduling

from tests.servers import POSTGRES, RABBITMQ, Mortal, given, private_servers

HERE = Path(__file__).parent
# Folders whose tests share what there is one of: an instance, a server that they end, the events of one broker. The slowest come first.
ONE_BY_ONE = ("mesh", "faults", "services/api", "kernel", "local", "deploy", "bench")


class Folders(LoadScopeScheduling):  # type: ignore[misc]
    """Where several processes share the work, each of these folders is one process' work, and so is every other file."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid.partition("::")[0].removeprefix("tests/"))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Folders:
    return Folders(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):  # one of several processes
        rank = {name: place for place, name in enumerate(ONE_BY_ONE)}
        items.sort(key=lambda item: rank.get(group_of(item.path.relative_to(HERE).as_posix()), len(rank)))


def group_of(way: str) -> str:
    """`way`: of a test's file, below this folder."""
    return next((folder for folder in ONE_BY_ONE if way.startswith(f"{folder}/")), way)


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
