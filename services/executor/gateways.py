"""The way out: HTTP to gateway accounts, each with its own connections, concurrency limit and timeout."""

import asyncio
import time
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp

from shared.accounts import Account
from shared.gateways import CODECS, Codec, HttpRequest, HttpResponse

T = TypeVar("T")
ANSWER_BYTES_MAX = 1 << 20
LATE_ANSWER_S = 30.0  # how long an answer is still listened for after its attempt was given up as unknown
LATE_MAX = 200  # calls listened to beyond their deadline, per account
KEEPALIVE_S = 8.0  # below what gateways keep an idle connection open: a POST on a closed one has an unknown outcome


class NotConnected(Exception):
    """The request was never sent: proof that nothing was charged."""


class Unanswered(Exception):
    """The request may have been sent, and no whole answer came back. Its text is the reason."""


@dataclass(frozen=True, slots=True)
class TimedOut:
    """No answer in time; the call goes on. `late` is its task."""

    late: "asyncio.Task[HttpResponse] | None"


class Gateway:
    """One account. `slots` bounds the calls under way; lookups have slots of their own, so a hanging charge delays no question."""

    def __init__(self, account: Account, *, timeout_ms: int) -> None:
        if missing := account.missing_variables():
            raise ValueError(f"gateway account {account.name}: the environment lacks {', '.join(missing)}")
        self.account, self.codec = account, self._codec(account)
        self.timeout_s = (account.timeout_ms or timeout_ms) / 1000
        self.slots = asyncio.Semaphore(account.concurrency_max)
        self.lookup_slots = asyncio.Semaphore(max(1, account.concurrency_max // 4))
        self.late: set[asyncio.Task[Any]] = set()
        self.session: aiohttp.ClientSession | None = None

    @staticmethod
    def _codec(account: Account) -> Codec:
        if account.kind not in CODECS:
            raise ValueError(f"gateway account {account.name}: no codec speaks {account.kind!r}; known: {', '.join(sorted(CODECS))}")
        return CODECS[account.kind]

    async def open(self) -> None:
        connector = aiohttp.TCPConnector(limit=self.account.concurrency_max * 2 + LATE_MAX, keepalive_timeout=KEEPALIVE_S)
        timeout = aiohttp.ClientTimeout(total=self.timeout_s + LATE_ANSWER_S, sock_connect=min(2.0, self.timeout_s))
        self.session = aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=True)

    async def close(self) -> None:
        for task in self.late:
            task.cancel()
        if self.session:
            await self.session.close()

    async def call(self, request: HttpRequest, *, timeout_s: float) -> HttpResponse | TimedOut:
        """Raises NotConnected or Unanswered. A call that is given up is not cut: a charge that it made must not be forgotten."""
        task = asyncio.ensure_future(self._send(request))
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.shield(task)
        except TimeoutError:
            if len(self.late) >= LATE_MAX:
                task.cancel()
                with suppress(asyncio.CancelledError, NotConnected, Unanswered):
                    await task
                return TimedOut(None)
            self.late.add(task)
            task.add_done_callback(self.late.discard)
            return TimedOut(task)
        except asyncio.CancelledError:
            task.cancel()
            raise

    async def _send(self, request: HttpRequest) -> HttpResponse:
        assert self.session is not None, "open() comes first"  # noqa: S101
        try:
            async with self.session.request(
                request.method, request.url, data=request.body or None, headers=request.headers, allow_redirects=False
            ) as response:
                body = await response.content.read(ANSWER_BYTES_MAX)
                return HttpResponse(response.status, response.headers, body)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotConnected(type(error).__name__) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unanswered(type(error).__name__) from error


async def timed(call: Awaitable[T]) -> tuple[T, int]:
    """An answer and its latency in milliseconds."""
    started = time.perf_counter()
    answer = await call
    return answer, round((time.perf_counter() - started) * 1000)


class Gateways:
    """The accounts this process serves."""

    def __init__(self, accounts: Iterable[Account], *, timeout_ms: int) -> None:
        self.by_name = {account.name: Gateway(account, timeout_ms=timeout_ms) for account in accounts}

    def __getitem__(self, name: str) -> Gateway:
        return self.by_name[name]

    async def open(self) -> None:
        for gateway in self.by_name.values():
            await gateway.open()

    async def close(self) -> None:
        for gateway in self.by_name.values():
            await gateway.close()
