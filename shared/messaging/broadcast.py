"""Current pictures and live events: transient, unconfirmed, to each replica's own exclusive queue.

Whatever must arrive goes through an outbox instead.
"""

from collections.abc import Callable, Sequence

import structlog
from aio_pika.abc import AbstractIncomingMessage, AbstractRobustQueue
from faststream.rabbit import RabbitQueue

from shared.clock import new_id
from shared.contracts import Frozen
from shared.messaging.rabbit import EXCHANGES, Broker
from shared.topology import BROADCAST

WAITING_MAX = 10_000  # what a deaf replica may leave lying; the oldest goes first, because pictures supersede each other

log = structlog.get_logger()


async def say(broker: Broker, picture: Frozen, *, routing_key: str) -> None:
    """Raises what the broker raises; the caller says it again in a moment anyway."""
    await broker.publish(
        picture.model_dump_json().encode(), exchange=EXCHANGES[BROADCAST], routing_key=routing_key, persist=False, mandatory=False
    )


class Ear:
    """A replica's own queue. It may bind and unbind while running; the connection restores queue and bindings after a loss."""

    def __init__(self, broker: Broker, exchange: str, hear: Callable[[bytes], None]) -> None:
        self.broker, self.exchange, self.hear = broker, exchange, hear
        self.queue: AbstractRobustQueue | None = None

    async def open(self, keys: Sequence[str] = ()) -> None:
        name = f"ear.{new_id()}"
        declared = await self.broker.declare_queue(
            RabbitQueue(
                name, exclusive=True, durable=False, auto_delete=True, arguments={"x-max-length": WAITING_MAX, "x-overflow": "drop-head"}
            )
        )
        self.queue = declared
        for key in keys:
            await self.bind(key)
        await declared.consume(self._heard, no_ack=True)

    async def bind(self, key: str) -> None:
        assert self.queue is not None, "open() comes first"  # noqa: S101
        await self.queue.bind(await self.broker.declare_exchange(EXCHANGES[self.exchange]), routing_key=key)

    async def unbind(self, key: str) -> None:
        assert self.queue is not None, "open() comes first"  # noqa: S101
        await self.queue.unbind(await self.broker.declare_exchange(EXCHANGES[self.exchange]), routing_key=key)

    async def _heard(self, message: AbstractIncomingMessage) -> None:
        try:
            self.hear(message.body)
        except ValueError as error:  # pydantic's ValidationError is one: an older or newer picture than we read
            log.warning("unreadable_broadcast", routing_key=message.routing_key, error=type(error).__name__)
