"""Every service dies once at every boundary of a payment's path, under load, and every promise holds.

One mesh: all services go through their points side by side, each armed for the next one when it is started again.
"""

import asyncio
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from deploy.faults.campaign import Campaign, Result
from deploy.faults.crash import begin, marker
from deploy.faults.order import Order
from deploy.faults.points import POINTS
from deploy.faults.report import text
from deploy.faults.stage import stage
from deploy.local import watch
from deploy.local.programs import SERVICES

CRASHES = [(service, point.name) for service in SERVICES for point in POINTS.values() if service in point.of]
DEADLINE_S = 240.0
SETTINGS = {"PAYMESH_RESUME_AFTER_S": "4", "PAYMESH_RESUME_EVERY_S": "3"}
# A third of the orders takes the long way round: doubt, lookups, a late answer, a second gateway. The shop fails for a while.
ROUND = Order(
    payments=30,
    rate_per_s=10.0,
    kills=0,
    restarts=(),
    duplicates=0.1,
    hang_ups=0.1,
    misbehaviour={"hang-charged": 0.08, "late": 0.12, "charge-then-500": 0.06, "fail": 0.08, "accept-late": 0.04},
    links=0.0,
    call_backs={},  # or a webhook would spare the questions on whose way the crashes lie
    shop={"fail_first_n": 40},
)

pytestmark = pytest.mark.timeout(900)


@dataclass(frozen=True)
class Crashed:
    """What came of a campaign in which every service died at every one of its points."""

    markers: Path
    result: Result
    said: list[str]


@pytest.fixture(scope="module")
def crashed(instance: str, tmp_path_factory: pytest.TempPathFactory) -> Crashed:
    markers, said = tmp_path_factory.mktemp("crashes"), list[str]()
    points = {service: ",".join(name for who, name in CRASHES if who == service) for service in SERVICES}
    launchers = {service: ("deploy.faults.crash", str(markers), names) for service, names in points.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watch, "FIRST_DELAY_S", 0.05)  # who dies nine times in a row on purpose need not be waited for
        patch.setattr(watch, "LAST_DELAY_S", 0.05)
        with stage(instance, settings=SETTINGS, launchers=launchers, notice=said.append) as mesh:
            result = asyncio.run(attack(Campaign(mesh, said.append), markers))
    return Crashed(markers, result, said)


async def attack(campaign: Campaign, markers: Path) -> Result:
    """Load until everybody has died everywhere, or the deadline; then heal, drain, judge."""
    until, number = time.monotonic() + DEADLINE_S, 0
    await campaign.misbehave(ROUND)
    begin(markers)
    while time.monotonic() < until and not all(marker(markers, *crash).exists() for crash in CRASHES):
        number += 1
        await campaign.attack(replace(ROUND, seed=number))
    await campaign.heal()
    await campaign.drain(DEADLINE_S)
    return await campaign.result()


@pytest.mark.parametrize(("service", "point"), CRASHES, ids=[f"{service}-{point}" for service, point in CRASHES])
def test_it_died_there(crashed: Crashed, service: str, point: str) -> None:
    assert marker(crashed.markers, service, point).exists(), "\n".join(crashed.said)


def test_and_every_promise_held(crashed: Crashed) -> None:
    assert crashed.result.verdict.clean, "\n".join([*crashed.said, text(crashed.result)])
    assert crashed.result.seconds_to_quiet is not None
    assert crashed.result.unanswered == 0
