"""The guard against card testing: how many different cards somebody may try within a while.

Whoever tests stolen numbers tries many cards, few times each; whoever buys tries few. So different values are counted, not requests:
a value that was seen within the window is no news, and one that is refused is not remembered.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["cards_per_address", "cards_per_caller", "cards_per_customer", "tries_per_card"]


@dataclass(frozen=True, slots=True)
class Rule:
    """At most `limit` different values within any `window_s`."""

    kind: Kind
    limit: int
    window_s: float


@dataclass(frozen=True, slots=True)
class Count:
    """One value that one rule counts for one subject."""

    kind: Kind
    subject: str
    value: str


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays with what. `caller` is the address that asks, `address` the payer's own where it is known: behind a shop's server,
    which asks for all its customers, only the shop can say it."""

    payment: str
    card: str
    caller: str
    address: str | None = None
    customer: str | None = None  # within its merchant


@dataclass(frozen=True, slots=True)
class Verdict:
    """`wait_s` is 0 for what is let in, and otherwise when the first of the values counted leaves the window."""

    wait_s: float
    reason: str

    @property
    def admitted(self) -> bool:
        return self.wait_s <= 0


def counts_of(payer: Payer) -> Iterator[Count]:
    """What is counted about a payment by card."""
    if payer.address:
        yield Count("cards_per_address", payer.address, payer.card)
    elif payer.caller:
        yield Count("cards_per_caller", payer.caller, payer.card)
    if payer.customer:
        yield Count("cards_per_customer", payer.customer, payer.card)
    yield Count("tries_per_card", f"{payer.card} {payer.address or payer.caller}", payer.payment)


def judge(seen: Mapping[str, float], value: str, *, now_s: float, rule: Rule) -> Verdict:
    """`seen` has when each value was last let in, by a clock that never goes back."""
    fresh = sorted(at_s for at_s in seen.values() if now_s - at_s < rule.window_s)
    if len(fresh) < rule.limit or now_s - seen.get(value, -rule.window_s) < rule.window_s:
        return Verdict(0.0, f"{len(fresh)} of {rule.limit}")
    leaves_s = fresh[len(fresh) - rule.limit] + rule.window_s
    return Verdict(max(leaves_s - now_s, 1e-9), f"more than {rule.limit} {rule.kind.replace('_', ' ')} in {rule.window_s:.0f} s")
