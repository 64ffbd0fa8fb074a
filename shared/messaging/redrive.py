"""For operators: what lies in the dead letters and why, and how it gets another chance.

    python -m shared.messaging.redrive                      how many lie where
    python -m shared.messaging.redrive show QUEUE           kind, payment and reason of each (at most 100)
    python -m shared.messaging.redrive again QUEUE          send them back to their queue, on the first rung

A message older than the inbox keeps (7 days) stays where it is: nobody could tell any more whether it has been done.
"""

import asyncio
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aio_pika
import orjson
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from shared import accounts
from shared.clock import utc_now
from shared.messaging.envelope import REASON, RUNG
from shared.storage.pruner import KEEP_DAYS
from shared.topology import inlets

SHOWN_MAX = 100
DEATH = "x-first-death-reason"  # the broker's own word, for what it dead-lettered itself


@dataclass(frozen=True, slots=True)
class DeadLetter:
    kind: str
    payment_id: str
    occurred_at: str
    reason: str


def read(message: AbstractIncomingMessage) -> Iterator[DeadLetter]:
    """What an envelope holds; a body that is no contract is one letter that says so. Bodies are not shown: they are others' data."""
    reason = str(message.headers.get(REASON) or message.headers.get(DEATH) or "no reason was given")
    try:
        contracts = orjson.loads(message.body)
        for one in contracts:
            yield DeadLetter(one["kind"], one["correlation_id"], one["occurred_at"], reason)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        yield DeadLetter("malformed", "", "", reason)


def too_old(letters: list[DeadLetter], now: datetime) -> bool:
    """Also where nobody can tell."""
    oldest = now - timedelta(days=KEEP_DAYS)
    return any(not letter.occurred_at or datetime.fromisoformat(letter.occurred_at) < oldest for letter in letters)


async def counts(channel: AbstractChannel, gateways: list[str]) -> dict[str, int]:
    """Queue → how many envelopes lie in its dead letters."""
    found: dict[str, int] = {}
    for inlet in inlets(gateways):
        found[inlet.queue] = await count(channel, inlet.dead_queue)
    return found


async def count(channel: AbstractChannel, queue_name: str) -> int:
    return (await channel.declare_queue(queue_name, passive=True)).declaration_result.message_count or 0


async def show(channel: AbstractChannel, queue_name: str) -> list[DeadLetter]:
    """Looks and leaves everything where it is."""
    queue = await channel.get_queue(f"{queue_name}.dead")
    letters: list[DeadLetter] = []
    held: list[AbstractIncomingMessage] = []
    while len(letters) < SHOWN_MAX and (message := await queue.get(fail=False)) is not None:
        held.append(message)
        letters += read(message)
    for message in held:
        await message.nack(requeue=True)
    return letters


async def again(channel: AbstractChannel, queue_name: str) -> tuple[int, int]:
    """How many envelopes went back to their queue, and how many are too old or malformed and stayed.

    Each is acknowledged only after the broker has confirmed its copy; a crash between leaves two, which the inbox makes one.
    """
    dead_queue = f"{queue_name}.dead"
    queue = await channel.get_queue(dead_queue)
    went = stayed = 0
    for _ in range(await count(channel, dead_queue)):  # those that stay go to the end, and are not met again
        message = await queue.get(fail=False)
        if message is None:
            break
        if too_old(list(read(message)), utc_now()):
            await channel.default_exchange.publish(_copy(message, message.headers), dead_queue, mandatory=True)
            stayed += 1
        else:
            await channel.default_exchange.publish(_copy(message, {RUNG: 0, REASON: ""}), queue_name, mandatory=True)
            went += 1
        await message.ack()
    return went, stayed


def _copy(message: AbstractIncomingMessage, headers: Any) -> aio_pika.Message:
    return aio_pika.Message(
        message.body,
        headers=dict(headers),
        content_type=message.content_type,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=message.message_id,
        type=message.type,
    )


async def main(arguments: list[str]) -> int:
    gateways_file = Path(os.environ.get("PAYMESH_GATEWAYS_FILE", "deploy/gateways.toml"))
    names = [account.name for account in accounts.load(gateways_file)]
    queues = {inlet.queue for inlet in inlets(names)}
    match arguments:
        case []:
            act = None
        case ["show" | "again" as act, queue] if queue in queues:
            pass
        case _:
            sys.stdout.write(f"{__doc__}\nqueues: {', '.join(sorted(queues))}\n")
            return 0 if arguments in (["--help"], ["-h"]) else 2
    connection = await aio_pika.connect(os.environ["PAYMESH_RABBITMQ_URL"])
    async with connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        if act is None:
            for name, count in (await counts(channel, names)).items():
                sys.stdout.write(f"{count:6} {name}\n")
        elif act == "show":
            for letter in await show(channel, queue):
                sys.stdout.write(f"{letter.occurred_at}  {letter.kind}  {letter.payment_id}  {letter.reason}\n")
        else:
            went, stayed = await again(channel, queue)
            sys.stdout.write(f"{went} sent back to {queue}, {stayed} stay: malformed, or older than {KEEP_DAYS} days\n")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
