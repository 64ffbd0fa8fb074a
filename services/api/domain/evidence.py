"""What has been heard of attempts, gathered in any order and any number of times. `fold` is a union: commutative and idempotent."""

from dataclasses import dataclass, field, replace
from typing import Any

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
    RouteExhausted,
)


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything ever heard of one attempt. More than one `charged` means that its witnesses disagree.

    `final`: a refusal said that trying again is of no use.
    """

    number: int
    gateway: str
    operation: str
    unknown: bool = False
    action: bool = False
    action_url: str | None = None
    refused: tuple[tuple[str, str], ...] = ()  # (code, message)
    charged: tuple[tuple[int, str, str], ...] = ()  # (amount_minor, currency, the gateway's reference)
    final: bool = False

    @property
    def is_negative(self) -> bool:
        return bool(self.refused) and not self.charged

    @property
    def reference(self) -> str | None:
        """The gateway's own id of what it did."""
        return next((reference for _, _, reference in self.charged if reference), None)

    @property
    def references(self) -> list[str]:
        return sorted({reference for _, _, reference in self.charged if reference})

    @property
    def has_two_references(self) -> bool:
        return len(self.references) > 1

    @property
    def taken(self) -> set[tuple[int, str]]:
        return {(amount_minor, currency) for amount_minor, currency, _ in self.charged}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a payment's attempts, by attempt id, and the router's last word if it has spoken.

    What follows was decided here: `kept` is the attempt whose charge stands, `reversing` those whose charges are being given back.
    """

    attempts: dict[str, Seen] = field(default_factory=dict)
    exhausted: dict[str, Any] | None = None  # {code, reason, attempts}
    kept: str | None = None
    reversing: tuple[str, ...] = ()


def fold(evidence: Evidence, event: Event) -> Evidence:
    """Add one piece of evidence."""
    if isinstance(event, RouteExhausted):
        return replace(evidence, exhausted=last_word(evidence.exhausted, event))
    if not isinstance(event, AttemptEvent):
        raise TypeError(f"{event.kind} is no evidence about a payment")
    return replace(evidence, attempts=fold_attempt(evidence.attempts, event))


def fold_attempt(attempts: dict[str, Seen], event: AttemptEvent) -> dict[str, Seen]:
    name = str(event.attempt.attempt_id)
    return {**attempts, name: see(attempts.get(name) or blank(event.attempt), event)}


def last_word(known: dict[str, Any] | None, event: RouteExhausted) -> dict[str, Any]:
    """Should the router ever say two, the payment fails only once every attempt of both is refused."""
    said = {"code": event.code, "reason": event.reason, "attempts": sorted(map(str, event.attempts))}
    if known is None:
        return said
    kept = min(known, said, key=lambda one: (one["code"], one["reason"]))
    return {**kept, "attempts": sorted({*known["attempts"], *said["attempts"]})}


def blank(attempt: Attempt) -> Seen:
    return Seen(attempt.number, attempt.gateway, attempt.operation)


def see(seen: Seen, event: AttemptEvent) -> Seen:
    match event:
        case AttemptSucceeded(confirmed=confirmed, gateway_reference=reference):
            return replace(seen, charged=_with(seen.charged, (confirmed.amount_minor, confirmed.currency, reference)))
        case AttemptVerified(verdict="succeeded", confirmed=confirmed, gateway_reference=reference):
            money = confirmed or event.attempt.amount
            return replace(seen, charged=_with(seen.charged, (money.amount_minor, money.currency, reference or "")))
        case AttemptFailed(refusal=refusal):
            told = (refusal.code, refusal.message)
            return replace(seen, refused=_with(seen.refused, told), final=seen.final or not refusal.retryable)
        case AttemptVerified(refusal=known):
            told = (known.code, known.message) if known else ("NOT_FOUND_AT_GATEWAY", "the gateway does not know this attempt")
            is_final = seen.final or (known is not None and not known.retryable)
            return replace(seen, refused=_with(seen.refused, told), final=is_final)
        case AttemptExpired(reason=reason):
            return replace(seen, refused=_with(seen.refused, ("ATTEMPT_EXPIRED", reason)))
        case AttemptUnknown():
            return replace(seen, unknown=True)
        case AttemptActionRequired(action_url=url):
            return replace(seen, action=True, action_url=min(filter(None, (seen.action_url, url)), default=None))
    raise TypeError(f"{event.kind} is no evidence about a payment")


def _with(known: tuple[Any, ...], one: Any) -> tuple[Any, ...]:
    return tuple(sorted({*known, one}))
