"""One attempt of ours beside what the gateway has of it. Pure: neither side is believed over the other, and nothing is made up."""

from dataclasses import dataclass

from services.executor.domain.testimony import IN_DOUBT, Ours, Word, contradicts
from shared.contracts import Comparison, Money


@dataclass(frozen=True, slots=True)
class Compared:
    """`comparison` None: of no account, such as a charge that failed and that we know nothing of."""

    comparison: Comparison | None
    reason: str


def compare(ours: Ours | None, theirs: Word | None, *, asked: Money | None = None, undone: bool = False, what: str = "charge") -> Compared:
    """`theirs` None: the gateway was asked for it and has none. `asked`: what our attempt was for. `undone`: we have voided or given
    back what it took, or are about to, so the gateway may well have ended it. `what`: a charge, or a refund."""
    if theirs is None:
        return absent(ours, undone=undone, what=what)
    if theirs.finding == "pending":
        return Compared("expected", "the gateway has not finished it")
    if theirs.finding == "failed":
        return refused(ours, undone=undone, what=what)
    if ours is None:
        return Compared("unexpected", f"the gateway has a {what} that we know nothing of")
    if theirs.confirmed and theirs.confirmed != (ours.confirmed or asked):
        return Compared("amount_mismatch", f"the gateway moved {theirs.confirmed}, we know of {ours.confirmed or asked}")
    if ours.state == "succeeded" and contradicts(ours, theirs):
        return Compared("unexpected", f"the gateway has another {what} for the same attempt")
    if ours.state == "succeeded":
        return Compared("matched", "both have it")
    if ours.state in IN_DOUBT:
        return Compared("expected", "in doubt here, done there: evidence")
    return Compared("unexpected", f"the gateway has a {what} of what is {ours.state} here")


def absent(ours: Ours | None, *, undone: bool, what: str) -> Compared:
    if ours is None or ours.state in ("failed", "expired"):
        return Compared(None, "nobody has it")
    if ours.state in IN_DOUBT:
        return Compared("expected", "in doubt here, unknown there")
    return Compared("matched", "undone") if undone else Compared("missing", f"we know of a {what} that the gateway does not have")


def refused(ours: Ours | None, *, undone: bool, what: str) -> Compared:
    if ours is None:
        return Compared(None, "refused, and none of ours")
    if ours.state in IN_DOUBT:
        return Compared("expected", "in doubt here, refused there: evidence")
    if ours.state in ("failed", "expired"):
        return Compared("matched", "neither has it")
    return Compared("matched", "undone") if undone else Compared("missing", f"the gateway says that the {what} we know of failed")
