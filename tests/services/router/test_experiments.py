"""Experiments: created, previewed, stopped, paused by the guardrail; never two on one payment."""

import asyncio
from typing import Any

import pytest

from services.router.answers.experiments import create_experiment, list_experiments, preview_experiment, show_experiment, stop_experiment
from services.router.consumers import guardrail_violated
from services.router.domain.experiments import arm_of
from shared.clock import new_id
from shared.contracts import GuardrailViolated
from shared.contracts.questions import CreateExperiment, ExperimentView, ListExperiments, PreviewExperiment, ShowExperiment, StopExperiment
from shared.messaging.answers import Refused
from shared.storage.work import AlreadyHandled
from tests.services.router.conftest import Office


def create(**more: Any) -> CreateExperiment:
    columns: dict[str, Any] = {"name": "beta first", "treatment_gateway": "beta", "control_pct": 50, "actor": "asha", "reason": "cheaper"}
    return CreateExperiment(**{**columns, **more})


def stop(made: ExperimentView) -> StopExperiment:
    return StopExperiment(experiment_id=made.experiment_id, actor="ravi", reason="enough")


async def test_an_experiment_runs_at_once_and_is_gone_by(office: Office) -> None:
    made = await create_experiment(create(method="UPI", control_pct=30), office.desk)
    assert (made.status, made.method, made.control_pct, made.treatment_gateway, made.ended_at) == ("running", "UPI", 30, "beta", None)
    assert made.experiment_id.startswith("exp_")
    assert await show_experiment(ShowExperiment(experiment_id=made.experiment_id), office.desk) == made
    assert list(office.picture.rules.experiments) == [made]
    assert await office.audited() == [("asha", "create_experiment", made.experiment_id, "cheaper")]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"treatment_gateway": "omega"}, "NOT_FOUND"),
        ({"control_pct": 0}, "VALIDATION_ERROR"),
        ({"control_pct": 100}, "VALIDATION_ERROR"),
        ({"method": "WALLET"}, "VALIDATION_ERROR"),
    ],
)
async def test_what_makes_no_experiment(office: Office, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as refused:
        await create_experiment(create(**changes), office.desk)
    assert refused.value.complaint.code == code
    assert (await list_experiments(ListExperiments(), office.desk), await office.audited()) == ([], [])


async def test_no_two_on_the_same_payments_even_when_asked_at_once(office: Office) -> None:
    kinds: list[dict[str, Any]] = [{}, {"method": "UPI"}, {"merchant_id": "m_001"}, {}]
    found = await asyncio.gather(*(create_experiment(create(**one), office.desk) for one in kinds), return_exceptions=True)
    made = [one for one in found if isinstance(one, ExperimentView)]
    assert 1 <= len(made) <= 2
    assert {one.complaint.code for one in found if isinstance(one, Refused)} == {"CONFLICT"}
    assert len(await list_experiments(ListExperiments(), office.desk)) == len(made)


async def test_beside_one_of_other_payments_and_after_one_that_was_stopped(office: Office) -> None:
    cards = await create_experiment(create(method="CARD"), office.desk)
    await create_experiment(create(method="UPI"), office.desk)
    with pytest.raises(Refused) as refused:
        await create_experiment(create(method="CARD", merchant_id="m_001"), office.desk)
    assert refused.value.complaint.details == {"experiment_id": cards.experiment_id}
    await stop_experiment(stop(cards), office.desk)
    await create_experiment(create(method="CARD"), office.desk)
    assert [one.status for one in await list_experiments(ListExperiments(), office.desk)] == ["running", "running", "stopped"], (
        "newest first"
    )


async def test_stopping_once_is_enough(office: Office) -> None:
    made = await create_experiment(create(), office.desk)
    stopped = await stop_experiment(stop(made), office.desk)
    assert (stopped.status, stopped.reason, stopped.ended_at is None) == ("stopped", "enough", False)
    assert await stop_experiment(stop(made), office.desk) == stopped
    assert office.picture.rules.experiments == ()
    assert [action for _, action, _, _ in await office.audited()] == ["create_experiment", "stop_experiment"]


async def test_a_preview_says_who_would_be_in_which_arm(office: Office) -> None:
    made = await create_experiment(create(control_pct=20), office.desk)
    customers = tuple(f"c_{number}" for number in range(1_000))
    found = await preview_experiment(PreviewExperiment(experiment_id=made.experiment_id, customer_ids=customers), office.desk)
    assert found.arms == {one: arm_of(one, made.experiment_id, 20) for one in customers}
    assert found.control_share == pytest.approx(0.2, abs=0.06)


async def test_an_experiment_that_does_not_exist(office: Office) -> None:
    for asked in (
        show_experiment(ShowExperiment(experiment_id="exp_0"), office.desk),
        stop_experiment(StopExperiment(experiment_id="exp_0", actor="a", reason="r"), office.desk),
        preview_experiment(PreviewExperiment(experiment_id="exp_0", customer_ids=("c_1",)), office.desk),
    ):
        with pytest.raises(Refused) as refused:
            await asked
        assert refused.value.complaint.code == "NOT_FOUND"


async def test_the_guardrail_pauses_an_experiment_once_and_everybody_is_told(office: Office) -> None:
    made = await create_experiment(create(), office.desk)
    event = GuardrailViolated(
        correlation_id=new_id(), experiment_id=made.experiment_id, reason="harm", control_rate=0.9, treatment_rate=0.7, control_samples=100,
        treatment_samples=100,
    )  # fmt: skip
    async with office.working() as unit_of_work:
        await guardrail_violated(event, unit_of_work, office.announce)
        with pytest.raises(AlreadyHandled):
            await guardrail_violated(event, unit_of_work, office.announce)
        again = event.model_copy(update={"message_id": new_id()})
        await guardrail_violated(again, unit_of_work, office.announce)
    found = await show_experiment(ShowExperiment(experiment_id=made.experiment_id), office.desk)
    assert (found.status, found.reason) == ("paused", "guardrail: harm")
    assert office.picture.rules.experiments == ()
    done = [(actor, action) for actor, action, _, _ in await office.audited()]
    assert done == [("asha", "create_experiment"), ("guardrail", "pause_experiment")]
    stopped = await stop_experiment(stop(made), office.desk)
    assert stopped.status == "stopped", "a paused one may be stopped for good"
