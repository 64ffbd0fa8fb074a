"""What still waits anywhere in the mesh: rows that are due, messages that lie in queues, attempts nobody concluded."""

from collections.abc import Iterable
from pathlib import Path

import aio_pika
import asyncpg

from deploy.local.programs import SERVICES
from shared import accounts
from shared.topology import inlets

# name → (service, what must be zero). Rows that operators are shown (parked, exhausted) count: a campaign heals, so none may be left.
QUESTIONS: dict[str, tuple[str, str]] = {
    **{f"outbox {service}": (service, "SELECT count(*) FROM outbox") for service in SERVICES},
    "payments overdue": ("api", "SELECT count(*) FROM payments WHERE due_at < now()"),
    "attempts without outcome": ("executor", "SELECT count(*) FROM attempts WHERE state = 'started'"),
    "verifications open": ("verifier", "SELECT count(*) FROM verifications WHERE state IN ('open', 'exhausted')"),
    "deliveries due": ("notifier", "SELECT count(*) FROM deliveries WHERE state IN ('due', 'parked')"),
    "outcomes not folded": ("metrics", "SELECT count(*) FROM outcomes WHERE folded_at IS NULL"),
}


async def in_databases(urls: dict[str, str]) -> dict[str, int]:
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


async def in_queues(url: str, gateways: Iterable[str]) -> dict[str, int]:
    """Ready messages of every durable queue and its dead letters."""
    connection = await aio_pika.connect(url, timeout=5)
    found: dict[str, int] = {}
    async with connection:
        channel = await connection.channel()
        for inlet in inlets(gateways):
            for name in (inlet.queue, inlet.dead_queue):
                queue = await channel.declare_queue(name, passive=True)
                found[f"queue {name}"] = queue.declaration_result.message_count or 0
    return found


async def everywhere(database_urls: dict[str, str], rabbitmq_url: str, gateways_file: Path) -> dict[str, int]:
    names = [account.name for account in accounts.load(gateways_file)]
    return {**await in_databases(database_urls), **await in_queues(rabbitmq_url, names)}
