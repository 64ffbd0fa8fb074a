"""The way out: HTTP to gateway accounts, each with its own connections, concurrency limit and timeout."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import aiohttp

from services.executor.domain import pacing
from services.executor.domain.classes import Classes, Overrides, classified, unpaid
from shared.accounts import Account
from shared.clock import monotonic_s
from shared.contracts import Attempt
from shared.gateways import CODECS, Answer, Codec, Finding, HttpRequest, HttpResponse, Page, Prepared, Refused, Unclear

ANSWER_BYTES_MAX = 1 << 20
LATE_ANSWER_S = 30.0  # how long an answer is still listened for after its attempt was given up as unknown
LATE_MAX = 200  # calls listened to beyond their deadline, per account
KEEPALIVE_S = 8.0  # below what gateways keep an idle connection open: a POST on a closed one has an unknown outcome
LEAST_S = 0.1  # with less left a call is not made: its outcome would almost surely be unknown


class NotConnected(Exception):
    """The request was never sent: proof that nothing was charged."""


class Unanswered(Exception):
    """The request may have been sent, and no whole answer came back. Its text is the reason."""


@dataclass(frozen=True, slots=True)
class TimedOut:
    """No answer in time; the call goes on. `late` is its task."""

    late: "asyncio.Task[HttpResponse] | None"


class Pacer:
    """One account's pace, for all calls of this process."""

    def __init__(self) -> None:
        self.pacing = pacing.FREE

    def wait_s(self) -> float:
        """How long a call that came now would wait."""
        return pacing.wait_s(self.pacing, monotonic_s())

    def take(self) -> float:
        """Take the next place: in how many seconds it is."""
        self.pacing, wait_s = pacing.sent(self.pacing, monotonic_s())
        return wait_s

    def hear(self, response: HttpResponse) -> None:
        if response.status == 429:
            retry_after_s = pacing.retry_after_s(response.headers.get("Retry-After", ""))
            self.pacing = pacing.refused(self.pacing, monotonic_s(), retry_after_s=retry_after_s)


class Gateway:
    """One account. `slots` bounds the calls under way; lookups have slots of their own, so a hanging charge delays no question."""

    def __init__(self, account: Account, *, timeout_ms: int, classes: Classes | None = None) -> None:
        if missing := account.missing_variables():
            raise ValueError(f"gateway account {account.name}: the environment lacks {', '.join(missing)}")
        self.account, self.codec = account, self._codec(account)
        self.classes = classes or Classes()
        self.timeout_s = (account.timeout_ms or timeout_ms) / 1000
        self.least_s = min(LEAST_S, self.timeout_s / 10)
        self.pacer = Pacer()
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

    @property
    def overrides(self) -> Overrides:
        """What operators say of this gateway's codes, now."""
        return self.classes.of(self.account.kind)

    def read(self, response: HttpResponse, attempt: Attempt) -> Answer:
        return classified(self.codec.read(response, attempt), self.overrides)

    def read_prepared(self, response: HttpResponse, attempt: Attempt) -> Prepared | Refused:
        found = self.codec.read_prepared(response, attempt)
        return unpaid(found, self.overrides) if isinstance(found, Refused) else found

    def read_lookup(self, response: HttpResponse, attempt: Attempt) -> Finding:
        return classified(self.codec.read_lookup(response, attempt), self.overrides)

    def read_list(self, response: HttpResponse, cursor: str | None = None) -> Page | Unclear:
        page = self.codec.read_list(response, cursor)
        if isinstance(page, Unclear):
            return page
        return replace(page, items=tuple(replace(item, finding=classified(item.finding, self.overrides)) for item in page.items))

    async def enter(self, within_s: float) -> bool:
        """Take a slot, to be given back with `slots.release`; False where none came free in time."""
        try:
            async with asyncio.timeout(max(0.0, within_s)):
                await self.slots.acquire()
        except TimeoutError:
            return False
        return True

    async def turn(self, left_s: float) -> bool:
        """Wait until the account may be called again, if a whole timeout of `left_s` is left after that; False where it is not."""
        if self.pacer.wait_s() > max(0.0, left_s - self.timeout_s):
            return False
        if (wait_s := self.pacer.take()) > 0:
            await asyncio.sleep(wait_s)
        return True

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
                answer = HttpResponse(response.status, response.headers, body)
                self.pacer.hear(answer)
                return answer
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotConnected(type(error).__name__) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unanswered(type(error).__name__) from error


class Gateways:
    """The accounts this process serves."""

    def __init__(self, accounts: Iterable[Account], *, timeout_ms: int, classes: Classes | None = None) -> None:
        self.by_name = {account.name: Gateway(account, timeout_ms=timeout_ms, classes=classes) for account in accounts}

    def __getitem__(self, name: str) -> Gateway:
        return self.by_name[name]

    async def open(self) -> None:
        for gateway in self.by_name.values():
            await gateway.open()

    async def close(self) -> None:
        for gateway in self.by_name.values():
            await gateway.close()
