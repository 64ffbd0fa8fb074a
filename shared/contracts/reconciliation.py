"""Our attempts against the gateway's own list, slice by slice of time."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.contracts.attempt import Operation
from shared.contracts.base import Command, Event, Frozen
from shared.contracts.money import Money

Comparison = Literal["matched", "expected", "missing", "unexpected", "amount_mismatch"]


class Difference(Frozen):
    """One charge or attempt that does not agree, or one asked about again, with what each side says. `reference` is our attempt's id,
    or the gateway's own where there is no such attempt, or another charge has its name."""

    reference: str
    comparison: Comparison
    reason: str
    attempt_id: UUID | None = None
    payment_id: UUID | None = None
    operation: Operation | None = None  # None: the gateway's charge, and we know of none
    our_state: str | None = None
    our_amount: Money | None = None
    gateway_reference: str | None = None
    gateway_state: str | None = None
    gateway_amount: Money | None = None


class CompareCharges(Command):
    """Compare what the gateway lists for `since` ≤ time < `until` with our attempts of that time, and look again at `again`.

    `correlation_id` is the run's.
    """

    kind: Literal["gateway.compare.v1"] = "gateway.compare.v1"
    run_id: UUID
    gateway: str
    since: datetime
    until: datetime
    again: tuple[str, ...] = ()


class ChargesCompared(Event):
    """`problem` says why there is no comparison. `too_many`: the slice holds more than one answer may; ask for less."""

    kind: Literal["gateway.compared.v1"] = "gateway.compared.v1"
    run_id: UUID
    gateway: str
    since: datetime
    until: datetime
    matched: int = 0
    expected: int = 0
    differences: tuple[Difference, ...] = ()
    again: tuple[Difference, ...] = ()
    problem: str | None = None
    too_many: bool = False
