"""Route that tells a merchant what happened to a payment, step by step, with its webhooks where they are asked for."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from services.api.http.access.keys import Merchant
from services.api.http.availability import available
from services.api.http.layer import Code, Problem, Role, Routes
from services.api.http.owners import Owners
from services.api.http.paying.edge import Edge
from services.api.http.paying.payments import PaymentPath
from services.api.http.truth.audit_trail import of_delivery
from shared.contracts.questions import DeliveryTrace, ShowDeliveries

router = Routes(tag="tracking", description="What happened to a payment, step by step.")


class TrackingQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    webhooks: Annotated[bool, Field(description="with the webhooks that were owed, and every try at them")] = False


class TrackingLine(BaseModel):
    at: datetime
    event: str
    detail: dict[str, Any]


class Tracking(BaseModel):
    """What happened to a payment, in order. `missing` are services that did not answer: what they know is not in it."""

    payment_id: str
    status: str
    items: list[TrackingLine]
    missing: list[str] = []


@router.get("/payments/{payment_id}/tracking", needs=Role.MERCHANT, errors=[Code.TEMPORARILY_UNAVAILABLE])
async def track_payment(path: PaymentPath, query: TrackingQuery, caller: Merchant, edge: Edge, owners: Owners) -> Tracking:
    """Every step of a payment: attempts, what gateways said, states entered, captures and refunds, tokens taken."""
    payment = await edge.show(caller, path.uuid)
    with available():
        lines = await edge.queries.timeline(path.uuid)
    found = Tracking(
        payment_id=path.payment_id,
        status=payment.status,
        items=[TrackingLine(at=line.at, event=line.event, detail=line.detail) for line in lines],
    )
    if query.webhooks:
        try:
            deliveries = await owners.ask(ShowDeliveries(payment_id=path.uuid), list[DeliveryTrace])
        except Problem:
            found.missing.append("notifier")
        else:
            sent = [entry for one in deliveries for entry in of_delivery(one)]
            found.items += [TrackingLine(at=entry.at, event=entry.event, detail=entry.detail) for entry in sent]
            found.items.sort(key=lambda line: line.at)  # stable: an effect that has its cause's time stays behind it
    return found
