"""The floor: what one payment's I/O costs with no logic at all, by a fixed recipe over the same servers.

Per payment: 1 request answered by a bare aiohttp server, 2 aiohttp client calls, 4 contracts published with confirm and 5 consumed
with ack in aio-pika messages of 20 (JSON encoded and decoded), 8 rows inserted in batches of 100. The server, the worker, PostgreSQL and
RabbitMQ are counted; the load client and the stand-in that the client calls reach are not. `python -m deploy.bench.floor ROLE …`.
"""

import asyncio
import os
import sys
import uuid
from collections.abc import Awaitable, Callable

import aio_pika
import aiohttp
import asyncpg
import orjson
import uvloop
from aiohttp import web

CALLS, PUBLISHED, CONSUMED, ROWS = 2, 4, 5, 8  # per payment
PER_MESSAGE, PER_BATCH = 20, 100
CONCURRENCY = 64
EXCHANGE, QUEUES = "floor", ("floor.1", "floor.2", "floor.3", "floor.4", "floor.5")
CONTRACT = {
    "kind": "attempt.execute.v1",
    "message_id": str(uuid.UUID(int=1)),
    "correlation_id": str(uuid.UUID(int=2)),
    "occurred_at": "2026-01-01T00:00:00Z",
    "attempt": {"amount": {"amount_minor": 1000, "currency": "INR"}, "merchant_id": "m_001", "gateway": "alpha", "method": "UPI"},
    "instrument": {"key_id": str(uuid.UUID(int=3)), "nonce": "x" * 16, "ciphertext": "x" * 200},
}


async def answer(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(body=b'{"payment_id":"pay_0000000000000000000000","status":"processing"}', content_type="application/json")


async def serve(port: int) -> None:
    """The bare server; also the stand-in that client calls reach."""
    app = web.Application()
    app.router.add_post("/payments", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


async def many(count: int, act: Callable[[], Awaitable[None]]) -> None:
    """`act` `count` times, `CONCURRENCY` at once."""
    left = iter(range(count))

    async def worker() -> None:
        for _ in left:
            await act()

    await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))


async def call(url: str, count: int) -> None:
    body = orjson.dumps(CONTRACT)
    async with aiohttp.ClientSession() as session:

        async def post() -> None:
            async with session.post(url, data=body) as response:
                orjson.loads(await response.read())

        await many(count, post)


async def speak_and_hear(url: str, payments: int) -> None:
    """Contract n of each payment goes to queue n, and the first to one queue more."""
    connection = await aio_pika.connect(url)
    channel = await connection.channel(publisher_confirms=True)
    exchange = await channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True)
    heard, whole, all_heard = 0, payments * CONSUMED, asyncio.Event()

    async def hear(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        nonlocal heard
        heard += len(orjson.loads(message.body))
        await message.ack()
        if heard >= whole:
            all_heard.set()

    for number, name in enumerate(QUEUES):
        consuming = await connection.channel()
        await consuming.set_qos(prefetch_count=100)
        queue = await consuming.declare_queue(name, durable=True, arguments={"x-queue-type": "quorum"})
        await queue.bind(EXCHANGE, routing_key=str(number % PUBLISHED))
        await queue.consume(hear)
    messages = iter([str(number % PUBLISHED) for number in range(payments * PUBLISHED // PER_MESSAGE)])

    async def publish() -> None:
        body = orjson.dumps([orjson.loads(orjson.dumps(CONTRACT)) for _ in range(PER_MESSAGE)])
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT, content_type="application/json")
        await exchange.publish(message, routing_key=next(messages), mandatory=True)

    await many(payments * PUBLISHED // PER_MESSAGE, publish)
    async with asyncio.timeout(60):
        await all_heard.wait()
    for name in QUEUES:
        await channel.queue_delete(name)
    await channel.exchange_delete(EXCHANGE)
    await connection.close()


async def insert(url: str, rows: int) -> None:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    await connection.execute("CREATE TABLE IF NOT EXISTS floor (id uuid PRIMARY KEY, owner uuid, state text, body bytea, at timestamptz)")
    body = orjson.dumps(CONTRACT)
    statement = await connection.prepare(
        "INSERT INTO floor SELECT i, o, s, b, now() FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bytea[]) AS t(i, o, s, b)"
    )
    for _ in range(rows // PER_BATCH):
        ids = [uuid.uuid4() for _ in range(PER_BATCH)]
        await statement.fetch(ids, ids, ["processing"] * PER_BATCH, [body] * PER_BATCH)
    await connection.execute("DROP TABLE floor")
    await connection.close()


async def work(standin_url: str, postgres_url: str, rabbitmq_url: str, payments: int) -> None:
    await asyncio.gather(call(standin_url, payments * CALLS), speak_and_hear(rabbitmq_url, payments), insert(postgres_url, payments * ROWS))


async def post_all(url: str, payments: int) -> None:
    """The load client of the floor's server."""
    await call(url, payments)


def main(role: str, *arguments: str) -> None:
    match role, arguments:
        case "serve", (port,):
            uvloop.run(serve(int(port)))
        case "work", (standin_url, payments):
            urls = os.environ["FLOOR_POSTGRES_URL"], os.environ["FLOOR_RABBITMQ_URL"]
            uvloop.run(work(standin_url, *urls, int(payments)))
        case "post", (url, payments):
            uvloop.run(post_all(url, int(payments)))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
