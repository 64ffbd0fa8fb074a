"""The one state machine of a payment: evidence is gathered in any order and any number of times, and the state follows from it.

`fold` is a union, so repetition and order of evidence change nothing about an attempt. `judge` only ever moves forward:

    processing ─▶ requires_action ─▶ pending_verification ─▶ succeeded | requires_capture | failed | conflicted
"""

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
    Money,
    RouteExhausted,
    Status,
)

FORWARD: dict[Status, int] = {"processing": 0, "requires_action": 1, "pending_verification": 2}


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything ever heard of one attempt. More than one `charged` means that its witnesses disagree."""

    number: int
    gateway: str
    operation: str
    unknown: bool = False
    action: bool = False
    action_url: str | None = None
    refused: tuple[tuple[str, str], ...] = ()  # (code, message)
    charged: tuple[tuple[int, str, str], ...] = ()  # (amount_minor, currency, the gateway's reference)

    @property
    def is_negative(self) -> bool:
        return bool(self.refused) and not self.charged


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a payment's attempts, by attempt id, and the router's last word if it has spoken."""

    attempts: dict[str, Seen] = field(default_factory=dict)
    exhausted: dict[str, Any] | None = None  # {code, reason, attempts}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a payment stands, and why."""

    status: Status
    reason: str
    gateway: str | None = None
    error: dict[str, str] | None = None
    payment_url: str | None = None


def fold(evidence: Evidence, event: Event) -> Evidence:
    """Add one piece of evidence. Commutative and idempotent."""
    if isinstance(event, RouteExhausted):
        return replace(evidence, exhausted=last_word(evidence.exhausted, event))
    if not isinstance(event, AttemptEvent):
        raise TypeError(f"{event.kind} is no evidence about a payment")
    name = str(event.attempt.attempt_id)
    return replace(evidence, attempts={**evidence.attempts, name: see(evidence.attempts.get(name) or blank(event.attempt), event)})


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
            return replace(seen, refused=_with(seen.refused, (refusal.code, refusal.message)))
        case AttemptVerified(refusal=known):
            told = (known.code, known.message) if known else ("NOT_FOUND_AT_GATEWAY", "the gateway does not know this attempt")
            return replace(seen, refused=_with(seen.refused, told))
        case AttemptExpired(reason=reason):
            return replace(seen, refused=_with(seen.refused, ("ATTEMPT_EXPIRED", reason)))
        case AttemptUnknown():
            return replace(seen, unknown=True)
        case AttemptActionRequired(action_url=url):
            return replace(seen, action=True, action_url=min(filter(None, (seen.action_url, url)), default=None))
    raise TypeError(f"{event.kind} is no evidence about a payment")


def judge(evidence: Evidence, *, asked: Money, was: Status) -> Standing:
    """The state that the evidence justifies, from the state the payment is in."""
    charges = [seen for seen in evidence.attempts.values() if seen.charged]
    if charges:
        return judge_charges(charges, asked=asked, was=was)
    if was not in FORWARD:
        return Standing(was, "nothing new")
    if evidence.exhausted and all(is_refused(evidence, name) for name in evidence.exhausted["attempts"]):
        return Standing("failed", evidence.exhausted["reason"], gateway=last_gateway(evidence), error=error_of(evidence))
    waiting = [seen for seen in evidence.attempts.values() if not seen.is_negative]
    if any(seen.unknown for seen in waiting) and FORWARD[was] < FORWARD["pending_verification"]:
        return Standing("pending_verification", "the gateway's answer was lost; it is being asked", gateway=last_gateway(evidence))
    for seen in waiting:
        if seen.action and FORWARD[was] < FORWARD["requires_action"]:
            return Standing("requires_action", "the customer has to act", gateway=seen.gateway, payment_url=seen.action_url)
    return Standing(was, "nothing new")


def judge_charges(charges: list[Seen], *, asked: Money, was: Status) -> Standing:
    """Money has moved at least once."""
    first, taken = charges[0], {(amount_minor, currency) for seen in charges for amount_minor, currency, _ in seen.charged}
    if taken != {(asked.amount_minor, asked.currency)}:
        found = ", ".join(f"{amount_minor} {currency}" for amount_minor, currency in sorted(taken))
        return conflicted("AMOUNT_MISMATCH", f"asked for {asked}, the gateway confirms {found}", first.gateway)
    if len(charges) > 1 or any(len({reference for _, _, reference in seen.charged if reference}) > 1 for seen in charges):
        return conflicted("CHARGED_TWICE", "more than one charge stands for this payment", first.gateway)
    if was == "failed":
        return conflicted("LATE_SUCCESS", "the gateway confirms a charge of a payment that had failed", first.gateway)
    if was not in FORWARD:
        return Standing(was, "nothing new")
    status: Status = "requires_capture" if first.operation == "authorize" else "succeeded"
    return Standing(status, f"{first.gateway} confirms {asked}", gateway=first.gateway)


def conflicted(code: str, message: str, gateway: str) -> Standing:
    return Standing("conflicted", message, gateway=gateway, error={"code": code, "message": message})


def is_refused(evidence: Evidence, name: str) -> bool:
    return name in evidence.attempts and evidence.attempts[name].is_negative


def last_gateway(evidence: Evidence) -> str | None:
    return max(evidence.attempts.values(), key=lambda seen: seen.number).gateway if evidence.attempts else None


def error_of(evidence: Evidence) -> dict[str, str]:
    """What the merchant is told: the router's code, and the last gateway's own words where there are any."""
    exhausted = evidence.exhausted or {}
    last = max(evidence.attempts.values(), key=lambda seen: seen.number, default=None)
    message = last.refused[-1][1] if last and last.refused and last.refused[-1][1] else exhausted.get("reason", "")
    return {"code": str(exhausted.get("code", "FAILED")), "message": message}


def _with(known: tuple[Any, ...], one: Any) -> tuple[Any, ...]:
    return tuple(sorted({*known, one}))
