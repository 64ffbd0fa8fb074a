"""The broker in FastStream's words, with the defaults a payment system needs."""

import asyncio
from typing import TypeAlias

import structlog
from aio_pika.exceptions import AMQPConnectionError
from faststream import AckPolicy
from faststream.rabbit import Channel, ExchangeType, QueueType, RabbitBroker, RabbitExchange, RabbitQueue

from shared import topology
from shared.messaging.envelope import unpack

Broker: TypeAlias = RabbitBroker

EXCHANGES = {
    topology.DEFAULT: RabbitExchange(),
    topology.COMMANDS: RabbitExchange(topology.COMMANDS, type=ExchangeType.DIRECT, durable=True),
    topology.EVENTS: RabbitExchange(topology.EVENTS, type=ExchangeType.TOPIC, durable=True),
    topology.DEAD: RabbitExchange(topology.DEAD, type=ExchangeType.DIRECT, durable=True),
    topology.BROADCAST: RabbitExchange(topology.BROADCAST, type=ExchangeType.TOPIC, durable=True),
}
AWAY_PAUSE_S = 1.0
HEARTBEAT_S = 10  # a black-holed connection is noticed within two of these


log = structlog.get_logger()


def connect(url: str, *, service: str, stop_timeout_s: float = 20.0) -> Broker:
    """A broker that is not connected yet.

    A service has two, one to consume and one to publish, so that back pressure on one never stops the other.
    """
    separator = "&" if "?" in url else "?"
    return RabbitBroker(
        f"{url}{separator}heartbeat={HEARTBEAT_S}",
        app_id=f"paymesh-{service}",
        ack_policy=AckPolicy.REJECT_ON_ERROR,
        graceful_timeout=stop_timeout_s,
        reconnect_interval=0.5,
        apply_types=False,
        default_channel=Channel(publisher_confirms=True, on_return_raises=True),
        decoder=unpack,
        logger=None,
    )


async def connected(broker: Broker) -> None:
    """Connect, however long the broker is away at the start."""
    said = False
    while True:
        try:
            await broker.connect()
            return
        except (AMQPConnectionError, OSError) as error:
            if not said:
                log.warning("broker_away", error=type(error).__name__)
            said = True
        await asyncio.sleep(AWAY_PAUSE_S)


def queue(inlet: topology.Inlet) -> RabbitQueue:
    """For consuming: only checked, so that a missing queue fails the start loudly instead of swallowing messages in a new one."""
    return RabbitQueue(inlet.queue, queue_type=QueueType.QUORUM, declare=False)
