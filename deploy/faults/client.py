"""The merchant's side of a campaign: posts payments while everything breaks, and remembers only what it was told."""

import asyncio
from dataclasses import dataclass, field
from random import Random
from typing import Any

import aiohttp
import orjson

from deploy.local import demo

RETRY_PAUSE_S = 0.5
HANG_UP_S_MAX = 0.05
HEADERS = {"X-Api-Key": demo.API_KEY, "X-Api-Secret": demo.API_SECRET, "Content-Type": "application/json", "Prefer": "wait=0"}


@dataclass(slots=True)
class History:
    """`accepted`: id → amount in minor units of payments that got a 201. `unanswered`: orders that never got one, so that the client
    cannot know their fate. `answers` counts by status, 0 for none."""

    accepted: dict[str, int] = field(default_factory=dict)
    unanswered: int = 0
    answers: dict[int, int] = field(default_factory=dict)


class Client:
    """Every order has one idempotency key, and is repeated under it until it is answered or `patience_s` has passed.

    `hang_ups` is the share of POSTs that the client leaves before their answer; what it left it repeats as well.
    """

    def __init__(self, api: str, history: History, *, draw: Random, hang_ups: float = 0.0, patience_s: float = 60.0) -> None:
        self.api, self.history, self.draw = api, history, draw
        self.hang_ups, self.patience_s = hang_ups, patience_s

    async def run(self, payments: int, rate_per_s: float) -> None:
        """Start one order every 1/`rate_per_s` seconds, whatever has become of the others; return when all have ended."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            loop, orders = asyncio.get_running_loop(), set()
            start = loop.time()
            for number in range(payments):
                await asyncio.sleep(max(0.0, start + number / rate_per_s - loop.time()))
                order = asyncio.ensure_future(self._order(session, f"order-{self.draw.getrandbits(64):016x}"))
                orders.add(order)
                order.add_done_callback(orders.discard)
            await asyncio.gather(*orders)

    async def _order(self, session: aiohttp.ClientSession, key: str) -> None:
        amount_minor = 1000 + self.draw.randrange(7000)
        body = orjson.dumps({"amount": amount_minor, "currency": "INR", **self._instrument(key)})
        loop = asyncio.get_running_loop()
        until = loop.time() + self.patience_s
        while loop.time() < until:
            status, answer = await self._ask(session, key, body)
            self.history.answers[status] = self.history.answers.get(status, 0) + 1
            if status == 201:
                self.history.accepted[answer["payment_id"]] = amount_minor
                return
            await asyncio.sleep(RETRY_PAUSE_S)
        self.history.unanswered += 1

    def _instrument(self, key: str) -> dict[str, Any]:
        if self.draw.random() < 0.3:
            card = {"type": "CARD", "number": "4100280000001007", "expiry_month": 12, "expiry_year": 2099, "cvv": "123"}
            return {"method": "CARD", "instrument": card}
        return {"method": "UPI", "vpa": f"{key}@okhdfcbank"}

    async def _ask(self, session: aiohttp.ClientSession, key: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """The answer; status 0 where there was none, or nobody left to hear it."""
        leave_after_s = self.draw.uniform(0, HANG_UP_S_MAX) if self.draw.random() < self.hang_ups else None
        try:
            async with asyncio.timeout(leave_after_s):
                return await self._post(session, key, body)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0, {}

    async def _post(self, session: aiohttp.ClientSession, key: str, body: bytes) -> tuple[int, dict[str, Any]]:
        async with session.post(f"{self.api}/payments", data=body, headers={**HEADERS, "Idempotency-Key": key}) as response:
            raw = await response.read()
            return response.status, orjson.loads(raw) if response.status == 201 else {}


class Onlooker:
    """Asks what has become of payments, as their merchant would."""

    def __init__(self, api: str) -> None:
        self.api = api
        self.states: dict[str, str] = {}

    async def look(self, payment_ids: list[str], settled: frozenset[str]) -> int:
        """Ask about those not settled yet; returns how many are left."""
        slots = asyncio.Semaphore(16)
        async with aiohttp.ClientSession(headers=HEADERS, timeout=aiohttp.ClientTimeout(total=5)) as session:

            async def one(payment_id: str) -> None:
                async with slots:
                    try:
                        async with session.get(f"{self.api}/payments/{payment_id}") as response:
                            if response.status == 200:
                                self.states[payment_id] = (await response.json())["status"]
                            elif response.status == 404:
                                self.states[payment_id] = "unknown to the edge"
                    except (aiohttp.ClientError, TimeoutError, OSError):
                        return

            await asyncio.gather(*(one(name) for name in payment_ids if self.states.get(name) not in settled))
        return sum(self.states.get(name) not in settled for name in payment_ids)
