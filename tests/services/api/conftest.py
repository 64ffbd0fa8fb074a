"""An edge on a loopback port with a database and a broker, and stand-ins for the services that it asks."""

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from yarl import URL

from services.api import store, wiring
from services.api.http.layer import EdgeRunner
from services.api.http.paying.edge import Edge
from services.api.live import Live
from services.api.queries import Queries
from services.api.secrets import digest
from shared import accounts, runtime, topology
from shared.clock import new_id
from shared.sealing import Sealer
from shared.settings import Waiting
from tests.servers import Database, fresh_database
from tests.services.api.replica import Replica, replica
from tests.services.api.stand_in import StandIn

OPERATOR = {"X-Internal-Api-Key": "internal_test"}
MERCHANTS = {
    "m_001": {"X-Api-Key": "key_one", "X-Api-Secret": "secret_one"},
    "m_002": {"X-Api-Key": "key_two", "X-Api-Secret": "secret_two"},
}


@dataclass
class Answer:
    status: int
    body: Any

    @property
    def code(self) -> str:
        return str(self.body["error"]["code"])


class Client:
    """Calls the edge as whoever `keys` say."""

    def __init__(self, http: aiohttp.ClientSession, keys: dict[str, str]) -> None:
        self.http, self.keys = http, keys

    async def call(self, method: str, path: str, body: Any = None) -> Answer:
        async with self.http.request(method, URL(path, encoded=True), json=body, headers=self.keys) as response:
            return Answer(response.status, await response.json() if response.content_type == "application/json" else None)

    async def get(self, path: str) -> Answer:
        return await self.call("GET", path)


@pytest_asyncio.fixture(scope="module")
async def database(postgres_url: str) -> AsyncIterator[Database]:
    async with fresh_database(postgres_url) as found:
        await found.create(store.metadata)
        for merchant_id, keys in MERCHANTS.items():
            await found.rows("INSERT INTO merchants (merchant_id, name, currency) VALUES (:id, :id, 'INR')", id=merchant_id)
            await found.rows(
                "INSERT INTO api_keys (key_id, merchant_id, secret_sha256) VALUES (:key, :id, :secret)",
                key=keys["X-Api-Key"],
                id=merchant_id,
                secret=digest(keys["X-Api-Secret"]),
            )
        yield found


@pytest.fixture(scope="module")
def own_queues() -> Iterator[None]:
    """Others on this broker have routers too."""
    mine = new_id().hex
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(topology, "questions_of", lambda owner: f"{owner}.questions.{mine}")
        yield


@pytest_asyncio.fixture(scope="module")
async def owners(rabbitmq_url: str, own_queues: None) -> AsyncIterator[StandIn]:
    found = StandIn(rabbitmq_url)
    await found.open()
    yield found
    await found.close()


@pytest.fixture
async def stand_in(owners: StandIn) -> StandIn:
    """The services that the edge asks, as far as they answer questions; they remember nothing of the tests before."""
    await owners.renew()
    return owners


@asynccontextmanager
async def serving(database: Database, rabbitmq_url: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A replica of the edge, over HTTP."""
    settings = wiring.ApiSettings(
        database_url=database.url,
        rabbitmq_url=rabbitmq_url,
        internal_api_key=OPERATOR["X-Internal-Api-Key"],
        sealing_keys_file=Path("-"),
        fingerprint_key="00",
        question_timeout_s=20.0,
        rate_limit_per_min=0,
        rate_limit_key_per_min=0,
    )
    parts = runtime.build("api", settings, inbox=store.inbox, outbox=store.outbox)
    queries, live = Queries(parts.engine), Live(parts.ears)
    key = base64.b64encode(X25519PrivateKey.generate().public_key().public_bytes_raw()).decode()
    edge = Edge(
        unit_of_work=parts.unit_of_work,
        queries=queries,
        live=live,
        sealer=Sealer({"key": key}),
        fingerprint_key=b"0" * 32,
        waiting=Waiting(),
    )
    await parts.mouth.connect()
    await parts.ears.connect()
    await live.open()
    committer = asyncio.ensure_future(parts.unit_of_work.run())
    runner = EdgeRunner(wiring.application(parts, settings, edge, queries, accounts.load(settings.gateways_file)))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with aiohttp.ClientSession(base_url=f"http://{host}:{port}") as session:
        yield session
    live.end()
    await runner.cleanup()
    committer.cancel()
    with suppress(asyncio.CancelledError):
        await committer
    await parts.ears.stop()
    await parts.mouth.stop()
    await parts.engine.dispose()
    await parts.relay.engine.dispose()


@pytest_asyncio.fixture(scope="module")
async def http(database: Database, rabbitmq_url: str, own_queues: None) -> AsyncIterator[aiohttp.ClientSession]:
    async with serving(database, rabbitmq_url) as session:
        yield session


@pytest_asyncio.fixture(scope="module")
async def beside(database: Database, rabbitmq_url: str, own_queues: None) -> AsyncIterator[aiohttp.ClientSession]:
    """Another replica, over the same database."""
    async with serving(database, rabbitmq_url) as session:
        yield session


@pytest.fixture
def operator(http: aiohttp.ClientSession) -> Client:
    return Client(http, OPERATOR)


@pytest.fixture
def merchant(http: aiohttp.ClientSession) -> Client:
    return Client(http, MERCHANTS["m_001"])


@pytest.fixture
def neighbour(http: aiohttp.ClientSession) -> Client:
    return Client(http, MERCHANTS["m_002"])


@pytest.fixture
async def replicas(database: Database, rabbitmq_url: str) -> AsyncIterator[tuple[Replica, Replica]]:
    async with replica(database, rabbitmq_url) as one, replica(database, rabbitmq_url) as other:
        yield one, other
