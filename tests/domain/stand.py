"""A stand for handlers: `Work` with rows that stand in for the database's, and what came of it, read back as contracts."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, TypeVar
from uuid import UUID

from shared.contracts import Attempt, Message, Method, Money, Operation, Refusal, attempt_id
from shared.storage.bulk import Bulk
from shared.storage.work import Work
from tests.contracts.golden import kinds

M = TypeVar("M", bound=Message)
NOW = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
PAYMENT = UUID("019b8d5a-2c00-7000-8000-000000000001")
AMOUNT = Money(amount_minor=50_000, currency="INR")
CONTRACTS = dict(kinds())
DECLINED = Refusal(code="card_declined", message="no", outcome_class="user_decline", retryable=False)
FAULT = Refusal(code="gateway_error_not_charged", message="down", outcome_class="gateway_fault", retryable=True)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def work_with(rows: Mapping[Any, Any] | None = None, *, now: datetime = NOW) -> Work:
    """`rows`: (statement, key) → the columns it would load."""
    return Work(now, {where: SimpleNamespace(**row) for where, row in (rows or {}).items()})  # type: ignore[misc]


def said(work: Work) -> list[Message]:
    """What the work says, read back from the bytes that would travel."""
    return [contract.model_validate_json(one.body) for one in work.outgoing if issubclass(contract := CONTRACTS[one.kind], Message)]


def said_only(work: Work, kind: type[M]) -> M:
    """The one message that the work says."""
    (message,) = said(work)
    assert isinstance(message, kind)
    return message


def routes(work: Work) -> list[tuple[str, str]]:
    """(exchange, routing key) of what the work says."""
    return [(one.exchange, one.routing_key) for one in work.outgoing]


def written(work: Work, statement: Bulk) -> list[dict[str, Any]]:
    """Rows that the work hands to a statement."""
    return [row for one, row in work.writes if one is statement]


def attempt(
    number: int = 1, *, gateway: str = "alpha", operation: Operation = "charge", method: Method = "CARD", amount: Money = AMOUNT
) -> Attempt:
    return Attempt(
        attempt_id=attempt_id(PAYMENT, number),
        payment_id=PAYMENT,
        merchant_id="m_001",
        operation=operation,
        gateway=gateway,
        number=number,
        amount=amount,
        method=method,
    )
