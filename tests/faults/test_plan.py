"""A seed is a plan: who repeats a campaign repeats its faults."""

from dataclasses import replace

import pytest

from deploy.faults.order import Fault, Order, plan
from deploy.local.programs import SERVICES

SEEDS = range(20)


def killed(faults: list[Fault]) -> list[str]:
    return [fault.target for fault in faults if fault.act == "kill"]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_seed_is_the_same_plan(seed: int) -> None:
    assert plan(Order(seed=seed)) == plan(Order(seed=seed))


def test_another_seed_is_another_plan() -> None:
    plans = [tuple(plan(Order(seed=seed))) for seed in SEEDS]
    assert len(set(plans)) == len(plans)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_default_campaign_kills_every_service_and_both_servers(seed: int) -> None:
    faults = plan(Order(seed=seed))
    assert set(killed(faults)) == set(SERVICES)
    assert len(killed(faults)) == Order().kills >= 20
    assert sorted(fault.target for fault in faults if fault.act == "restart") == ["postgres", "rabbitmq"]


@pytest.mark.parametrize("seed", SEEDS)
def test_faults_come_in_order_and_while_there_is_load(seed: int) -> None:
    order = Order(seed=seed)
    times = [fault.at_s for fault in plan(order)]
    assert times == sorted(times)
    assert 0 < times[0] < times[-1] < order.seconds


def test_given_faults_stand_among_the_drawn_ones() -> None:
    given = Fault(0.0, "unbind", "payment.succeeded.v1")
    assert plan(Order(faults=(given,)))[0] == given
    assert plan(Order(kills=0, restarts=(), faults=(given,))) == [given]


def test_what_one_part_draws_changes_nothing_for_the_others() -> None:
    order = Order()
    assert order.draw("client").random() == order.draw("client").random() != order.draw("duplicator").random()
    assert plan(replace(order, duplicates=0.9, hang_ups=0.9, misbehaviour={})) == plan(order)
