"""The broker in FastStream's words, with the defaults a payment system needs."""

from typing import TypeAlias

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
HEARTBEAT_S = 10  # a black-holed connection is noticed within two of these


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


def queue(inlet: topology.Inlet) -> RabbitQueue:
    """For consuming: only checked, so that a missing queue fails the start loudly instead of swallowing messages in a new one."""
    return RabbitQueue(inlet.queue, queue_type=QueueType.QUORUM, declare=False)
