"""What still waits anywhere in the mesh: rows that are due, messages that lie in queues, attempts nobody concluded."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import aio_pika
import asyncpg
from aio_pika.exceptions import AMQPException
from pamqp.commands import Queue

from deploy.faults.mailbag import Letter
from deploy.local.mesh import Mesh
from deploy.local.programs import SERVICES
from shared import accounts
from shared.topology import inlets

UNCONSUMED_S = 10.0
# What a server that is away makes its clients raise; a channel that has closed raises RuntimeError.
AWAY = (TimeoutError, OSError, RuntimeError, AMQPException, asyncpg.PostgresError, asyncpg.InterfaceError)
AWAITED = "state = 'open' AND reason LIKE '%the payer has not acted: pending'"  # of whom nobody wants anything: the payment's time decides
AWAITED_PAYERS = "payers awaited"
LOOKUPS = "queue executor.lookup."
# name → (service, what must be zero, but for the payers). Rows that operators are shown (parked, exhausted) count: a campaign heals, so
# none may be left.
QUESTIONS: Mapping[str, tuple[str, str]] = {
    **{f"outbox {service}": (service, "SELECT count(*) FROM outbox") for service in SERVICES},
    "payments overdue": ("api", "SELECT count(*) FROM payments WHERE due_at < now()"),
    "operations under way": ("api", "SELECT count(*) FROM operations WHERE status IN ('processing', 'pending_verification', 'exhausted')"),
    "attempts without outcome": ("executor", "SELECT count(*) FROM attempts WHERE state = 'started'"),
    "verifications open": ("verifier", f"SELECT count(*) FROM verifications WHERE state IN ('open', 'exhausted') AND NOT ({AWAITED})"),
    AWAITED_PAYERS: ("verifier", f"SELECT count(*) FROM verifications WHERE {AWAITED}"),
    "gateway events unsettled": ("verifier", "SELECT count(*) FROM gateway_events WHERE settled_at IS NULL"),
    "gateway events unmatched": ("verifier", "SELECT count(*) FROM gateway_events WHERE state = 'unmatched'"),
    "deliveries due": ("notifier", "SELECT count(*) FROM deliveries WHERE state IN ('due', 'parked')"),
    "outcomes not folded": ("metrics", "SELECT count(*) FROM outcomes WHERE folded_at IS NULL"),
}


async def everywhere(mesh: Mesh) -> dict[str, int]:
    """Name → how many, zeros included. Raises one of AWAY where a server is."""
    blueprint = mesh.blueprint
    in_rows = await in_databases({service: blueprint.database_url(service) for service in SERVICES})
    return owed({**in_rows, **await in_queues(mesh.rabbitmq.url, blueprint.gateways_file)})


def owed(counts: Mapping[str, int]) -> dict[str, int]:
    """Without questions about payers who are awaited: they are asked about now and then, and whoever is killed may leave such a question in
    its queue. One about anybody else has an open verification, and that is counted."""
    found = dict(counts)
    awaited = found.pop(AWAITED_PAYERS)
    for name in found:
        if name.startswith(LOOKUPS) and not name.endswith(".dead"):
            spared = min(found[name], awaited)
            found[name], awaited = found[name] - spared, awaited - spared
    return found


async def in_databases(urls: Mapping[str, str]) -> dict[str, int]:
    """`urls`: service → its database."""
    found: dict[str, int] = {}
    for service in SERVICES:
        connection = await asyncpg.connect(urls[service].replace("+asyncpg", ""), timeout=5)
        try:
            for name, (owner, question) in QUESTIONS.items():
                if owner == service:
                    found[name] = await connection.fetchval(question)
        finally:
            await connection.close()
    return found


async def heard(mesh: Mesh) -> list[Letter]:
    """Every webhook of a gateway that the verifier keeps."""
    connection = await asyncpg.connect(mesh.blueprint.database_url("verifier").replace("+asyncpg", ""), timeout=5)
    try:
        return [Letter(*row) for row in await connection.fetch("SELECT gateway, event_id, body_sha256 FROM gateway_events")]
    finally:
        await connection.close()


async def in_queues(url: str, gateways_file: Path) -> dict[str, int]:
    """Ready messages of every durable queue and its dead letters. What a consumer holds unacknowledged is not seen while it lives."""
    return {f"queue {name}": state.message_count or 0 for name, state in (await declared(url, gateways_file)).items()}


async def unconsumed(mesh: Mesh) -> None:
    """Return when the broker has noticed that nobody consumes any more, and what was held is ready again. Raises one of AWAY."""
    async with asyncio.timeout(UNCONSUMED_S):
        while True:
            states = await declared(mesh.rabbitmq.url, mesh.blueprint.gateways_file)
            if not any(state.consumer_count for state in states.values()):
                return
            await asyncio.sleep(0.1)


async def declared(url: str, gateways_file: Path) -> "dict[str, Queue.DeclareOk]":
    """What the broker says of every durable queue of the mesh."""
    names = [account.name for account in accounts.load(gateways_file)]
    async with await aio_pika.connect(url, timeout=5) as connection:
        channel = await connection.channel()
        queues = [name for inlet in inlets(names) for name in (inlet.queue, inlet.dead_queue)]
        return {name: (await channel.declare_queue(name, passive=True)).declaration_result for name in queues}
