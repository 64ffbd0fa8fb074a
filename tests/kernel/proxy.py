"""A wire between a client and a server that a test may cut, hold, or rob of one answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

CHUNK_BYTES = 65_536


@dataclass
class Wire:
    """Passes everything on until told otherwise. `lost` is set once the awaited answer has been swallowed."""

    host: str
    port: int
    answers: asyncio.Event = field(default_factory=asyncio.Event)  # cleared: what the server says waits here
    age: int = 0  # connections of an earlier age have fallen silent
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    question: bytes | None = None
    ends: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = field(default_factory=set)
    abandoning: bool = False
    passing: set[asyncio.Task[None]] = field(default_factory=set)
    listener: asyncio.Server | None = None

    async def open(self) -> None:
        self.answers.set()
        self.listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    def url(self, url: str) -> str:
        """The server's URL with this wire's address in it."""
        assert self.listener is not None
        return url.replace(f":{self.port}/", f":{self.listener.sockets[0].getsockname()[1]}/")

    def lose_answer_to(self, question: bytes) -> None:
        """The next time a client says this, the server hears and answers, and the client finds its connection cut instead."""
        self.question = question
        self.lost.clear()

    def hold(self) -> None:
        """The server hears everything and the client hears nothing more."""
        self.answers.clear()

    def release(self) -> None:
        self.answers.set()

    def silence(self) -> None:
        """The connections there are stay open and say nothing more, as behind a firewall that forgot them; new ones are well."""
        self.age += 1

    def cut_clients(self) -> None:
        """Their ends only: the server goes on believing in them until it misses their heartbeats, or until `cut`."""
        self.abandoning = True
        for to_client, _ in self.ends:
            to_client.close()

    def cut(self) -> None:
        """Every connection, at both ends."""
        for end in self.ends:
            for writer in end:
                writer.close()

    async def close(self) -> None:
        assert self.listener is not None
        self.listener.close()
        self.cut()
        for task in self.passing:
            task.cancel()
        await asyncio.gather(*self.passing, return_exceptions=True)

    async def _accept(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            server, to_server = await asyncio.open_connection(self.host, self.port)
        except OSError:
            to_client.close()
            return
        robbed, end = asyncio.Event(), (to_client, to_server)
        self.ends.add(end)
        ways = (self._ask(client, to_server, robbed), self._answer(server, to_client, robbed))
        tasks = [asyncio.ensure_future(way) for way in ways]
        self.passing |= set(tasks)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            to_client.close()
            self.passing -= set(tasks)
            if not self.abandoning:
                to_server.close()
                self.ends.discard(end)

    async def _ask(self, client: asyncio.StreamReader, to_server: asyncio.StreamWriter, robbed: asyncio.Event) -> None:
        while data := await client.read(CHUNK_BYTES):
            if self.question and self.question in data:
                self.question = None
                robbed.set()
            to_server.write(data)
            await to_server.drain()

    async def _answer(self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter, robbed: asyncio.Event) -> None:
        age = self.age
        while data := await server.read(CHUNK_BYTES):
            await self.answers.wait()
            if age < self.age:
                continue
            if robbed.is_set():
                self.lost.set()
                return
            to_client.write(data)
            await to_client.drain()


@asynccontextmanager
async def wire_to(url: str) -> AsyncIterator[Wire]:
    """In front of the server at this URL."""
    parts = urlsplit(url)
    wire = Wire(parts.hostname or "127.0.0.1", parts.port or 0)
    await wire.open()
    try:
        yield wire
    finally:
        await wire.close()
