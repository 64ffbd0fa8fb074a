"""The promises hold while services are killed, servers crash, messages come twice and gateways misbehave."""

import asyncio

import pytest

from deploy.faults.campaign import Result, run
from deploy.faults.order import Order
from deploy.faults.report import figures, text
from deploy.faults.stage import stage
from deploy.local.programs import SERVICES

KEYS = {"accepted", "lost", "doubled", "unnotified", "invented", "leftover", "kills", "faults", "seconds_to_quiet"}


def played(instance: str, order: Order) -> Result:
    said: list[str] = []
    with stage(instance, notice=said.append) as mesh:
        result = asyncio.run(run(mesh, order, said.append))
    assert result.verdict.clean, "\n".join([*said, text(result)])
    assert result.seconds_to_quiet is not None
    assert result.unanswered == 0
    assert result.verdict.accepted == order.payments
    return result


@pytest.mark.timeout(600)
def test_a_small_campaign_keeps_every_promise(instance: str) -> None:
    """Every service is killed once and the broker crashes."""
    result = played(instance, Order(payments=120, rate_per_s=15.0, kills=6, restarts=("rabbitmq",), drain_s=240.0))
    assert result.kills == 6
    assert {f"kill {service}" for service in SERVICES} | {"restart rabbitmq"} <= result.faults.keys()
    found = figures(result)
    assert found.keys() >= KEYS
    assert [found[kind] for kind in ("lost", "doubled", "mismatched", "unnotified", "invented", "leftover")] == [0] * 6


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_default_campaign_keeps_every_promise(instance: str) -> None:
    result = played(instance, Order(drain_s=240.0))
    assert result.verdict.accepted >= 2_000
    assert result.kills >= 20
    assert result.duplicates >= 50
    assert {"restart rabbitmq", "restart postgres"} <= result.faults.keys()
