"""What has been done with the money of one charge, and what is under way. All in minor units of the payment's currency."""

from dataclasses import dataclass, fields, replace

from shared.contracts import OperationKind


@dataclass(frozen=True, slots=True)
class Sums:
    """What is under way is reserved until it is known how it ended, so nobody can take it twice:

    captured + capturing + released + releasing ≤ authorized, and refunded + refunding ≤ captured. The table's constraints say the same.
    `reversed_minor` are charges beside the one that stands, given back.
    """

    authorized_minor: int = 0
    captured_minor: int = 0
    capturing_minor: int = 0
    released_minor: int = 0
    releasing_minor: int = 0
    refunded_minor: int = 0
    refunding_minor: int = 0
    reversed_minor: int = 0

    @property
    def open_minor(self) -> int:
        """Authorized, and neither captured nor released yet."""
        return self.authorized_minor - self.captured_minor - self.released_minor

    @property
    def capturable_minor(self) -> int:
        return self.open_minor - self.capturing_minor - self.releasing_minor

    @property
    def refundable_minor(self) -> int:
        return self.captured_minor - self.refunded_minor - self.refunding_minor

    @property
    def balance(self) -> bool:
        """Whether every promise above holds."""
        return all(getattr(self, name) >= 0 for name in (*SUMS, "capturable_minor", "refundable_minor"))


SUMS = tuple(one.name for one in fields(Sums))


def reserve(sums: Sums, kind: OperationKind, amount_minor: int) -> Sums:
    """An operation begins."""
    match kind:
        case "capture":
            return replace(sums, capturing_minor=sums.capturing_minor + amount_minor)
        case "void":
            return replace(sums, releasing_minor=sums.releasing_minor + amount_minor)
        case "refund":
            return replace(sums, refunding_minor=sums.refunding_minor + amount_minor)
        case "reversal":
            return sums


def give_back(sums: Sums, kind: OperationKind, amount_minor: int) -> Sums:
    """It has ended and moved nothing."""
    return reserve(sums, kind, -amount_minor)


def settle(sums: Sums, kind: OperationKind, amount_minor: int) -> Sums:
    """What was reserved has happened."""
    freed = give_back(sums, kind, amount_minor)
    match kind:
        case "capture":
            return replace(freed, captured_minor=freed.captured_minor + amount_minor)
        case "void":
            return replace(freed, released_minor=freed.released_minor + amount_minor)
        case "refund":
            return replace(freed, refunded_minor=freed.refunded_minor + amount_minor)
        case "reversal":
            return replace(freed, reversed_minor=freed.reversed_minor + amount_minor)
