"""Looks inside the mesh, for what nobody outside can see: rows, messages, log files. And a few levers for what else takes hours."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import aio_pika
import asyncpg
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage

from deploy.local.mesh import Mesh
from deploy.local.programs import SERVICES
from deploy.local.servers.rabbitmq import RabbitMQ
from shared import accounts, topology
from tests.mesh.merchant import Payment

Row: TypeAlias = "asyncpg.Record"


class Inside:
    """One mesh, opened."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh

    @asynccontextmanager
    async def database(self, service: str) -> "AsyncIterator[asyncpg.Connection[Row]]":
        """A connection to a service's database."""
        url = self.mesh.blueprint.database_url(service).replace("+asyncpg", "")
        connection = await asyncpg.connect(url)
        try:
            yield connection
        finally:
            await connection.close()

    async def fetch(self, service: str, sql: str, *values: Any) -> list[Row]:
        """Rows of a service's database."""
        async with self.database(service) as connection:
            return list(await connection.fetch(sql, *values))

    async def count(self, service: str, what: str, *values: Any) -> int:
        """`what` follows `SELECT count(*) FROM`."""
        return int((await self.fetch(service, f"SELECT count(*) AS n FROM {what}", *values))[0]["n"])

    async def make_overdue(self, payment: Payment) -> None:
        """As if PAYMESH_RESUME_AFTER_S had passed."""
        await self.fetch("api", "UPDATE payments SET due_at = now() WHERE payment_id = $1", payment.uuid)

    @asynccontextmanager
    async def exchange(self, name: str) -> AsyncIterator[AbstractExchange]:
        """An exchange to publish to; "" is the default one."""
        async with await aio_pika.connect(self.mesh.rabbitmq.url) as connection:
            channel = await connection.channel()
            yield await channel.get_exchange(name) if name else channel.default_exchange

    @asynccontextmanager
    async def tap(self, exchange: str, keys: Iterable[str]) -> "AsyncIterator[list[AbstractIncomingMessage]]":
        """A copy of every message that passes the exchange under these routing keys meanwhile, oldest first."""
        heard: list[AbstractIncomingMessage] = []

        async def hear(message: AbstractIncomingMessage) -> None:
            heard.append(message)

        async with await aio_pika.connect(self.mesh.rabbitmq.url) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(exclusive=True)
            for key in keys:
                await queue.bind(exchange, routing_key=key)
            await queue.consume(hear, no_ack=True)
            yield heard

    @asynccontextmanager
    async def unbound(self, queue: str, exchange: str, key: str) -> AsyncIterator[None]:
        """A binding is gone meanwhile."""
        async with await aio_pika.connect(self.mesh.rabbitmq.url) as connection:
            channel = await connection.channel()
            found = await channel.get_queue(queue, ensure=False)
            await found.unbind(exchange, routing_key=key)
            try:
                yield
            finally:
                await found.bind(exchange, routing_key=key)

    async def queues(self) -> dict[str, tuple[int, int]]:
        """Queue → messages (ready, with a consumer and not acknowledged). Takes a second."""
        server = self.mesh.rabbitmq
        if not isinstance(server, RabbitMQ):
            return await self._ready_queues()
        rows: Any = await asyncio.to_thread(server.ctl, "list_queues", "name", "messages_ready", "messages_unacknowledged")
        return {row["name"]: (int(row["messages_ready"]), int(row["messages_unacknowledged"])) for row in rows}

    async def _ready_queues(self) -> dict[str, tuple[int, int]]:
        """All that AMQP tells: a node in a container has no control program here."""
        found: dict[str, tuple[int, int]] = {}
        async with await aio_pika.connect(self.mesh.rabbitmq.url) as connection:
            channel = await connection.channel()
            for inlet in topology.inlets(account.name for account in accounts.load(self.mesh.blueprint.gateways_file)):
                for name in (inlet.queue, inlet.dead_queue):
                    queue = await channel.declare_queue(name, passive=True)
                    found[name] = (int(queue.declaration_result.message_count or 0), 0)
        return found

    def log_size(self) -> dict[str, int]:
        """Where each service's log ends now, for `logged`."""
        return {service: self.mesh.instance.log(service).stat().st_size for service in SERVICES}

    def logged(self, since: dict[str, int] | None = None) -> Iterator[dict[str, Any]]:
        """Every line the services logged, or those after `since`; what is no JSON object comes as `{"event": line, "level": "raw"}`."""
        for service in SERVICES:
            with self.mesh.instance.log(service).open("rb") as stream:
                stream.seek((since or {}).get(service, 0))
                for line in stream:
                    yield {"service": service} | _parsed(line.decode().rstrip("\n"))


def _parsed(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"event": line, "level": "raw"}
