"""After an attempt that is known not to have charged: try the next gateway, or give up, and why."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Policy:
    """A merchant's, or the default. The budget runs from the payment's creation."""

    attempts_max: int = 3
    latency_budget_ms: int = 10_000
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class TryNext:
    number: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    code: str
    reason: str


def after_failure(*, number: int, code: str, retryable: bool, created_at: datetime, now: datetime, policy: Policy) -> TryNext | GiveUp:
    """`number` and `code` are the failed attempt's; `retryable` is what its gateway's table says of the code."""
    if not retryable:
        return GiveUp(code, f"{code} is final: another gateway would hear the same")
    if not policy.enabled:
        return GiveUp(code, "the merchant's policy allows no retry")
    if number >= policy.attempts_max:
        return GiveUp(code, f"{number} of {policy.attempts_max} attempts made")
    if now >= budget_end(created_at, policy):
        return GiveUp(code, f"the latency budget of {policy.latency_budget_ms} ms is spent")
    return TryNext(number + 1)


def budget_end(created_at: datetime, policy: Policy) -> datetime:
    return created_at + timedelta(milliseconds=policy.latency_budget_ms)


def deadline(*, number: int, created_at: datetime, now: datetime, gateway_timeout_ms: int, policy: Policy) -> datetime:
    """Twice the gateway's timeout from now, within the budget; a first attempt runs whatever the queue has cost."""
    patience = now + timedelta(milliseconds=2 * gateway_timeout_ms)
    return patience if number == 1 else min(patience, budget_end(created_at, policy))
