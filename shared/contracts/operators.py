"""What operators are told: breakers that move, rates that fall, experiments that do harm."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.contracts.base import Event
from shared.contracts.health import BreakerState
from shared.contracts.reconciliation import Difference


class OperatorsEvent(Event):
    """Speaks of no payment: `correlation_id` is the event's own id."""


class CircuitEvent(OperatorsEvent):
    """`epoch` grows with every change of this breaker; `actor` is set where a person forced it."""

    gateway: str
    method: str
    state: BreakerState
    previous: BreakerState
    epoch: int
    reason: str
    actor: str | None = None
    until: datetime | None = None


class CircuitOpened(CircuitEvent):
    kind: Literal["circuit.opened.v1"] = "circuit.opened.v1"


class CircuitHalfOpen(CircuitEvent):
    kind: Literal["circuit.half_open.v1"] = "circuit.half_open.v1"


class CircuitClosed(CircuitEvent):
    kind: Literal["circuit.closed.v1"] = "circuit.closed.v1"


class SuccessRateDropped(OperatorsEvent):
    """A gateway's rate over five minutes has fallen well below its last hour's."""

    kind: Literal["reliability.success_rate_drop.v1"] = "reliability.success_rate_drop.v1"
    gateway: str
    method: str
    rate: float
    rate_before: float
    attributable: int


class GuardrailViolated(OperatorsEvent):
    """The treatment does harm: the router pauses it."""

    kind: Literal["experiment.guardrail_violation.v1"] = "experiment.guardrail_violation.v1"
    experiment_id: str
    reason: str
    control_rate: float
    treatment_rate: float
    control_samples: int
    treatment_samples: int


class DiscrepancyFound(OperatorsEvent):
    """A gateway's list and our attempts do not agree. Said once, and again if it comes back after it was resolved."""

    kind: Literal["reconciliation.discrepancy.v1"] = "reconciliation.discrepancy.v1"
    discrepancy_id: UUID
    run_id: UUID
    gateway: str
    difference: Difference


METRICS_EVENTS: tuple[type[OperatorsEvent], ...] = (CircuitOpened, CircuitHalfOpen, CircuitClosed, SuccessRateDropped, GuardrailViolated)
AnyOperatorsEvent = CircuitOpened | CircuitHalfOpen | CircuitClosed | SuccessRateDropped | GuardrailViolated | DiscrepancyFound
OPERATORS_EVENTS: tuple[type[OperatorsEvent], ...] = (*METRICS_EVENTS, DiscrepancyFound)
