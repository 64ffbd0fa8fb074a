"""What names stand for, looked up in threads of its own: a name whose servers do not answer blocks its thread for half a minute, and the
event loop has four for all lookups of the process."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

from aiohttp.abc import AbstractResolver, ResolveResult

THREADS_MAX = 64  # made as they are needed; aiohttp looks a name up once, however many wait for it


class Names(AbstractResolver):
    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="names")

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """Every address, in the system's order. Raises OSError where there is none."""

        def look_up() -> list[ResolveResult]:
            found = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
            return [
                ResolveResult(hostname=host, host=str(address[0]), port=port, family=kind, proto=protocol, flags=0)
                for kind, _, protocol, _, address in found
            ]

        return await asyncio.get_running_loop().run_in_executor(self.threads, look_up)

    async def close(self) -> None:
        """Nobody waits for what is under way."""
        self.threads.shutdown(wait=False, cancel_futures=True)
