"""Payments in a stream, in whose midst something happens."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from tests.mesh.instruments import upi
from tests.mesh.merchant import Merchant, Payment, order

MIXED = ("succeed", "slow", "fail.alpha", "charge-then-500.alpha", "hang-charged.alpha")
"""Answers at once, an answer that is being waited for, a fallback, two that keep the verifier busy. Each ends as a success."""


async def stream(
    merchant: Merchant,
    act: Callable[[], Awaitable[None]],
    *,
    within_s: float,
    behaviours: Sequence[str] = MIXED,
    payments: int = 40,
    before: int = 15,
    at_once: int = 8,
) -> list[Payment]:
    """So many payments, `at_once` of them being posted; `act` begins when the edge has taken `before` of them, and the rest goes on.

    Returns when all are accepted and the act is over.
    """
    slots, begun, accepted = asyncio.Semaphore(at_once), asyncio.Event(), 0

    async def pay(number: int) -> Payment:
        nonlocal accepted
        async with slots:
            payment = await merchant.insist(order(alias="alpha", **upi(behaviours[number % len(behaviours)])), within_s=within_s)
        accepted += 1
        if accepted == before:
            begun.set()
        return payment

    async def act_in_the_midst() -> None:
        await begun.wait()
        await act()

    acting = asyncio.create_task(act_in_the_midst())
    try:
        return list(await asyncio.gather(*map(pay, range(payments))))
    finally:
        begun.set()
        await acting
