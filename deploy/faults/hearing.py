"""Two of the guards: what the router does not hear. Off, its queue is bound to unknown outcomes, and it answers them as refusals."""

import asyncio
import os
from dataclasses import replace
from typing import Any

import aio_pika

from deploy.faults.swap import named
from shared import topology
from shared.contracts import AttemptUnknown
from shared.storage.work import Work

BROKER_PAUSE_S = 0.5


def wait_for_the_verifier() -> None:
    """The router goes on after a proven negative only. Off: an unknown outcome is followed by the next gateway."""
    hear_unknown(retryable=True)


def give_up_on_proof() -> None:
    """The router's last word follows a proven negative. Off: it follows an unknown outcome as well."""
    hear_unknown(retryable=False)


def hear_unknown(*, retryable: bool) -> None:
    """Bind the router's queue to unknown outcomes, and answer them as if they were refusals."""
    heard = replace(topology.ROUTER_OUTCOMES, hears=(*topology.ROUTER_OUTCOMES.hears, AttemptUnknown))
    asyncio.run(bind(heard.queue, heard.exchange, AttemptUnknown.kind_of()))
    topology.ROUTER_OUTCOMES = heard  # before the router's own module is imported, which names it
    after, hears, route_of = (named(f"services.router.{name}") for name in ("consumers:_after", "consumers:hears", "store:route_of"))

    def attempt_unknown(event: AttemptUnknown, work: Work, picture: Any, waiting: Any) -> None:
        after(event, event.attempt, "UNKNOWN", retryable, work, picture, waiting)

    hears(heard, loads=route_of)(attempt_unknown)


async def bind(queue: str, exchange: str, routing_key: str) -> None:
    while True:
        try:
            async with await aio_pika.connect(os.environ["PAYMESH_RABBITMQ_URL"], timeout=5) as connection:
                await (await (await connection.channel()).get_queue(queue)).bind(exchange, routing_key)
                return
        except (TimeoutError, aio_pika.exceptions.AMQPException, OSError):
            await asyncio.sleep(BROKER_PAUSE_S)
