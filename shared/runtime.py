"""A service's life: build, start, run until told to stop or until a part dies, stop in order."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
import uvloop
from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared import log as logs
from shared.messaging.handlers import Hears
from shared.messaging.rabbit import Broker, connect
from shared.messaging.relay import Relay
from shared.ops import NotReady, OpsPort, Probe
from shared.settings import Settings
from shared.storage import pruner
from shared.storage.blame import Blame, blame
from shared.storage.engine import build as build_engine
from shared.storage.unit_of_work import UnitOfWork
from shared.storage.writer import Writer
from shared.topology import Inlet

OUTBOX_AGE_READY_S = 60.0  # an older undelivered row means that nobody hears this service

log = structlog.get_logger()


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
        self.ops = OpsPort(probes_of(self), host=self.settings.ops_host, port=self.settings.ops_port)


def build(name: str, settings: Settings, *, inbox: Table, outbox: Table) -> Parts:
    engine = build_engine(settings, service=name)
    ears = connect(settings.rabbitmq_url, service=name, stop_timeout_s=settings.stop_timeout_s)
    mouth = connect(settings.rabbitmq_url, service=name, stop_timeout_s=settings.stop_timeout_s)
    writer = Writer(outbox)
    relay = Relay(engine, outbox, mouth)
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


def serve(parts: Parts) -> None:
    """Run until SIGTERM or SIGINT (exit 0) or until a part dies (raises, so that a supervisor starts the process anew)."""
    logs.configure(service=parts.name, log_format=parts.settings.log_format, level=parts.settings.log_level)
    uvloop.run(_serve(parts))


async def _serve(parts: Parts) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await parts.ops.start()
    running: dict[asyncio.Task[Any], str] = {}
    try:
        await parts.mouth.connect()
        for name, run in {
            "committer": parts.unit_of_work.run,
            "relay": parts.relay.run,
            "pruner": every(pruner.EVERY_S, parts.pruner.once),
            **parts.tasks,
        }.items():
            running[asyncio.ensure_future(run())] = name
        for act in parts.on_start:
            await act()
        await parts.ears.start()
        log.info("started", queues=[inlet.queue for inlet in parts.bound])
        stopping = asyncio.ensure_future(stop.wait())
        done, _ = await asyncio.wait({*running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopping}:
            log.error("part_ended", part=running[task], exc_info=task.exception())
            raise RuntimeError(f"{parts.name}: its {running[task]} ended") from task.exception()
        log.info("stopping")
        parts.ops.stopping = True
        await _drain(parts)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await asyncio.gather(parts.ears.stop(), parts.mouth.stop(), parts.ops.stop(), return_exceptions=True)
        await asyncio.gather(*(act() for act in parts.after_stop), return_exceptions=True)
        await parts.engine.dispose()
        log.info("stopped")


async def _drain(parts: Parts) -> None:
    """Stop consuming, let handlers finish, run the relay dry; what a deadline cuts off is redelivered or still in the outbox."""
    try:
        async with asyncio.timeout(parts.settings.stop_timeout_s):
            for act in parts.on_stop:
                await act()
            await parts.ears.stop()
            await parts.unit_of_work.at_rest.wait()
            await parts.relay.at_rest.wait()
    except TimeoutError:
        log.warning("stopped_before_dry", pending=len(parts.unit_of_work.pending), unsent=len(parts.relay.offered))


def probes_of(parts: Parts) -> Mapping[str, Probe]:
    """Readiness that means something: the database answers, our queues have a consumer, and what we say leaves."""
    oldest = text(
        "SELECT coalesce(extract(epoch FROM now() - min(due_at)), 0) FROM"
        " (SELECT due_at FROM outbox WHERE parked_at IS NULL ORDER BY due_at LIMIT 1) AS first"
    )

    async def database() -> str:
        async with parts.engine.connect() as connection:
            overdue_s = float((await connection.execute(oldest)).scalar_one())
        if overdue_s > OUTBOX_AGE_READY_S:
            raise NotReady(f"the oldest outbox row is {overdue_s:.0f} s overdue")
        return "answers"

    async def consumers() -> str:
        channel = await (await _connection(parts.ears)).channel()
        try:
            for inlet in parts.bound:
                queue = await channel.declare_queue(inlet.queue, passive=True)
                if not queue.declaration_result.consumer_count:
                    raise NotReady(f"{inlet.queue} has no consumer")
        finally:
            await channel.close()
        return f"{len(parts.bound)} queues consumed"

    async def publisher() -> str:
        if not await parts.mouth.ping(timeout=1.0):
            raise NotReady("the publishing connection is down")
        return "connected"

    return {"database": database, "consumers": consumers, "publisher": publisher}


async def _connection(broker: Broker) -> Any:
    connection = broker._connection
    if connection is None or not connection.connected.is_set():
        raise NotReady("not connected to the broker")
    return connection
