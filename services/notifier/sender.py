"""The way out: signed POSTs to merchants' endpoints, from rows, each with a bound of its own so that a slow one delays nobody else."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Sequence

import aiohttp
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier import store
from services.notifier.addresses import AddressRefused, socket_factory
from services.notifier.domain.schedule import Answer, judge
from services.notifier.domain.signature import hex_signature, sign
from services.notifier.secrets import Secrets
from services.notifier.store import Due
from shared.clock import utc_now
from shared.messaging.failure import patiently
from shared.storage.blame import Blame, blame
from shared.storage.unit_of_work import UnitOfWork

FIRST_BYTE_TIMEOUT_S = 5.0
TIMEOUT_S = 15.0
LEASE_S = 30.0  # longer than a try may take: while it runs, the row is ours
ANSWER_BYTES_MAX = 4096
PER_ENDPOINT_MAX = 32  # tries under way at one endpoint
IN_HAND_MAX = 2_000  # deliveries in this process's hands; more wait in the table
IDLE_S = 0.25

log = structlog.get_logger()


class Sender:
    def __init__(
        self, engine: AsyncEngine, unit_of_work: UnitOfWork, secrets: Secrets, *, schedule_s: Sequence[float], allow_loopback: bool
    ) -> None:
        self.engine, self.unit_of_work, self.secrets = engine, unit_of_work, secrets
        self.schedule_s, self.allow_loopback = schedule_s, allow_loopback
        self.slots: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(PER_ENDPOINT_MAX))
        self.sending: set[asyncio.Task[None]] = set()
        self.session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=15, socket_factory=socket_factory(allow_loopback=self.allow_loopback))
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S, sock_connect=FIRST_BYTE_TIMEOUT_S, sock_read=FIRST_BYTE_TIMEOUT_S)
        self.session = aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False)

    async def close(self) -> None:
        """Tries under way are cut off: their leases end, and another replica makes them again."""
        for task in self.sending:
            task.cancel()
        await asyncio.gather(*self.sending, return_exceptions=True)
        if self.session:
            await self.session.close()

    def offer(self, due: Sequence[Due]) -> None:
        """Deliveries whose rows this process has just leased. What there is no room for is taken up when its lease ends."""
        for one in due[: IN_HAND_MAX - len(self.sending)]:
            task = asyncio.ensure_future(self._deliver(one))
            self.sending.add(task)
            task.add_done_callback(self._sent)

    async def run(self) -> None:
        """Takes up what is due in the table: retries, and what a crash left."""
        while True:
            taken: list[Due] = []
            if (room := min(500, IN_HAND_MAX - len(self.sending))) > 0:
                try:
                    taken = await store.take_due(self.engine, lease_s=LEASE_S, most=room)
                except Exception as error:
                    if blame(error) is not Blame.AWAY:
                        raise
            self.offer(taken)
            if len(taken) < room or room <= 0:
                await asyncio.sleep(IDLE_S)

    def _sent(self, task: "asyncio.Task[None]") -> None:
        self.sending.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("delivery_broke", exc_info=error)  # its lease ends, and it is tried again

    async def _deliver(self, due: Due) -> None:
        async with self.slots[due.endpoint_id]:
            at, started = utc_now(), time.perf_counter()
            answer = await self._post(due, int(at.timestamp()))
            latency_ms = round((time.perf_counter() - started) * 1000)
        verdict = judge(answer, tries=due.tries + 1, schedule_s=self.schedule_s, now=utc_now(), draw=random.random())  # noqa: S311
        log.info(
            "delivery",
            delivery_id=str(due.delivery_id),
            endpoint=due.endpoint_id,
            number=due.tries + 1,
            status=answer.status,
            error=answer.error,
            latency_ms=latency_ms,
            verdict=type(verdict).__name__.lower(),
        )
        await patiently(
            lambda: self.unit_of_work.apply(lambda work: store.settle(work, due, verdict, answer, at=at, latency_ms=latency_ms))
        )

    async def _post(self, due: Due, timestamp_s: int) -> Answer:
        assert self.session is not None, "open() comes first"  # noqa: S101
        key, webhook_id = self.secrets.signing_key(due.endpoint_id, due.secret_sealed), str(due.delivery_id)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "paymesh-webhooks/1",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(timestamp_s),
            "webhook-signature": sign(key, webhook_id=webhook_id, timestamp_s=timestamp_s, body=due.body),
            "X-Webhook-Signature": hex_signature(key, due.body),
        }
        try:
            async with self.session.post(due.url, data=due.body, headers=headers, allow_redirects=False) as response:
                await response.content.read(ANSWER_BYTES_MAX)
                return Answer(response.status, retry_after_s=retry_after_s(response.headers.get("Retry-After")))
        except AddressRefused as error:
            return Answer(None, error=f"address refused: {error}")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Answer(None, error=type(error).__name__)


def retry_after_s(header: str | None) -> float | None:
    """Seconds only; the date form is not honoured, the schedule is."""
    return float(header) if header and header.isascii() and header.isdigit() else None
