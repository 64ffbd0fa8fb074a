"""Routes of gateway accounts: what they may do, and how they do."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.api.http.change import Change, GatewayPath
from services.api.http.fields import Currency, Time
from services.api.http.layer import Caller, Role, Routes
from services.api.http.owners import ASKING, Owners
from shared.contracts import AMOUNT_MAX, Method
from shared.contracts.questions import (
    ChangeGateway,
    FeeView,
    GatewayFigures,
    GatewayView,
    ListGateways,
    MaintenanceWindow,
    ShowGatewayFigures,
)

router = Routes(tag="gateways", description="Gateway accounts: their limits, fees and affinities, and their figures.")

Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[int, Field(ge=0, le=AMOUNT_MAX)]
Bank = Annotated[str, Field(min_length=1, max_length=64)]


class Gateways(BaseModel):
    items: list[GatewayView]


Hour = Annotated[int, Field(ge=0, le=23)]


class Fee(FeeView):
    """With a misspelt `rate` it would cost nothing."""

    model_config = ConfigDict(extra="forbid")


class Window(MaintenanceWindow):
    """With a misspelt `method` it would close the whole gateway."""

    model_config = ConfigDict(extra="forbid")

    starts_at: Time
    ends_at: Time


class GatewayChange(Change):
    """What is left out stays. A list or a table is replaced as a whole; only `bank` may be null."""

    enabled: bool | None = None
    methods: Annotated[tuple[Method, ...], Field(min_length=1)] | None = None
    currencies: Annotated[tuple[Currency, ...], Field(min_length=1)] | None = None
    priority: Annotated[int, Field(ge=0, le=10_000, description="lower is tried first under the policy `fixed`")] | None = None
    amount_minor_min: Amount | None = None
    amount_minor_max: Amount | None = None
    bank: Bank | None = None
    method_affinity: dict[Method, Share] | None = None
    bank_affinity: Annotated[dict[Bank, Share], Field(max_length=200)] | None = None
    amount_fit: Annotated[dict[str, Share], Field(max_length=10, description="by amount bucket")] | None = None
    time_factor: Annotated[dict[Hour, Share], Field(description="by hour of the day, UTC")] | None = None
    fees: Annotated[tuple[Fee, ...], Field(max_length=20)] | None = None
    maintenance: Annotated[tuple[Window, ...], Field(max_length=100)] | None = None

    @model_validator(mode="after")
    def _something(self) -> "GatewayChange":
        given = self.model_fields_set - {"reason"}
        if not given:
            raise ValueError("say what shall change")
        if empty := sorted(name for name in given - {"bank"} if getattr(self, name) is None):
            raise ValueError(f"{empty[0]}: leave it out where it shall stay")
        return self


@router.get("/gateways", needs=Role.OPERATOR, errors=ASKING)
async def list_gateways(owners: Owners) -> Gateways:
    """Every gateway account with its limits, affinities, fees and maintenance windows."""
    return Gateways(items=await owners.ask(ListGateways(), list[GatewayView]))


@router.patch("/gateways/{name}", needs=Role.OPERATOR, errors=ASKING)
async def change_gateway(path: GatewayPath, body: GatewayChange, caller: Caller, owners: Owners) -> GatewayView:
    """Change an account while the mesh runs.

    A disabled account gets no new attempts; those under way end as they would have. Routers follow at once, in five seconds at worst.
    """
    changes = body.model_dump(mode="json", exclude_unset=True, exclude={"reason"})
    question = ChangeGateway(name=path.name, changes=changes, actor=caller.name, reason=body.reason)
    return await owners.ask(question, GatewayView)


@router.get("/metrics/gateways/{name}", needs=Role.OPERATOR, errors=ASKING)
async def show_gateway_figures(path: GatewayPath, owners: Owners) -> GatewayFigures:
    """How an account does: windows of 1, 5, 15 and 60 minutes by method, bank and amount, and snapshots of the past."""
    figures = await owners.ask(ShowGatewayFigures(gateway=path.name), GatewayFigures)
    if not any(window.attempts for window in figures.windows):
        await owners.gateway(path.name)  # 404 rather than the empty figures of nobody
    return figures
