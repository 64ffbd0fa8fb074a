"""Experiments: who gets another gateway first. Their results are metrics' to tell."""

from services.router import desk as sql
from services.router import store, tables
from services.router.answers.register import answers, missing, valid, wrong
from services.router.desk import Desk
from services.router.domain.experiments import arm_of, overlap
from shared.clock import new_id, utc_now
from shared.contracts.questions import (
    CreateExperiment,
    ExperimentView,
    GatewayView,
    ListExperiments,
    PreviewExperiment,
    PreviewView,
    ShowExperiment,
    StopExperiment,
)
from shared.ids import public
from shared.messaging.answers import Refused

EXPERIMENT_ID = "exp"  # exp_…


@answers
async def create_experiment(question: CreateExperiment, desk: Desk) -> ExperimentView:
    """Runs at once. A paused one may be replaced, a running one must be stopped first."""
    made = valid(
        lambda: ExperimentView(
            experiment_id=public(EXPERIMENT_ID, new_id()), created_at=utc_now(), **question.model_dump(exclude={"kind", "actor"})
        )
    )
    async with desk.changing(question, "create_experiment", made.experiment_id) as change:
        await change.alone(tables.experiments)
        row = await change.row(sql.GATEWAY, name=made.treatment_gateway)
        if row is None:
            missing("gateway", made.treatment_gateway)
        if made.method is not None and made.method not in GatewayView.model_validate(row).methods:
            wrong(f"method: {made.treatment_gateway} does not take {made.method}")
        for other in map(ExperimentView.model_validate, await change.rows(store.RUNNING)):
            if overlap(made, other):
                raise Refused(
                    "CONFLICT", f"{other.experiment_id} ({other.name}) runs on the same payments.", experiment_id=other.experiment_id
                )
        await change.save(tables.experiments, **made.model_dump())
        change.note(None, made)
    return made


@answers
async def list_experiments(question: ListExperiments, desk: Desk) -> list[ExperimentView]:
    return [ExperimentView.model_validate(row) for row in await desk.rows(sql.EXPERIMENTS)]


@answers
async def show_experiment(question: ShowExperiment, desk: Desk) -> ExperimentView:
    return await find(desk, question.experiment_id)


@answers
async def stop_experiment(question: StopExperiment, desk: Desk) -> ExperimentView:
    async with desk.changing(question, "stop_experiment", question.experiment_id) as change:
        row = await change.row(f"{sql.EXPERIMENT} FOR UPDATE", experiment_id=question.experiment_id)
        if row is None:
            missing("experiment", question.experiment_id)
        before = ExperimentView.model_validate(row)
        if before.status == "stopped":
            return before
        after = before.model_copy(update={"status": "stopped", "reason": question.reason, "ended_at": utc_now()})
        await change.save(tables.experiments, **after.model_dump())
        change.note(before, after)
    return after


@answers
async def preview_experiment(question: PreviewExperiment, desk: Desk) -> PreviewView:
    """Of a stopped one too: who would be in which arm follows from the ids alone."""
    found = await find(desk, question.experiment_id)
    arms = {customer: arm_of(customer, found.experiment_id, found.control_pct) for customer in question.customer_ids}
    control = sum(arm == "control" for arm in arms.values())
    return PreviewView(experiment_id=found.experiment_id, arms=arms, control_share=control / len(arms))


async def find(desk: Desk, experiment_id: str) -> ExperimentView:
    rows = await desk.rows(sql.EXPERIMENT, experiment_id=experiment_id)
    if not rows:
        missing("experiment", experiment_id)
    return ExperimentView.model_validate(rows[0])
