"""An endpoint that says exactly the bytes it is told to, for what no web framework would answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

from services.notifier.secrets import Secrets
from services.notifier.store import Due

Say = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Server:
    """`requests` are the heads that came, `connections` how many were made, `open` how many are; `left` is set while none is."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.requests: list[str] = []
        self.connections = self.open = 0
        self.left = asyncio.Event()
        self.url = ""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.left.clear()
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                length = int(head.lower().partition("content-length: ")[2].partition("\r\n")[0])
                await reader.readexactly(length)
                self.requests.append(head)
                await self.say(writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()
            if not self.open:
                self.left.set()


@asynccontextmanager
async def saying(say: Say | bytes) -> AsyncIterator[Server]:
    """A server on a free port that answers every request so, and is gone at the end whoever is still connected."""

    async def write(writer: asyncio.StreamWriter) -> None:
        assert isinstance(say, bytes)
        writer.write(say)

    server = Server(write if isinstance(say, bytes) else say)
    talks: set[asyncio.Task[None]] = set()

    def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(task := asyncio.ensure_future(server.talk(reader, writer)))
        task.add_done_callback(talks.discard)

    listening = await asyncio.start_server(talk, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/hooks"
    try:
        yield server
    finally:
        listening.close()
        for task in list(talks):
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


def due_to(url: str, secrets: Secrets, *keys: str, body: bytes = b'{"type":"x"}', endpoint_id: str = "we_1") -> Due:
    """A first try of some delivery."""
    return Due(uuid4(), endpoint_id, url, tuple(secrets.seal(endpoint_id, key) for key in keys), body, 0)
