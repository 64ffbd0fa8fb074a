"""A service's life: start, run until told to stop or until a part dies, stop in order."""

import asyncio
import gc
import resource
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
import uvloop

from shared import log as logs
from shared.messaging.failure import patiently
from shared.messaging.rabbit import connected
from shared.runtime.parts import Parts, every
from shared.storage import pruner

FILES_MAX = 65_536  # connections and files open at once, where the machine allows it; systems often begin with 1,024

log = structlog.get_logger()


def serve(parts: Parts) -> None:
    """Run until SIGTERM or SIGINT (exit 0) or until a part dies (raises, so that a supervisor starts the process anew)."""
    # What importing and wiring made lives as long as the process: no collection need look at it again. Messages die young and
    # without cycles, so young collections seldom find anything: a rarer look saves about 4 % of a busy service's CPU.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    allow_files(FILES_MAX)
    logs.configure(service=parts.name, log_format=parts.settings.log_format, level=parts.settings.log_level)
    uvloop.run(_serve(parts))


def allow_files(most: int) -> None:
    """The notifier alone may hold 2,000 connections. Never less than it was, never more than the machine's hard limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


async def _serve(parts: Parts) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await parts.ops.start()
    running: dict[asyncio.Task[Any], str] = {}
    living, stopping = asyncio.ensure_future(_live(parts, running)), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({living, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if living.done():
            living.result()
        log.info("stopping")
        parts.ops.stopping = True
        await _drain(parts)
    finally:
        for task in (living, stopping, *running):
            task.cancel()
        await asyncio.gather(living, stopping, *running, return_exceptions=True)
        await asyncio.gather(parts.ears.stop(), parts.mouth.stop(), parts.ops.stop(), return_exceptions=True)
        await asyncio.gather(*(act() for act in parts.after_stop), return_exceptions=True)
        await asyncio.gather(parts.engine.dispose(), parts.relay.engine.dispose())
        log.info("stopped")


async def _live(parts: Parts, running: dict[asyncio.Task[Any], str]) -> None:
    """Start, then raise when a part ends. Servers that are away at the start are waited for; a queue that is missing is not."""
    await connected(parts.mouth)
    await connected(parts.ears)
    tasks: dict[str, Callable[[], Awaitable[None]]] = {
        "committer": parts.unit_of_work.run,
        "relay": parts.relay.run,
        "pruner": every(pruner.EVERY_S, parts.pruner.once),
        **parts.tasks,
    }
    for name, run in tasks.items():
        running[asyncio.ensure_future(run())] = name
    for act in parts.on_start:
        await patiently(act)
    await parts.ears.start()
    log.info("started", queues=[inlet.queue for inlet in parts.bound])
    done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        raise RuntimeError(f"{parts.name}: its {running[task]} ended") from task.exception()


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
