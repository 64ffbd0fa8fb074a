"""Tokens of a subscription: a payment takes one when it is accepted, and gives it back when no gateway accepted the payment."""

from dataclasses import dataclass
from uuid import UUID, uuid5

from services.api.domain.evidence import Evidence
from shared.contracts import Status

SPACE = UUID("8d6c2d59-3f0c-5b43-9d5e-0f9c1f6a7b21")  # of names of subscriptions
CAME_TO_NOTHING: frozenset[Status] = frozenset({"failed", "cancelled", "expired"})


class QuotaExhausted(Exception):
    """No token can be taken; nothing was written."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Of a subscription, under its lock."""

    tokens: int
    active: bool


def own_id(merchant_id: str, subscription_id: str) -> UUID:
    """A merchant names its subscriptions itself; a name is good within that merchant only."""
    return uuid5(SPACE, f"{merchant_id}\n{subscription_id}")


def why_refused(standing: Standing | None, *, taken: int = 0) -> str | None:
    """None where there is a token. `taken` are those that others have taken since the standing was read."""
    if standing is None:
        return "There is no such subscription."
    if not standing.active:
        return "The subscription is not active."
    if standing.tokens <= taken:
        return "The subscription has no token left."
    return None


def is_given_back(was: Status, becomes: Status, evidence: Evidence) -> bool:
    """Once: what has come to nothing never becomes anything else. A charge or an authorization means that a gateway accepted it, also
    where it was voided later; one that comes to light afterwards is reversed, so the token stays given back."""
    return was not in CAME_TO_NOTHING and becomes in CAME_TO_NOTHING and not any(seen.charged for seen in evidence.attempts.values())
