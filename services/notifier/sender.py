"""The way out: signed POSTs to merchants' endpoints, from rows, each with bounds of its own so that a slow one delays nobody else."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import aiohttp
import structlog
from aiohttp.abc import AbstractResolver
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier import store
from services.notifier.addresses import AddressRefused, socket_factory
from services.notifier.domain.schedule import Answer, judge, retry_after_s
from services.notifier.domain.share import share
from services.notifier.domain.signature import hex_signature, sign
from services.notifier.names import Names
from services.notifier.secrets import Secrets
from services.notifier.store import Due
from shared.clock import monotonic_s, utc_now
from shared.messaging.failure import patiently
from shared.storage.blame import Blame, blame
from shared.storage.unit_of_work import UnitOfWork

FIRST_BYTE_TIMEOUT_S = 5.0
TIMEOUT_S = 15.0
LEASE_S = 30.0  # while it runs, the row is ours
WAIT_MAX_S = 10.0  # for a slot: a try that begins later might outlive its lease, and somebody else would make it too
ANSWER_BYTES_MAX = 4096
SHOWN_BYTES = 1024  # of an answer, in the log of deliveries
PER_ENDPOINT_MAX = 32  # tries under way at one endpoint
IN_HAND_MAX = 2_000  # deliveries in this process's hands; more wait in the table
TAKE_MAX = 500  # in one statement
IDLE_S, BUSY_S = 0.25, 0.05  # between looks into the table that found nothing, or not much
HEADERS = {"Content-Type": "application/json", "User-Agent": "paymesh-webhooks/1", "Accept-Encoding": "identity"}

log = structlog.get_logger()


@dataclass(slots=True)
class Lane:
    """What is in hand for one endpoint. There is one only while anything is."""

    held: int = 0
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PER_ENDPOINT_MAX))


class Sender:
    def __init__(
        self,
        engine: AsyncEngine,
        unit_of_work: UnitOfWork,
        secrets: Secrets,
        *,
        schedule_s: Sequence[float],
        allow_loopback: bool,
        names: AbstractResolver | None = None,
    ) -> None:
        self.engine, self.unit_of_work, self.secrets = engine, unit_of_work, secrets
        self.schedule_s, self.allow_loopback, self.names = schedule_s, allow_loopback, names or Names()
        self.lanes: dict[str, Lane] = {}
        self.sending: set[asyncio.Task[None]] = set()
        self.session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """No proxy of the environment, no cookie kept, no redirect followed, nothing inflated: an endpoint gets its POST and no more."""
        guard = socket_factory(allow_loopback=self.allow_loopback)
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=15, resolver=self.names, socket_factory=guard)
        self.session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S, sock_connect=FIRST_BYTE_TIMEOUT_S, sock_read=FIRST_BYTE_TIMEOUT_S),
            headers=HEADERS,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )

    async def close(self) -> None:
        """Tries under way are cut off: their leases end, and another replica makes them again."""
        sending = list(self.sending)
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)
        if self.session:
            await self.session.close()
        await self.names.close()

    def has_room(self, endpoint_id: str) -> bool:
        """May one more for this endpoint be leased to this process? Where not it is due at once, and taken when there is."""
        lane = self.lanes.get(endpoint_id)
        return (lane.held if lane else 0) < share(len(self.sending), IN_HAND_MAX)

    def offer(self, due: Sequence[Due]) -> None:
        """Deliveries whose rows this process has just leased. What there is no room for at all is taken up when its lease ends."""
        begin_until = monotonic_s() + WAIT_MAX_S
        for one in due[: max(0, IN_HAND_MAX - len(self.sending))]:
            lane = self.lanes.setdefault(one.endpoint_id, Lane())
            lane.held += 1
            task = asyncio.ensure_future(self._deliver(one, lane.slots, begin_until))
            self.sending.add(task)
            task.add_done_callback(partial(self._sent, one.endpoint_id))

    async def run(self) -> None:
        """Takes up what is due in the table: retries, what there was no room for, and what a crash left."""
        while True:
            taken, room, started = [], IN_HAND_MAX - len(self.sending), monotonic_s()
            if room > 0:
                try:
                    taken = await store.take_due(
                        self.engine,
                        lease_s=LEASE_S,
                        most=min(TAKE_MAX, room),
                        each=share(len(self.sending), IN_HAND_MAX),
                        held={endpoint_id: lane.held for endpoint_id, lane in self.lanes.items()},
                    )
                except Exception as error:
                    if blame(error) is not Blame.AWAY:
                        raise
            took_s = monotonic_s() - started
            self.offer(taken)
            if len(taken) < TAKE_MAX:  # a look that takes long, for there are many endpoints, is had less often
                await asyncio.sleep(max(BUSY_S, took_s) if taken else max(IDLE_S, 5 * took_s))

    def _sent(self, endpoint_id: str, task: "asyncio.Task[None]") -> None:
        self.sending.discard(task)
        lane = self.lanes[endpoint_id]
        lane.held -= 1
        if not lane.held:
            del self.lanes[endpoint_id]
        if not task.cancelled() and (error := task.exception()):
            log.error("delivery_broke", exc_info=error)  # its lease ends, and it is tried again

    async def _deliver(self, due: Due, slots: asyncio.Semaphore, begin_until: float) -> None:
        async with slots:
            if monotonic_s() > begin_until:
                return  # its endpoint is slow; it is taken again when its lease ends
            at, started = utc_now(), time.perf_counter()
            answer = await self._post(due, int(at.timestamp()))
            latency_ms = round((time.perf_counter() - started) * 1000)
        tries, now = due.tries + 1 - due.tries_before, utc_now()
        verdict = judge(answer, tries=tries, schedule_s=self.schedule_s, now=now, draw=random.random())  # noqa: S311
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
            lambda: self.unit_of_work.apply(
                lambda work: store.settle(work, due, verdict, answer, at=at, latency_ms=latency_ms), loads=store.settling(due, verdict)
            )
        )

    async def _post(self, due: Due, timestamp_s: int) -> Answer:
        """Whatever goes wrong is an answer, so that it counts as a try and comes to an end."""
        assert self.session is not None, "open() comes first"  # noqa: S101
        if not self.allow_loopback and due.url[:8].lower() != "https://":
            return Answer(None, error="not https")
        try:
            async with self.session.post(due.url, data=due.body, headers=self._signed(due, timestamp_s), allow_redirects=False) as response:
                retry_after = retry_after_s(response.headers.get("Retry-After"), now=utc_now())
                return Answer(response.status, retry_after_s=retry_after, body=await _beginning(response.content))
        except aiohttp.ClientConnectorError as error:
            return Answer(None, error=str(error.os_error) if isinstance(error.os_error, AddressRefused) else type(error).__name__)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Answer(None, error=type(error).__name__)
        except Exception as error:
            log.error("delivery_broke", delivery_id=str(due.delivery_id), endpoint=due.endpoint_id, exc_info=error)
            return Answer(None, error=type(error).__name__)

    def _signed(self, due: Due, timestamp_s: int) -> dict[str, str]:
        """By every secret that holds, the newest first; the older header has room for one."""
        keys, webhook_id = [self.secrets.signing_key(due.endpoint_id, one) for one in due.secrets_sealed], str(due.delivery_id)
        return {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(timestamp_s),
            "webhook-signature": " ".join(sign(key, webhook_id=webhook_id, timestamp_s=timestamp_s, body=due.body) for key in keys),
            "X-Webhook-Signature": hex_signature(keys[0], due.body),
        }


async def _beginning(content: aiohttp.StreamReader) -> str:
    """How an answer begins. Its status stands, whatever becomes of the rest: where that ends soon the connection serves again."""
    found = b""
    try:
        while len(found) < ANSWER_BYTES_MAX and (more := await content.read(ANSWER_BYTES_MAX - len(found))):
            found += more
    except (aiohttp.ClientError, TimeoutError):
        pass
    return found[:SHOWN_BYTES].decode(errors="replace").replace("\x00", "")
