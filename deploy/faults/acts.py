"""The hand that breaks things: what each act does to a running mesh, and that it is done whole or not at all."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
import asyncpg
import psutil

from deploy.local.errors import LocalError
from deploy.local.mesh import Mesh
from shared import accounts
from shared.topology import Inlet, inlets

UP_S = 40.0  # a service that is to be killed may still be down from before: its supervisor waits for half a minute at most
STALL_S = 0.8
UNBOUND_S = 2.5
STEALING_S = 1.5
CONNECT_TIMEOUT_S = 5.0


async def throw_away(message: aio_pika.abc.AbstractIncomingMessage) -> None:
    """What no_ack has taken off the queue is gone."""


class Acts:
    """Every method is one act. Raises LocalError where it could not be done."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        names = [account.name for account in accounts.load(mesh.blueprint.gateways_file)]
        self.inlets: list[Inlet] = list(inlets(names))

    async def kill(self, service: str) -> None:
        """SIGKILL behind its supervisor's back, as the kernel's memory killer would; one that is down is waited for."""
        os.kill(await self._up(service), signal.SIGKILL)

    async def restart(self, server: str) -> None:
        """SIGKILL a server and start it again at once."""
        await asyncio.to_thread(self.mesh.kill, server)
        await asyncio.to_thread(self.mesh.restart, server)

    async def strike(self, service: str) -> None:
        """Stall its database until messages pile up in its hands, and kill it while nothing of them can be committed."""
        await self._up(service)
        async with self._stalled(service):
            await asyncio.sleep(STALL_S)
            await self.kill(service)

    async def cut_off(self, service: str) -> None:
        """Let work pile up, freeze the broker, let the work be committed while nothing it says gets out, and crash the broker."""
        async with self._stalled(service):
            await asyncio.sleep(STALL_S)
            self._signal_family("rabbitmq", signal.SIGSTOP)
        await asyncio.sleep(STALL_S)
        await self.restart("rabbitmq")

    async def unbind(self, routing_key: str) -> None:
        """Take the bindings of a routing key away for a while: what is published under it reaches nobody."""
        bound = [(inlet.queue, inlet.exchange) for inlet in self.inlets if routing_key in inlet.routing_keys]
        if not bound:
            raise LocalError(f"nobody hears {routing_key}")
        async with self._channel() as channel:
            queues = [(await channel.get_queue(queue), exchange) for queue, exchange in bound]
            try:
                for queue, exchange in queues:
                    await queue.unbind(exchange, routing_key)
                await asyncio.sleep(UNBOUND_S)
            finally:
                for queue, exchange in queues:
                    await queue.bind(exchange, routing_key)

    async def steal(self, name: str) -> None:
        """Consume a queue beside its service and throw away what comes: every other message is lost."""
        async with self._channel() as channel:
            queue = await channel.get_queue(name)
            tag = await queue.consume(throw_away, no_ack=True)
            await asyncio.sleep(STEALING_S)
            await queue.cancel(tag)

    async def _up(self, service: str) -> int:
        """Its process, as soon as there is one."""
        until = time.monotonic() + UP_S
        while (pid := self.mesh.pids().get(service)) is None:
            if time.monotonic() > until:
                raise LocalError(f"{service} was not up for {UP_S:.0f} s")
            await asyncio.sleep(0.1)
        return pid

    def _signal_family(self, name: str, number: signal.Signals) -> None:
        pid = self.mesh.pids().get(name)
        if pid is None:
            raise LocalError(f"{name} is not ours to signal")
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            process.send_signal(number)

    @asynccontextmanager
    async def _stalled(self, service: str) -> AsyncIterator[None]:
        """Nothing can be claimed in its inbox, so nothing of its committer's next batch is committed."""
        url = self.mesh.blueprint.database_url(service).replace("+asyncpg", "")
        connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S)
        try:
            async with connection.transaction():
                await connection.execute("LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE")
                yield
        finally:
            await connection.close()

    @asynccontextmanager
    async def _channel(self) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
        connection = await aio_pika.connect(self.mesh.rabbitmq.url, timeout=CONNECT_TIMEOUT_S)
        async with connection:
            yield await connection.channel()
