"""Evidence about payments: events as their services would say them, and a search space of them."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from services.api.consumers import decided
from services.api.domain.evidence import Evidence, fold
from services.api.domain.lifecycle import Standing, judge
from shared.contracts import (
    Attempt,
    AttemptActionRequired,
    AttemptEvent,
    AttemptExpired,
    AttemptFailed,
    AttemptSucceeded,
    AttemptUnknown,
    AttemptVerified,
    Event,
    Money,
    RouteExhausted,
    Status,
    attempt_id,
)
from tests.domain.stand import AMOUNT, DECLINED, FAULT, PAYMENT, attempt

HEAD: dict[str, Any] = {"correlation_id": PAYMENT}
LESS = Money(amount_minor=AMOUNT.amount_minor - 1, currency=AMOUNT.currency)
TERMINAL: frozenset[Status] = frozenset({"succeeded", "requires_capture", "failed", "conflicted"})


def succeeded(of: Attempt, *, confirmed: Money | None = None, reference: str = "ch_1") -> AttemptSucceeded:
    return AttemptSucceeded(**HEAD, attempt=of, confirmed=confirmed or of.amount, gateway_reference=reference, latency_ms=9)


def verified(of: Attempt, verdict: Any, *, reference: str | None = None, **more: Any) -> AttemptVerified:
    return AttemptVerified(**HEAD, attempt=of, verdict=verdict, source="lookup", gateway_reference=reference, **more)


def failed(of: Attempt, refusal: Any = FAULT) -> AttemptFailed:
    return AttemptFailed(**HEAD, attempt=of, refusal=refusal, latency_ms=9)


def unknown(of: Attempt) -> AttemptUnknown:
    return AttemptUnknown(**HEAD, attempt=of, reason="no answer in 2.5 s")


def expired(of: Attempt) -> AttemptExpired:
    return AttemptExpired(**HEAD, attempt=of, reason="its deadline passed in the queue")


def action(of: Attempt, url: str | None = "https://bank.example/a") -> AttemptActionRequired:
    return AttemptActionRequired(**HEAD, attempt=of, gateway_reference="ch_1", action_url=url, latency_ms=9)


def exhausted(*attempts: Attempt, code: str = "NO_GATEWAY_AVAILABLE", reason: str = "no gateway is left") -> RouteExhausted:
    names = tuple(one.attempt_id for one in attempts)
    return RouteExhausted(**HEAD, payment_id=PAYMENT, merchant_id="m_001", code=code, reason=reason, attempts=names)


def everything_about(of: Attempt) -> list[AttemptEvent]:
    """All that anybody can ever say of one attempt, contradictions included."""
    reference = f"ch_{of.number}"
    return [
        succeeded(of, reference=reference),
        succeeded(of, reference=f"{reference}_again"),
        succeeded(of, confirmed=LESS, reference=reference),
        verified(of, "succeeded"),
        verified(of, "succeeded", reference=reference, confirmed=of.amount),
        verified(of, "failed"),
        verified(of, "failed", refusal=DECLINED),
        failed(of),
        unknown(of),
        expired(of),
        action(of),
        action(of, "https://bank.example/b"),
        action(of, None),
    ]


ATTEMPTS = tuple(attempt(number, gateway=gateway) for number, gateway in enumerate(("alpha", "beta", "gamma"), 1))
ENDS = [exhausted(*ATTEMPTS[:1]), exhausted(*ATTEMPTS[:2]), exhausted(*ATTEMPTS), exhausted()]
ANYTHING: list[Event] = [*(event for one in ATTEMPTS for event in everything_about(one)), *ENDS]
BAD_NEWS: list[Event] = [*(event(one) for one in ATTEMPTS[:2] for event in (failed, expired, unknown)), *ENDS[:2], succeeded(ATTEMPTS[0])]
of_one_attempt = st.lists(st.sampled_from(everything_about(ATTEMPTS[0])), max_size=8)
of_a_payment: st.SearchStrategy[list[Event]] = st.lists(st.sampled_from(ANYTHING), max_size=10) | st.lists(
    st.sampled_from(BAD_NEWS), max_size=10
)


def folded(events: Sequence[Event]) -> Evidence:
    evidence = Evidence()
    for event in events:
        evidence = fold(evidence, event)
    return evidence


def lived(events: Sequence[Event]) -> list[Standing]:
    """Where the payment stood after each piece of evidence."""
    evidence, status = Evidence(), Standing("processing", "")
    life: list[Standing] = []
    for event in events:
        evidence = fold(evidence, event)
        status = judge(evidence, asked=AMOUNT, was=status.status)
        evidence = decided(evidence, status)
        life.append(status)
    return life


def named(number: int) -> str:
    return str(attempt_id(PAYMENT, number))
