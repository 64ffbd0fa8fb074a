"""Is an attempt settled by what has been seen of it, and if not, when is it asked about next?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from shared.contracts import Money, Operation, Refusal

Finding = Literal["succeeded", "failed", "pending", "not_found", "unanswered"]
State = Literal["open", "succeeded", "failed", "exhausted"]
NOT_FOUND_TIMES = 2  # a gateway's search may lag behind its charges: once, or too early, proves nothing
UNHEARD = "no outcome was heard of"
AWAITED = "the payer has not acted: pending"
AGAIN = "asked about again: "  # somebody doubts it, and the question is on its way
BY_HAND = Refusal(
    code="SETTLED_BY_OPERATOR", message="an operator found that nothing was charged", outcome_class="gateway_fault", retryable=False
)


@dataclass(frozen=True, slots=True)
class Patience:
    """`ladder_s`: pauses before each lookup; `grace_s`: how old an attempt must be before "not found" counts."""

    ladder_s: Sequence[float]
    grace_s: float


@dataclass(frozen=True, slots=True)
class Patiences:
    """Each gateway account's own, else `default`."""

    default: Patience
    by_gateway: Mapping[str, Patience] = field(default_factory=dict)

    def of(self, gateway: str) -> Patience:
        return self.by_gateway.get(gateway, self.default)


@dataclass(frozen=True, slots=True)
class Charge:
    """What is said to have been taken."""

    confirmed: Money
    reference: str | None

    def contradicts(self, other: "Charge") -> bool:
        """Two references, or two amounts, are two charges; a reference that is missing contradicts none."""
        two_references = self.reference and other.reference and self.reference != other.reference
        return self.confirmed != other.confirmed or bool(two_references)

    def names(self, other: "Charge") -> bool:
        """What nobody had a reference of, and what cannot be refunded without."""
        return bool(self.reference and not other.reference)


@dataclass(frozen=True, slots=True)
class Settled:
    verdict: Literal["succeeded", "failed"]
    reason: str


@dataclass(frozen=True, slots=True)
class Open:
    """Not settled. `not_found` is the count so far of "not found" answers that came after the grace."""

    not_found: int
    reason: str


def is_news(state: State, finding: Finding, *, known: Charge | None, seen: Charge | None) -> bool:
    """Whether a word may change what is settled: a success outweighs a failure, for the money moved; a success that contradicts an
    earlier one is evidence of a second charge or of another amount, and one may bring the name that an operator had not; nothing else
    does."""
    match state:
        case "open" | "exhausted":
            return True
        case "failed":
            return finding == "succeeded"
        case "succeeded":
            return finding == "succeeded" and known is not None and seen is not None and (seen.contradicts(known) or seen.names(known))


def weigh(finding: Finding, *, opened_at: datetime, now: datetime, not_found: int, patience: Patience) -> Settled | Open:
    """What one more piece of evidence proves."""
    match finding:
        case "succeeded" | "failed":
            return Settled(finding, f"the gateway says {finding}")
        case "not_found":
            age_s = (now - opened_at).total_seconds()
            if age_s < patience.grace_s:
                return Open(not_found, f"not found after {age_s:.1f} s, before the grace of {patience.grace_s:.0f} s: proves nothing")
            if not_found + 1 >= NOT_FOUND_TIMES:
                return Settled("failed", f"not found {not_found + 1} times after the grace of {patience.grace_s:.0f} s")
            return Open(not_found + 1, "not found once after the grace: asked again")
        case _:
            return Open(not_found, finding)


def is_awaited(operation: Operation, known: str) -> bool:
    """Whether what its gateway calls pending waits for the payer: a link does, and so does a charge whose outcome nobody has called
    unknown. `known` is the verification's reason so far. Nothing hangs on it but the payment's own time, after which it expires."""
    return operation == "link" or (operation in ("charge", "authorize") and known.endswith((UNHEARD, AWAITED)))


def seen_as(finding: Finding, reason: str, *, operation: Operation, known: str) -> str:
    """The reason of an open verification: who has still to act is not forgotten when a gateway once gives no answer."""
    if finding not in ("pending", "unanswered") or not is_awaited(operation, known):
        return reason
    return AWAITED if finding == "pending" else f"{reason}; {AWAITED if known.endswith(AWAITED) else UNHEARD}"


def spared(lookups: int, *, patience: Patience) -> int:
    """How many questions count of a verification whose payer is awaited, once somebody doubts it. Doubts come as often as the payment's
    own clock has it, and the ladder is for what comes after: the question that one brings is not counted, and the last rung is kept."""
    return max(0, min(lookups, len(patience.ladder_s) - 1) - 1)


def shown_state(state: State, reason: str) -> State | Literal["awaited"]:
    """As people see it: whom only the payer can end is no trouble."""
    return "awaited" if state == "open" and reason.endswith(AWAITED) else state


def next_lookup(*, lookups: int, now: datetime, patience: Patience) -> datetime | None:
    """When to ask for the time after `lookups` times; None where the ladder is spent and only an operator can settle it."""
    if lookups >= len(patience.ladder_s):
        return None
    return now + timedelta(seconds=patience.ladder_s[lookups])


def may_settle_by_hand(state: State, verdict: Literal["succeeded", "failed"]) -> bool:
    """An operator may end what nothing else has ended, and correct a failure; a success is never taken back."""
    return state in ("open", "exhausted") or (state == "failed" and verdict == "succeeded")
