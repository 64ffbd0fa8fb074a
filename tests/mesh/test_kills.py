"""Each service is killed once while payments are on their way. The runner starts it again, and nothing is lost, doubled or left.

The deaths follow each other while the payments of the earlier ones still recover: leases of half a minute are waited for once.
"""

import asyncio
import os
import signal
import uuid
from collections.abc import Mapping
from functools import partial

import aiohttp
import pytest

from deploy.local.mesh import Mesh
from deploy.local.programs import SERVICES
from shared import topology
from shared.contracts import RoutePayment
from tests.mesh.inside import Inside
from tests.mesh.merchant import Merchant, Payment, accepted, order
from tests.mesh.outside import Outside
from tests.mesh.stream import stream
from tests.mesh.waiting import until
from tests.mesh.whole import assert_whole

pytestmark = pytest.mark.timeout(480)
VICTIMS = ("notifier", "executor", "verifier", "router", "api", "metrics")  # the slowest to recover first
WITHIN_S = 120.0  # a delivery whose sender died is taken up after its lease of 30 s, and the machine may be busy


async def die(mesh: Mesh, victim: str) -> None:
    """Return when it is back."""
    pid, before = mesh.pids()[victim], (await asyncio.to_thread(mesh.status)).services[victim].restarts
    assert pid is not None
    os.kill(pid, signal.SIGKILL)

    async def back() -> bool:
        found = (await asyncio.to_thread(mesh.status)).services[victim]
        return found.restarts == before + 1 and found.ready

    await until(back, within_s=60, what=f"{victim} is back", every_s=0.2)


@pytest.fixture(scope="module")
async def streams(mesh: Mesh, merchant: Merchant) -> dict[str, list[Payment]]:
    """The payments in whose midst each service died and came back."""
    return {victim: await stream(merchant, partial(die, mesh, victim), within_s=60) for victim in VICTIMS}


@pytest.mark.parametrize("victim", VICTIMS)
async def test_a_killed_service_loses_and_doubles_nothing(
    merchant: Merchant, outside: Outside, streams: Mapping[str, list[Payment]], victim: str
) -> None:
    payments = streams[victim]
    assert len({payment.id for payment in payments}) == len(payments)
    await asyncio.gather(*(assert_whole(merchant, outside, payment, within_s=WITHIN_S) for payment in payments))


async def test_an_edge_that_dies_between_acceptance_and_answer_has_made_one_payment(
    mesh: Mesh, merchant: Merchant, outside: Outside, inside: Inside
) -> None:
    """The merchant heard nothing, and asks again with the same key. While the router does not hear of it, there is no answer."""
    body, key = order(), f"k-{uuid.uuid4().hex}"

    async def accepted_unanswered() -> bool:
        return await inside.count("api", "idempotency WHERE claim LIKE $1", f"%{key}") == 1

    async with inside.unbound("router.commands", topology.COMMANDS, RoutePayment.kind_of()):
        asking = asyncio.ensure_future(merchant.post(body, key=key, wait_s=30))
        await until(accepted_unanswered, within_s=60, what="the payment is stored", every_s=0.01)
        await die(mesh, "api")
    with pytest.raises(aiohttp.ClientError):
        await asking
    again = [await merchant.post(body, key=key) for _ in range(2)]
    assert [(one.status, one.headers.get("Idempotent-Replayed")) for one in again] == [(201, "true")] * 2
    assert await inside.count("api", "idempotency WHERE claim LIKE $1", f"%{key}") == 1
    payment = accepted(again[0], body, key)
    assert again[1].body["payment_id"] == payment.id
    await assert_whole(merchant, outside, payment, within_s=WITHIN_S)


async def test_a_restart_of_everything_leaves_no_doubt(mesh: Mesh, merchant: Merchant, outside: Outside, inside: Inside) -> None:
    """All six at once, properly: what is under way is finished first, so no gateway has to be asked what became of its order."""

    since = inside.log_size()

    async def restart() -> None:
        await asyncio.gather(*(asyncio.to_thread(mesh.restart, service) for service in SERVICES))

    payments = await stream(merchant, restart, within_s=60, behaviours=("succeed", "slow", "fail.alpha"))
    await asyncio.gather(*(assert_whole(merchant, outside, payment, within_s=WITHIN_S) for payment in payments))
    for payment in payments:
        doubts = [detail["reason"] for event, detail in await merchant.timeline(payment) if event == "attempt.unknown"]
        # An order that waited for the restart may have less of its time left than a slow gateway takes: that was waited for to its end.
        assert all(reason.startswith("no answer in ") for reason in doubts), doubts
    ended = [line["event"] for line in inside.logged(since) if line["event"].startswith("stopped")]
    assert ended == ["stopped"] * len(SERVICES)  # none was cut off before it was done
