"""What the executor is asked: what a gateway's error codes mean."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.contracts.attempt import Operation, OutcomeClass
from shared.contracts.base import Frozen
from shared.contracts.money import Money
from shared.contracts.questions.base import ExecutorQuestion


class ErrorClass(Frozen):
    """One row of a gateway kind's table. `overridden` rows differ from what the codec says."""

    gateway_kind: str
    code: str
    outcome_class: OutcomeClass
    retryable: bool
    advice: str = ""
    overridden: bool = False


class ListErrorClasses(ExecutorQuestion):
    """Answer: list[ErrorClass]; of all kinds where none is named."""

    kind: Literal["executor.error_classes.v1"] = "executor.error_classes.v1"
    gateway_kind: str | None = None


class ChangeErrorClass(ExecutorQuestion):
    """Answer: ErrorClass. `outcome_class` None takes the override back. A code that the codec does not know may be added."""

    kind: Literal["executor.change_error_class.v1"] = "executor.change_error_class.v1"
    gateway_kind: str
    code: str
    outcome_class: OutcomeClass | None
    retryable: bool = False
    advice: str = ""
    actor: str
    reason: str


class ExecutionView(Frozen):
    """An attempt's row: what was asked of the gateway, and what came of it."""

    attempt_id: UUID
    number: int
    operation: Operation
    gateway: str
    amount: Money
    state: str
    reason: str | None = None
    code: str | None = None
    gateway_reference: str | None = None
    confirmed: Money | None = None
    latency_ms: int | None = None
    started_at: datetime
    concluded_at: datetime | None = None


class ShowExecutions(ExecutorQuestion):
    """Answer: list[ExecutionView] of one payment, in the order in which they were started."""

    kind: Literal["executor.executions.v1"] = "executor.executions.v1"
    payment_id: UUID
