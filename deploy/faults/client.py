"""The merchant's side of a campaign: posts payments while everything breaks, and remembers only what it was told."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import aiohttp
import orjson

from deploy.faults.customer import Customer
from deploy.faults.money import Operation
from deploy.local import demo

RETRY_PAUSE_S = 0.5
HANG_UP_S_MAX = 0.05
HEADERS = {"X-Api-Key": demo.API_KEY, "X-Api-Secret": demo.API_SECRET, "Content-Type": "application/json", "Prefer": "wait=0"}
LINK = {"method": "PAYMENT_LINK"}
FOLLOW_UPS = ("refund", "refund", "capture", "capture", "void")
WAITED_FOR = {"refund": "succeeded", "capture": "requires_capture", "void": "requires_capture"}
OPEN = frozenset({"processing", "requires_action", "pending_verification"})


@dataclass(slots=True)
class History:
    """`accepted`: id → amount in minor units of payments that got a 201; `asked`: payment id → operation id → amount of what followed.

    `unanswered`: orders that never got an answer, so that the client cannot know their fate. `answers` counts by status, 0 for none.
    `links` counts what customers did with the links they were given.
    """

    accepted: dict[str, int] = field(default_factory=dict)
    asked: dict[str, dict[str, int]] = field(default_factory=dict)
    unanswered: int = 0
    answers: dict[int, int] = field(default_factory=dict)
    links: Counter[str] = field(default_factory=Counter)


class Client:
    """Every order has one idempotency key, and is repeated under it until it is answered or `patience_s` has passed.

    `hang_ups` is the share of POSTs that the client leaves before their answer; what it left it repeats as well. `follow_ups` is the share
    of payments of which it captures, voids or refunds something afterwards, several times over. `links` is the share of payments whose
    customers pay at a link.
    """

    def __init__(
        self,
        api: str,
        history: History,
        *,
        draw: Random,
        hang_ups: float = 0.0,
        follow_ups: float = 0.0,
        links: float = 0.0,
        patience_s: float = 60.0,
    ) -> None:
        self.api, self.history, self.draw = api, history, draw
        self.hang_ups, self.follow_ups, self.links, self.patience_s = hang_ups, follow_ups, links, patience_s

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
        follow_up = self.draw.choice(FOLLOW_UPS) if self.draw.random() < self.follow_ups else None
        customer = Customer(self.draw) if self.draw.random() < self.links else None
        if customer and follow_up:
            follow_up = "refund"  # a link takes the money at once
        body = {"amount": amount_minor, "currency": "INR", **(LINK if customer else self._instrument(key))}
        if follow_up in ("capture", "void"):
            body["capture"] = "manual"
        answer = await self._until_answered(session, "/payments", key, body)
        if answer is None:
            return
        self.history.accepted[answer["payment_id"]] = amount_minor
        if customer and not await self._at_the_page(session, answer["payment_id"], customer):
            return
        if follow_up:
            await self._follow_up(session, answer["payment_id"], follow_up, key, amount_minor)

    async def _at_the_page(self, session: aiohttp.ClientSession, payment_id: str, customer: Customer) -> bool:
        """The customer is sent to the payment's page, when there is one. Whether it was paid in time."""
        shown = await self._shown(session, payment_id, lambda payment: payment.get("payment_url") or payment["status"] not in OPEN)
        if shown is None or not (url := shown.get("payment_url")):
            self.history.links["never shown"] += 1
            return False
        if customer.fate == "paid too late":
            await self._resting(session, payment_id)
        paid = await customer.act(session, url)
        self.history.links[customer.fate] += 1
        return paid and customer.fate != "paid too late"

    async def _follow_up(self, session: aiohttp.ClientSession, payment_id: str, what: str, key: str, amount_minor: int) -> None:
        """As soon as there is something to move: two parts at once, and then more than there can be left."""
        if await self._resting(session, payment_id) != WAITED_FOR[what]:
            return
        path = f"/payments/{payment_id}/{'refunds' if what == 'refund' else what}"
        if what == "void":
            await self._move(session, payment_id, path, f"{key}-void", {})
            return
        part = amount_minor // 3
        await asyncio.gather(*(self._move(session, payment_id, path, f"{key}-{number}", {"amount": part}) for number in range(2)))
        await self._move(session, payment_id, path, f"{key}-2", {"amount": amount_minor - part})
        last: dict[str, Any] = {"final": True, "amount": 1} if what == "capture" else {}
        if self.draw.random() < 0.5:
            await self._move(session, payment_id, path, f"{key}-3", last)

    async def _move(self, session: aiohttp.ClientSession, payment_id: str, path: str, key: str, body: dict[str, Any]) -> None:
        answer = await self._until_answered(session, path, key, body)
        if answer and (operation := answer.get("operation")):
            self.history.asked.setdefault(payment_id, {})[operation["id"]] = operation["amount"]

    async def _resting(self, session: aiohttp.ClientSession, payment_id: str) -> str | None:
        """The payment's state once nothing is under way, or None when patience has ended."""
        shown = await self._shown(session, payment_id, lambda payment: payment["status"] not in OPEN)
        return str(shown["status"]) if shown else None

    async def _shown(
        self, session: aiohttp.ClientSession, payment_id: str, enough: Callable[[dict[str, Any]], object]
    ) -> dict[str, Any] | None:
        """The payment as soon as it is shown as it should be, or None when patience has ended."""
        until = asyncio.get_running_loop().time() + self.patience_s
        while asyncio.get_running_loop().time() < until:
            try:
                async with session.get(f"{self.api}/payments/{payment_id}", headers=HEADERS) as response:
                    if response.status == 200 and enough(payment := await response.json()):
                        return dict(payment)
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass
            await asyncio.sleep(RETRY_PAUSE_S)
        return None

    async def _until_answered(self, session: aiohttp.ClientSession, path: str, key: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """The answer of a POST that was taken; None where it was refused for good, or never answered."""
        loop, raw = asyncio.get_running_loop(), orjson.dumps(body)
        until = loop.time() + self.patience_s
        while loop.time() < until:
            status, answer = await self._ask(session, path, key, raw)
            self.history.answers[status] = self.history.answers.get(status, 0) + 1
            if status in (200, 201):
                return answer
            if status == 409:  # the sums or the state do not allow it
                return None
            if made := answer.get("error", {}).get("details", {}).get("payment_id"):  # it was taken, and no gateway has made its link
                return {"payment_id": made}
            await asyncio.sleep(RETRY_PAUSE_S)
        self.history.unanswered += 1
        return None

    def _instrument(self, key: str) -> dict[str, Any]:
        if self.draw.random() < 0.3:
            card = {"type": "CARD", "number": "4100280000001007", "expiry_month": 12, "expiry_year": 2099, "cvv": "123"}
            return {"method": "CARD", "instrument": card}
        return {"method": "UPI", "vpa": f"{key}@okhdfcbank"}

    async def _ask(self, session: aiohttp.ClientSession, path: str, key: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """The answer; status 0 where there was none, or nobody left to hear it."""
        leave_after_s = self.draw.uniform(0, HANG_UP_S_MAX) if self.draw.random() < self.hang_ups else None
        try:
            async with asyncio.timeout(leave_after_s):
                return await self._post(session, path, key, body)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0, {}

    async def _post(self, session: aiohttp.ClientSession, path: str, key: str, body: bytes) -> tuple[int, dict[str, Any]]:
        async with session.post(self.api + path, data=body, headers={**HEADERS, "Idempotency-Key": key}) as response:
            raw = await response.read()
            return response.status, orjson.loads(raw) if response.content_type == "application/json" else {}


class Onlooker:
    """Asks what has become of payments, as their merchant would."""

    def __init__(self, api: str) -> None:
        self.api = api
        self.states: dict[str, str] = {}
        self.operations: dict[str, list[Operation]] = {}

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

    async def look_at_operations(self, payment_ids: list[str]) -> None:
        """Of every payment, and its state anew: it may have moved since it was seen at rest. What is not answered keeps its last word."""
        slots = asyncio.Semaphore(16)
        async with aiohttp.ClientSession(headers=HEADERS, timeout=aiohttp.ClientTimeout(total=5)) as session:

            async def one(payment_id: str) -> None:
                async with slots:
                    try:
                        async with session.get(f"{self.api}/payments/{payment_id}/operations") as response:
                            items = (await response.json())["items"] if response.status == 200 else []
                    except (aiohttp.ClientError, TimeoutError, OSError):
                        return
                if items:
                    self.operations[payment_id] = [Operation(row["id"], row["kind"], row["status"], row["amount"]) for row in items]
                    self.states[payment_id] = items[-1]["payment"]["status"]

            await asyncio.gather(*(one(name) for name in payment_ids))
