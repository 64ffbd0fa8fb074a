"""What tests of captures, refunds, voids and reversals begin with: a payment that is held or paid, and what is asked of it."""

from typing import Any
from uuid import UUID

from services.api.domain.operations import Movement
from services.api.domain.plans import Plan, plan_capture, plan_refund, plan_void
from services.api.store import Payment
from tests.domain.evidence import ATTEMPTS, succeeded
from tests.domain.house import House, trying
from tests.domain.stand import attempt

ONE = ATTEMPTS[0]

HELD = attempt(operation="authorize")
ID = UUID("019b8d5a-2c00-7000-8000-0000000000aa")


def capture(amount_minor: int | None = None, *, final: bool = False) -> Any:
    return lambda payment: plan_capture(payment.snapshot.status, payment.sums, amount_minor=amount_minor, final=final, captures="several")


def refund(amount_minor: int | None = None) -> Any:
    return lambda payment: plan_refund(payment.snapshot.status, payment.sums, amount_minor=amount_minor)


def void(payment: Payment) -> Plan:
    return plan_void(payment.snapshot.status, payment.sums)


def done(house: House, movement: Movement, reference: str = "mv_1") -> House:
    return house.hear(succeeded(trying(movement), reference=reference))


def held() -> House:
    return House().hear(succeeded(HELD))


def paid() -> House:
    return House().hear(succeeded(ONE))
