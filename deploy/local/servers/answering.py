"""Whether a server answers: a real login, since an open port is promised long before."""

import asyncio
import socket
import time
from urllib.parse import urlsplit

from deploy.local.errors import StartFailed
from deploy.local.servers import Server

LOGIN_TIMEOUT_S = 5.0
DEFAULT_PORTS = {"postgresql": 5432, "amqp": 5672, "amqps": 5671}


async def _postgres_login(url: str) -> None:
    import asyncpg  # 0.15 s: not for `./paymesh status`

    connection = await asyncpg.connect(url)
    try:
        await connection.fetchval("SELECT 1")
    finally:
        await connection.close()


async def _rabbitmq_login(url: str) -> None:
    import aiormq  # 0.15 s: not for `./paymesh status`

    connection = await aiormq.connect(url)
    try:
        await connection.channel()
    finally:
        await connection.close()


def log_in(url: str) -> None:
    """Log in at postgresql://… or amqp[s]://… and out again; raises whatever the client does, TimeoutError after 5 s."""
    parts = urlsplit(url)
    # The port first: clients spend CPU on a server that boots, and one of them logs every refusal.
    socket.create_connection((parts.hostname or "127.0.0.1", parts.port or DEFAULT_PORTS[parts.scheme]), LOGIN_TIMEOUT_S).close()

    async def attempt() -> None:
        async with asyncio.timeout(LOGIN_TIMEOUT_S):
            await (_rabbitmq_login(url) if parts.scheme.startswith("amqp") else _postgres_login(url))

    asyncio.run(attempt())


def wait_until_answering(server: Server, timeout_s: float) -> None:
    """Return when a login works. Raises StartFailed with the end of the log when the server ended meanwhile or the time is over."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            log_in(server.url)
        except Exception as error:  # whatever the client raises while the server boots; the last one is reported
            if not server.alive():
                raise StartFailed(f"{server.name} did not start: {server.ending()}", server.tail()) from error
            if time.monotonic() >= deadline:
                raise StartFailed(f"{server.name} does not answer after {timeout_s:.0f} s: {error}", server.tail()) from error
            time.sleep(0.1)
        else:
            return
