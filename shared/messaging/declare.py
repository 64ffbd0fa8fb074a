"""Makes the topology true. Idempotent; run once per deploy, before any service starts."""

from collections.abc import Iterable
from pathlib import Path

from faststream.rabbit import QueueType, RabbitQueue
from faststream.rabbit.schemas.queue import QuorumQueueArgs

from shared import accounts, topology
from shared.messaging.rabbit import EXCHANGES, Broker, connect

QUEUE_LENGTH_MAX = 1_000_000


def arguments_of(inlet: topology.Inlet) -> QuorumQueueArgs:
    return {
        "x-delivery-limit": topology.DELIVERY_LIMIT,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",  # at-least-once dead-lettering asks for it; a full queue makes the relay keep its rows
        "x-max-length": QUEUE_LENGTH_MAX,
        "x-dead-letter-exchange": topology.DEAD,
        "x-dead-letter-routing-key": inlet.dead_queue,
    }


async def declare(broker: Broker, gateways: Iterable[str]) -> None:
    exchanges = {name: await broker.declare_exchange(exchange) for name, exchange in EXCHANGES.items()}
    for inlet in topology.inlets(gateways):
        queue = await broker.declare_queue(RabbitQueue(inlet.queue, queue_type=QueueType.QUORUM, arguments=arguments_of(inlet)))
        for key in inlet.routing_keys:
            await queue.bind(exchanges[inlet.exchange], routing_key=key)
        dead = await broker.declare_queue(RabbitQueue(inlet.dead_queue, queue_type=QueueType.QUORUM))
        await dead.bind(exchanges[topology.DEAD], routing_key=inlet.dead_queue)


async def declare_at(rabbitmq_url: str, gateways_file: Path) -> None:
    broker = connect(rabbitmq_url, service="topology")
    await broker.connect()
    try:
        await declare(broker, [account.name for account in accounts.load(gateways_file)])
    finally:
        await broker.stop()
