"""Each service is killed once while payments are on their way. The runner starts it again, and nothing is lost, doubled or left.

The deaths follow each other while the payments of the earlier ones still recover: leases of half a minute are waited for once.
"""

import asyncio
import os
import signal
from collections.abc import Mapping

import pytest

from deploy.local.mesh import Mesh
from tests.mesh.instruments import upi
from tests.mesh.merchant import Merchant, Payment, order
from tests.mesh.outside import Outside
from tests.mesh.waiting import until
from tests.mesh.whole import assert_whole

VICTIMS = ("notifier", "executor", "verifier", "router", "api", "metrics")
BEHAVIOURS = ("succeed", "slow", "fail.alpha", "charge-then-500.alpha", "hang-charged.alpha")
STREAM, AT_ONCE, KILLED_AFTER = 40, 8, 15
WITHIN_S = 75.0  # a delivery whose sender died is taken up after its lease of 30 s, and the machine may be busy


async def stream(mesh: Mesh, merchant: Merchant, victim: str) -> list[Payment]:
    """Payments, one after the other and a few at once; in their midst the victim dies and comes back."""
    slots, accepted = asyncio.Semaphore(AT_ONCE), 0

    async def pay(number: int) -> Payment:
        nonlocal accepted
        async with slots:
            payment = await merchant.insist(order(alias="alpha", **upi(BEHAVIOURS[number % len(BEHAVIOURS)])), within_s=40)
        accepted += 1
        if accepted == KILLED_AFTER:
            pid = mesh.pids()[victim]
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
        return payment

    payments = await asyncio.gather(*map(pay, range(STREAM)))

    async def back() -> bool:
        found = (await asyncio.to_thread(mesh.status)).services[victim]
        return found.restarts == 1 and found.ready

    await until(back, within_s=40, what=f"{victim} is back", every_s=0.2)
    return list(payments)


@pytest.fixture(scope="module")
async def streams(mesh: Mesh, merchant: Merchant) -> dict[str, list[Payment]]:
    """The payments during which each service died."""
    return {victim: await stream(mesh, merchant, victim) for victim in VICTIMS}


@pytest.mark.parametrize("victim", VICTIMS)
async def test_a_killed_service_loses_and_doubles_nothing(
    merchant: Merchant, outside: Outside, streams: Mapping[str, list[Payment]], victim: str
) -> None:
    payments = streams[victim]
    assert len({payment.id for payment in payments}) == STREAM
    await asyncio.gather(*(assert_whole(merchant, outside, payment, within_s=WITHIN_S) for payment in payments))
