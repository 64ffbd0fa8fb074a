"""What every service is made of, and how it is put together from its settings. Building does no I/O."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.messaging.answers import Answering, Answers
from shared.messaging.handlers import Hears
from shared.messaging.rabbit import Broker, connect
from shared.messaging.relay import Relay
from shared.ops import OpsPort
from shared.runtime.readiness import probes_of
from shared.settings import Settings
from shared.storage import pruner
from shared.storage.blame import Blame, blame
from shared.storage.engine import build as build_engine
from shared.storage.unit_of_work import UnitOfWork
from shared.storage.writer import Writer
from shared.topology import Inlet


@dataclass(kw_only=True)
class Parts:
    """What every service is made of. Building it does no I/O."""

    name: str
    settings: Settings
    engine: AsyncEngine
    writer: Writer
    unit_of_work: UnitOfWork
    relay: Relay
    pruner: pruner.Pruner
    ears: Broker  # consumes
    mouth: Broker  # publishes
    bound: Sequence[Inlet] = ()
    tasks: dict[str, Callable[[], Awaitable[None]]] = field(
        default_factory=dict
    )  # run beside committer and relay; one that ends ends the process
    on_start: list[Callable[[], Awaitable[None]]] = field(default_factory=list)  # after connecting, before consuming
    on_stop: list[Callable[[], Awaitable[None]]] = field(default_factory=list)  # first: stop taking work from outside
    after_stop: list[Callable[[], Awaitable[None]]] = field(default_factory=list)  # last: close what handlers used

    def __post_init__(self) -> None:
        self.ops = OpsPort(
            probes_of(self.engine, self.ears, self.mouth, lambda: self.bound), host=self.settings.ops_host, port=self.settings.ops_port
        )


def build(name: str, settings: Settings, *, inbox: Table, outbox: Table) -> Parts:
    engine = build_engine(settings, service=name)
    ears = connect(settings.rabbitmq_url, service=name, stop_timeout_s=settings.stop_timeout_s)
    mouth = connect(settings.rabbitmq_url, service=name, stop_timeout_s=settings.stop_timeout_s)
    writer = Writer(outbox)
    relay = Relay(build_engine(settings, service=f"{name}-relay", pool_size=1, durable=False), outbox, mouth)
    unit_of_work = UnitOfWork(engine, inbox, writer, said=relay.offer, batch_max=settings.batch_max, pending_max=settings.pending_max)
    return Parts(
        name=name,
        settings=settings,
        engine=engine,
        writer=writer,
        unit_of_work=unit_of_work,
        relay=relay,
        pruner=pruner.Pruner(engine, inbox),
        ears=ears,
        mouth=mouth,
    )


def bind(parts: Parts, hears: Hears, *, gateways: Sequence[str] = (), given: Mapping[str, Any]) -> None:
    parts.bound = hears.bind(parts.ears, parts.unit_of_work, gateways=gateways, given=given)


def answer(parts: Parts, answers: Answers, *, given: Mapping[str, Any]) -> None:
    """Call it after what else goes into `parts.on_start`: questions are answered from what that has loaded."""
    answering = Answering(answers, ears=parts.ears, mouth=parts.mouth, given=given)
    parts.on_start.append(answering.open)
    parts.on_stop.append(answering.close)


def every(period_s: float, act: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[None]]:
    """A task that repeats `act`. The database's absence ends no process; anything else does."""

    async def run() -> None:
        while True:
            await asyncio.sleep(period_s)
            try:
                await act()
            except Exception as error:
                if blame(error) is not Blame.AWAY:
                    raise

    return run
