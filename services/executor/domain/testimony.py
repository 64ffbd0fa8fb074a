"""What somebody else says of an attempt of ours: is it news, is it known, or is it none of ours?"""

from dataclasses import dataclass
from typing import Literal

from shared.contracts import GatewayFinding, Match, Money, Operation

State = Literal["started", "expired", "succeeded", "failed", "unknown", "action_required"]
IN_DOUBT: frozenset[State] = frozenset({"started", "unknown", "action_required"})
TAKES_MONEY: frozenset[Operation] = frozenset({"charge", "authorize", "link"})


@dataclass(frozen=True, slots=True)
class Ours:
    """What an attempt's row says. `confirmed` and `reference` are the gateway's amount and name, once it has said them."""

    gateway: str
    operation: Operation
    state: State
    confirmed: Money | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Word:
    """What is said of it."""

    finding: GatewayFinding
    operation: Operation | None = None
    confirmed: Money | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Testimony:
    match: Match
    reason: str


def judge(ours: Ours | None, *, gateway: str, word: Word) -> Testimony:
    """An account speaks for its own attempts only. A success of what is not one yet is news, and so is one that contradicts the one we
    know; a failure is news only while nothing else is known. So it does not matter in which order words come, or how often."""
    if ours is None:
        return Testimony("unmatched", "no attempt of ours has this reference")
    if ours.gateway != gateway:
        return Testimony("unmatched", "the attempt is another account's")
    if word.operation and word.operation != ours.operation and not {word.operation, ours.operation} <= TAKES_MONEY:
        return Testimony("known", f"speaks of a {word.operation}, and the attempt is a {ours.operation}")
    match word.finding:
        case "pending":
            return Testimony("known", "nothing conclusive")
        case "failed" if ours.state in IN_DOUBT:
            return Testimony("news", f"a failure of what was {ours.state}")
        case "failed":
            return Testimony("known", f"a failure of what is {ours.state}")
        case "succeeded" if ours.state != "succeeded":
            return Testimony("news", f"a success of what was {ours.state}")
    if contradicts(ours, word):
        return Testimony("news", "a success with another amount or reference than the one we know")
    return Testimony("known", "the success that we know")


def contradicts(ours: Ours, word: Word) -> bool:
    """Two amounts, or two names, are two charges; what is not said contradicts nothing."""
    two_amounts = ours.confirmed and word.confirmed and ours.confirmed != word.confirmed
    two_names = ours.reference and word.reference and ours.reference != word.reference
    return bool(two_amounts or two_names)
