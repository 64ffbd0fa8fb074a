"""Routes of experiments: a share of customers gets another gateway first, and what comes of it is compared."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from services.api.http.access.merchants import merchant
from services.api.http.change import AnyCaseMethod, Change, Gateway
from services.api.http.layer import Caller, Code, Role, Routes
from services.api.http.owners import ASKING, Owners
from services.api.office import Office
from shared.contracts.questions import (
    CreateExperiment,
    ExperimentResults,
    ExperimentView,
    ListExperiments,
    PreviewExperiment,
    PreviewView,
    ResultsView,
    ShowExperiment,
    StopExperiment,
)

router = Routes(tag="experiments", description="Compare a gateway with what is done anyway, on a share of customers.")

Customer = Annotated[str, Field(min_length=1, max_length=64)]


class ExperimentPath(BaseModel):
    experiment_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class NewExperiment(Change):
    """`control_pct` of customers stay as they are, the others get `treatment_gateway` first."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    treatment_gateway: Gateway
    control_pct: Annotated[int, Field(ge=1, le=99)] = 50
    method: AnyCaseMethod | None = None
    merchant_id: Customer | None = None


class Experiments(BaseModel):
    items: list[ExperimentView]


class Report(BaseModel):
    experiment: ExperimentView
    results: ResultsView


class Winner(BaseModel):
    """`winner` None: nothing is decided; `reason` says why. `gateway` is the treatment's where it has won."""

    experiment_id: str
    winner: Literal["control", "treatment"] | None
    gateway: str | None
    verdict: str
    reason: str


class Customers(BaseModel):
    customer_ids: Annotated[tuple[Customer, ...], Field(min_length=1, max_length=1000)]


class CustomerQuery(BaseModel):
    customer_id: Annotated[list[Customer], Field(min_length=1, max_length=100)]


@router.post("/experiments", needs=Role.OPERATOR, status=201, errors=[*ASKING, Code.NOT_FOUND, Code.CONFLICT])
async def create_experiment(body: NewExperiment, caller: Caller, owners: Owners, office: Office) -> ExperimentView:
    """Start one. 409 where a running one covers the same payments."""
    if body.merchant_id is not None:
        await merchant(office, body.merchant_id)
    question = CreateExperiment(
        name=body.name,
        treatment_gateway=body.treatment_gateway,
        control_pct=body.control_pct,
        method=body.method,
        merchant_id=body.merchant_id,
        actor=caller.name,
        reason=body.reason,
    )
    return await owners.ask(question, ExperimentView)


@router.get("/experiments", needs=Role.OPERATOR, errors=ASKING)
async def list_experiments(owners: Owners) -> Experiments:
    """All of them, newest first."""
    return Experiments(items=await owners.ask(ListExperiments(), list[ExperimentView]))


@router.get("/experiments/{experiment_id}/results", needs=Role.OPERATOR, errors=ASKING)
async def show_results(path: ExperimentPath, owners: Owners) -> Report:
    """Both arms, and a verdict that may be looked at as often as one likes."""
    return await report(path, owners)


@router.get("/experiments/{experiment_id}/winner", needs=Role.OPERATOR, errors=ASKING)
async def show_winner(path: ExperimentPath, owners: Owners) -> Winner:
    """Which arm is better, where that is decided."""
    told = await report(path, owners)
    verdict = told.results.verdict
    winner: Literal["control", "treatment"] | None = None
    if verdict == "treatment_better":
        winner = "treatment"
    elif verdict == "control_better":
        winner = "control"
    return Winner(
        experiment_id=path.experiment_id,
        winner=winner,
        gateway=told.experiment.treatment_gateway if winner == "treatment" else None,
        verdict=verdict,
        reason=told.results.reason,
    )


@router.get("/experiments/{experiment_id}/preview", needs=Role.OPERATOR, errors=ASKING)
async def preview_customers(path: ExperimentPath, query: CustomerQuery, owners: Owners) -> PreviewView:
    """In which arm customers are: `?customer_id=a&customer_id=b`, at most 100."""
    return await preview(path, tuple(query.customer_id), owners)


@router.post("/experiments/{experiment_id}/preview", needs=Role.OPERATOR, errors=ASKING)
async def preview_experiment(path: ExperimentPath, body: Customers, owners: Owners) -> PreviewView:
    """In which arm customers are, at most 1,000. Nothing is stored."""
    return await preview(path, body.customer_ids, owners)


@router.post("/experiments/{experiment_id}/stop", needs=Role.OPERATOR, errors=ASKING)
async def stop_experiment(path: ExperimentPath, body: Change | None, caller: Caller, owners: Owners) -> ExperimentView:
    """End it. Its results stay; ending it again changes nothing."""
    reason = (body or Change()).reason
    return await owners.ask(StopExperiment(experiment_id=path.experiment_id, actor=caller.name, reason=reason), ExperimentView)


async def report(path: ExperimentPath, owners: Owners) -> Report:
    experiment = await owners.ask(ShowExperiment(experiment_id=path.experiment_id), ExperimentView)
    question = ExperimentResults(experiment_id=path.experiment_id, control_pct=experiment.control_pct)
    return Report(experiment=experiment, results=await owners.ask(question, ResultsView))


async def preview(path: ExperimentPath, customer_ids: tuple[str, ...], owners: Owners) -> PreviewView:
    return await owners.ask(PreviewExperiment(experiment_id=path.experiment_id, customer_ids=customer_ids), PreviewView)
