"""From an attempt's event to the one line that statistics keep of it."""

from dataclasses import dataclass
from uuid import UUID

from shared.contracts import AttemptEvent, AttemptFailed, AttemptSucceeded, AttemptUnknown, AttemptVerified, OutcomeClass

ATTRIBUTABLE: frozenset[OutcomeClass] = frozenset({"success", "gateway_fault", "unknown"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """`phase` 0 is the first word on an attempt, 1 the verifier's: together with the attempt it is the natural key."""

    attempt_id: UUID
    phase: int
    gateway: str
    method: str
    outcome_class: OutcomeClass
    latency_ms: int | None


def outcome_of(event: AttemptEvent) -> Outcome:
    attempt = event.attempt
    match event:
        case AttemptSucceeded(latency_ms=latency_ms):
            found: tuple[int, OutcomeClass, int | None] = (0, "success", latency_ms)
        case AttemptFailed(refusal=refusal, latency_ms=latency_ms):
            found = (0, refusal.outcome_class, latency_ms)
        case AttemptUnknown(latency_ms=latency_ms):
            found = (0, "unknown", latency_ms)
        case AttemptVerified(verdict="succeeded"):
            found = (1, "success", None)
        case AttemptVerified(refusal=refusal):
            found = (1, refusal.outcome_class if refusal else "gateway_fault", None)
        case _:
            raise TypeError(f"{event.kind} is no outcome")
    phase, outcome_class, latency_ms = found
    return Outcome(attempt.attempt_id, phase, attempt.gateway, attempt.method, outcome_class, latency_ms)
