"""One gateway hangs, and payments at another do not wait for it."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest

from tests.mesh.inside import Inside
from tests.mesh.instruments import upi
from tests.mesh.merchant import Merchant, Payment, order
from tests.mesh.outside import Outside
from tests.mesh.waiting import until

RATE_PER_S, FOR_S = 15, 12.0
RATIO_MAX, FLOOR_S = 10, 0.1  # a slot that one of alpha's holds is held for its whole timeout of 2.5 s, and queues grow behind it

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]


async def paid(merchant: Merchant, *, alias: str, behaviour: str = "succeed") -> list[Payment]:
    """At a steady rate, whatever becomes of them."""
    due = asyncio.get_running_loop().time()
    tasks = []
    for _ in range(int(RATE_PER_S * FOR_S)):
        tasks.append(asyncio.ensure_future(merchant.pay(order(**upi(behaviour), alias=alias))))
        due += 1 / RATE_PER_S
        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
    return list(await asyncio.gather(*tasks))


async def took_s(inside: Inside, payments: Sequence[Payment]) -> list[float]:
    """From accepted to succeeded, by the edge's own clock, the fastest first."""
    ids: list[UUID] = [payment.uuid for payment in payments]
    ended = "payments WHERE payment_id = ANY($1::uuid[]) AND status = 'succeeded'"

    async def count() -> int:
        return await inside.count("api", ended, ids)

    await until(count, within_s=60, what="all have succeeded", accept=lambda found: found == len(ids))
    rows = await inside.fetch("api", f"SELECT extract(epoch FROM updated_at - created_at) AS s FROM {ended} ORDER BY s", ids)
    return [float(row["s"]) for row in rows]


def p99(times: Sequence[float]) -> float:
    return times[int(len(times) * 0.99)]


async def test_a_gateway_that_hangs_holds_up_no_other(merchant: Merchant, outside: Outside, inside: Inside) -> None:
    before = await took_s(inside, await paid(merchant, alias="beta"))
    hanging = asyncio.ensure_future(paid(merchant, alias="alpha", behaviour="hang.alpha"))
    during = await took_s(inside, await paid(merchant, alias="beta"))
    await hanging
    told = f"p99 {p99(before) * 1000:.0f} ms before, {p99(during) * 1000:.0f} ms while alpha hangs"
    assert p99(during) <= max(FLOOR_S, p99(before)) * RATIO_MAX, told
