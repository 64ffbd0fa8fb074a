"""What passes between the edge and the router."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.contracts.base import Command, Event, Frozen
from shared.contracts.instrument import Hints, Method, SealedInstrument
from shared.contracts.money import Money

Capture = Literal["automatic", "manual"]


class RoutePayment(Command):
    kind: Literal["payment.route.v1"] = "payment.route.v1"
    payment_id: UUID
    merchant_id: str
    amount: Money
    method: Method
    capture: Capture = "automatic"
    instrument: SealedInstrument | None = None
    hints: Hints = Hints()
    customer_id: str | None = None
    preferred_gateway: str | None = None
    created_at: datetime


class ResumePayment(Command):
    """The payment is overdue: find out what holds it and move it on."""

    kind: Literal["payment.resume.v1"] = "payment.resume.v1"
    payment_id: UUID
    merchant_id: str


class RouteShadow(Command):
    """A decision that was made, to be made again under another policy and compared. Nothing of it reaches a payment.

    `record` is the router's own JSON of the decision, with everything that it went by.
    """

    kind: Literal["route.shadow.v1"] = "route.shadow.v1"
    payment_id: UUID
    number: int
    policy: str
    record: str


class RoutingChanged(Frozen):
    """Broadcast: what the router goes by has been changed, so every replica reads it anew."""

    kind: Literal["routing.changed.v1"] = "routing.changed.v1"
    action: str


class RouteExhausted(Event):
    """No further attempt will be made. The payment fails once each of `attempts` is known not to have charged."""

    kind: Literal["route.exhausted.v1"] = "route.exhausted.v1"
    payment_id: UUID
    merchant_id: str
    code: str
    reason: str
    attempts: tuple[UUID, ...]
