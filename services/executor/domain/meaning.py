"""From a gateway's answer to what the mesh is told, and from a row that is there already to what a lookup may say."""

from typing import Any

from shared.contracts import (
    Attempt,
    AttemptActionRequired,
    AttemptEvent,
    AttemptFailed,
    AttemptObserved,
    AttemptSucceeded,
    AttemptUnknown,
    Message,
    Money,
    Refusal,
    Source,
)
from shared.gateways import ActionRequired, Answer, Finding, NotFound, Pending, Refused, Succeeded, Unclear

NOT_CONNECTED = Refusal(
    code="NOT_CONNECTED", message="no connection to the gateway came about", outcome_class="gateway_fault", retryable=True
)
TOO_FAST = Refusal(
    code="GATEWAY_PACED",
    message="the gateway takes no more calls at present: not called",
    outcome_class="our_fault",
    retryable=True,
)
TOO_LATE = Refusal(code="ATTEMPT_EXPIRED", message="its deadline passed before the call", outcome_class="gateway_fault", retryable=True)
CANNOT_OPEN = Refusal(
    code="INSTRUMENT_UNREADABLE", message="the sealed instrument could not be opened", outcome_class="our_fault", retryable=False
)


def said(cause: Message, attempt: Attempt, answer: Answer, latency_ms: int) -> AttemptEvent:
    """The first word on an attempt."""
    match answer:
        case Succeeded(reference=reference, confirmed=confirmed):
            return AttemptSucceeded.caused_by(
                cause, attempt=attempt, confirmed=confirmed, gateway_reference=reference, latency_ms=latency_ms
            )
        case Refused(refusal=refusal, reference=known):
            return AttemptFailed.caused_by(cause, attempt=attempt, refusal=refusal, gateway_reference=known, latency_ms=latency_ms)
        case ActionRequired(reference=reference, url=url):
            return AttemptActionRequired.caused_by(
                cause, attempt=attempt, gateway_reference=reference, action_url=url, latency_ms=latency_ms
            )
        case Unclear(reason=reason, reference=known):
            return AttemptUnknown.caused_by(cause, attempt=attempt, reason=reason, gateway_reference=known, latency_ms=latency_ms)


def observed(cause: Message, attempt: Attempt, seen: Answer | Finding, source: Source) -> AttemptObserved:
    """A later word: evidence for the verifier."""
    more: dict[str, Any]
    match seen:
        case Succeeded(reference=reference, confirmed=confirmed):
            more = {"finding": "succeeded", "confirmed": confirmed, "gateway_reference": reference}
        case Refused(refusal=refusal, reference=known):
            more = {"finding": "failed", "refusal": refusal, "gateway_reference": known}
        case Pending(reference=known) | ActionRequired(reference=known):
            more = {"finding": "pending", "gateway_reference": known}
        case NotFound():
            more = {"finding": "not_found"}
        case Unclear(reference=known):
            more = {"finding": "unanswered", "gateway_reference": known}
    return AttemptObserved.caused_by(cause, attempt=attempt, source=source, **more)


def stored(outcome: dict[str, Any]) -> Succeeded | Refused | None:
    """What a conclusive outcome, as its row keeps it, says to a lookup; None where the row does not say it whole."""
    if "confirmed" in outcome:
        return Succeeded(outcome.get("gateway_reference", ""), Money.model_validate(outcome["confirmed"]))
    if "refusal" in outcome:
        return Refused(Refusal.model_validate(outcome["refusal"]), outcome.get("gateway_reference"))
    return None
