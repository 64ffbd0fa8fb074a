"""From an attempt's event to the one line that statistics keep of it."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from shared.contracts import AttemptEvent, AttemptFailed, AttemptSucceeded, AttemptUnknown, AttemptVerified, OutcomeClass, amount_bucket

ATTRIBUTABLE: frozenset[OutcomeClass] = frozenset({"success", "gateway_fault", "unknown"})
FIRST, VERIFIED_FAILED, VERIFIED_SUCCEEDED = 0, 1, 2  # phases: what is said of an attempt, in the order in which it counts


@dataclass(frozen=True, slots=True)
class Outcome:
    """One word on one attempt. `phase` and the attempt are its natural key; a word of a higher phase takes the lower one's back, so a
    success that comes after a verified failure counts, and whatever comes after that success does not.

    `at_s` (Unix seconds) is when the attempt's first word was heard: a correction counts in the minute that it corrects. `was` is the
    word that this one takes back, None where it is the first that counts (see `words.settled`).
    """

    attempt_id: UUID
    phase: int
    gateway: str
    method: str
    outcome_class: OutcomeClass
    latency_ms: int | None
    bank: str | None = None
    amount_bucket: str = ""
    segment: str | None = None
    experiment_id: str | None = None
    arm: Literal["control", "treatment"] | None = None
    control_pct: int | None = None
    probe: bool = False
    epoch: int = 0
    at_s: float = 0.0
    was: OutcomeClass | None = None

    @property
    def timeout(self) -> bool:
        """It did not answer in time, whatever is found out later."""
        return self.outcome_class == "unknown"


def outcome_of(event: AttemptEvent) -> Outcome:
    """Raises TypeError for an event that says nothing of how a gateway does.

    An experiment counts a payment's first attempt only: a second one, on another gateway, is no effect of the arm.
    """
    attempt = event.attempt
    phase, outcome_class, latency_ms = _word(event)
    assigned = attempt.experiment if attempt.number == 1 else None
    return Outcome(
        attempt_id=attempt.attempt_id,
        phase=phase,
        gateway=attempt.gateway,
        method=attempt.method,
        outcome_class=outcome_class,
        latency_ms=latency_ms,
        bank=attempt.bank,
        amount_bucket=amount_bucket(attempt.amount.amount_minor),
        segment=attempt.segment,
        experiment_id=assigned.experiment_id if assigned else None,
        arm=assigned.arm if assigned else None,
        control_pct=assigned.control_pct if assigned else None,
        probe=attempt.probe,
        epoch=attempt.epoch,
        at_s=event.occurred_at.timestamp(),
    )


def _word(event: AttemptEvent) -> tuple[int, OutcomeClass, int | None]:
    match event:
        case AttemptSucceeded(latency_ms=latency_ms):
            return FIRST, "success", latency_ms
        case AttemptFailed(refusal=refusal, latency_ms=latency_ms):
            return FIRST, refusal.outcome_class, latency_ms
        case AttemptUnknown(latency_ms=latency_ms):
            return FIRST, "unknown", latency_ms
        case AttemptVerified(verdict="succeeded"):
            return VERIFIED_SUCCEEDED, "success", None
        case AttemptVerified(refusal=refusal):
            return VERIFIED_FAILED, refusal.outcome_class if refusal else "gateway_fault", None
        case _:
            raise TypeError(f"{event.kind} is no outcome")
