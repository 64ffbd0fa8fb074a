"""The load client: an open loop, as merchants are, that posts at a fixed rate whatever comes back, and a tap that hears payments end.

`python -m deploy.bench.load LOAD.json TAKEN.json` reads a `Load` and writes a `Taken`. A process of its own, so that its CPU is its own.
"""

import asyncio
import gc
import sys
import time
from pathlib import Path
from uuid import UUID

import aio_pika
import aiohttp
import orjson
import uvloop
from pydantic import BaseModel

from deploy.local import demo
from shared import ids
from shared.topology import EVENTS

ENDED = ("succeeded", "failed", "conflicted")
CONNECTIONS_MAX = 256


class Load(BaseModel):
    """`rate_per_s` payments are begun each second for `seconds`; those that end within `drain_s` afterwards are waited for."""

    api: str
    rabbitmq_url: str
    rate_per_s: float
    seconds: float
    drain_s: float = 60.0


class Sent(BaseModel):
    payment_id: str
    sent_at: float
    answered_at: float


class Taken(BaseModel):
    """Times are seconds since 1970. `refused` counts statuses other than 201, and 0 for no answer."""

    sent: list[Sent]
    refused: dict[int, int]
    ended_at: dict[str, float]
    late_start_ms_max: float


class Tap:
    """Hears every payment event, as a live view would."""

    def __init__(self) -> None:
        self.ended_at: dict[str, float] = {}
        self.heard = asyncio.Event()

    async def open(self, url: str) -> aio_pika.abc.AbstractConnection:
        connection = await aio_pika.connect(url)
        channel = await connection.channel()
        queue = await channel.declare_queue("", exclusive=True)
        await queue.bind(EVENTS, "payment.#")
        await queue.consume(self._hear, no_ack=True)
        return connection

    async def _hear(self, message: aio_pika.abc.AbstractIncomingMessage) -> None:
        now = time.time()
        for event in orjson.loads(message.body):
            if event["payment"]["status"] in ENDED:
                self.ended_at[ids.public(ids.PAYMENT, UUID(event["payment"]["payment_id"]))] = now
        self.heard.set()


class Client:
    def __init__(self, load: Load) -> None:
        self.load = load
        self.sent: list[Sent] = []
        self.refused: dict[int, int] = {}
        self.late_start_s_max = 0.0

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Open loop: each payment has its own moment, and a slow answer delays nobody's."""
        start, total = time.perf_counter() + 0.1, int(self.load.rate_per_s * self.load.seconds)
        posts: set[asyncio.Task[None]] = set()
        for number in range(total):
            wait_s = start + number / self.load.rate_per_s - time.perf_counter()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            else:
                self.late_start_s_max = max(self.late_start_s_max, -wait_s)
                await asyncio.sleep(0)
            post = asyncio.ensure_future(self._post(session, f"{start}-{number}"))
            posts.add(post)
            post.add_done_callback(posts.discard)
        await asyncio.gather(*posts)

    async def _post(self, session: aiohttp.ClientSession, key: str) -> None:
        body = {"amount": 1000, "currency": "INR", "method": "UPI", "vpa": "success@sandbox", "order_id": key[-40:]}
        headers = {
            "X-Api-Key": demo.API_KEY,
            "X-Api-Secret": demo.API_SECRET,
            "Idempotency-Key": key,
            "Content-Type": "application/json",
            "Prefer": "wait=0",
        }
        sent_at, status = time.time(), 0
        try:
            async with session.post(f"{self.load.api}/payments", data=orjson.dumps(body), headers=headers) as response:
                status, answer = response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError):
            answer = b""
        if status == 201:
            self.sent.append(Sent.model_construct(payment_id=orjson.loads(answer)["payment_id"], sent_at=sent_at, answered_at=time.time()))
        else:
            self.refused[status] = self.refused.get(status, 0) + 1


async def run(load: Load) -> Taken:
    tap, client = Tap(), Client(load)
    connection = await tap.open(load.rabbitmq_url)
    connector = aiohttp.TCPConnector(limit=CONNECTIONS_MAX)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30)) as session:
        await client.run(session)
    try:
        async with asyncio.timeout(load.drain_s):
            while not {one.payment_id for one in client.sent} <= tap.ended_at.keys():
                tap.heard.clear()
                await tap.heard.wait()
    except TimeoutError:
        pass  # what has not ended is counted as lost
    await connection.close()
    return Taken(sent=client.sent, refused=client.refused, ended_at=tap.ended_at, late_start_ms_max=client.late_start_s_max * 1000)


if __name__ == "__main__":
    gc.freeze()
    taken = uvloop.run(run(Load.model_validate_json(Path(sys.argv[1]).read_bytes())))
    Path(sys.argv[2]).write_text(taken.model_dump_json())
