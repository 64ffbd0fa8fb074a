"""The verdict on money that follows a charge: what merchants were shown of their operations, against the gateways' journal. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from shared import ids
from shared.contracts import attempt_id

TRIES_MAX = 12  # of one operation; more than any setting allows
PAST = {"capture": "captured", "refund": "refunded", "void": "voided"}
ENDED = frozenset({"succeeded", "failed", "conflicted"})
CHARGED = frozenset({"succeeded", "partially_refunded", "refunded", "requires_capture", "cancelled"})  # a charge stands behind each


@dataclass(frozen=True, slots=True)
class Move:
    """One line of a gateway's journal in which a charge was captured, refunded or voided. `reference` is the mesh's: an attempt's id."""

    kind: str
    account: str
    charge_id: str
    reference: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Operation:
    """As `GET /payments/{id}/operations` showed it last."""

    id: str
    kind: str
    status: str
    amount_minor: int

    @property
    def references(self) -> Iterator[str]:
        own = ids.private(ids.OPERATIONS[self.kind], self.id)
        return (str(attempt_id(own, number)) for number in range(1, TRIES_MAX + 1))


@dataclass(frozen=True, slots=True)
class Account:
    """One payment's books. `charges`: charge id → (amount, was it authorized only), as the gateways have them."""

    status: str
    charges: Mapping[str, tuple[int, bool]]
    operations: Sequence[Operation]
    moves: Sequence[Move]

    @property
    def standing(self) -> dict[str, tuple[int, bool]]:
        """Charges that no reversal has given back."""
        of_reversals = {reference for one in self.operations if one.kind == "reversal" for reference in one.references}
        back = Counter[str]()
        for move in self.moves:
            if move.reference in of_reversals:
                back[move.charge_id] += move.amount_minor
        return {charge_id: charge for charge_id, charge in self.charges.items() if back[charge_id] < charge[0]}


def by_payment(operations: Mapping[str, Sequence[Operation]], moves: Iterable[Move]) -> tuple[dict[str, list[Move]], list[str]]:
    """Moves by payment, and those that belong to no operation of any."""
    owners = {reference: payment_id for payment_id, every in operations.items() for one in every for reference in one.references}
    found: dict[str, list[Move]] = defaultdict(list)
    strange: list[str] = []
    for move in moves:
        if payment_id := owners.get(move.reference):
            found[payment_id].append(move)
        else:
            strange.append(f"{move.kind} {move.account} {move.charge_id}")
    return found, strange


def unfinished(account: Account, asked: Mapping[str, int]) -> Iterator[str]:
    """What the mesh accepted and has not brought to an end. `asked`: operation id → amount that the client was told of."""
    there = {one.id: one for one in account.operations}
    for one in account.operations:
        if one.status not in ENDED:
            yield f"{one.kind} {one.id} {one.status}"
    for name, amount_minor in asked.items():
        if name not in there or there[name].amount_minor != amount_minor:
            yield f"{name} of {amount_minor} is not shown"


def repeated(account: Account) -> Iterator[str]:
    """What was done more than once."""
    for one in account.operations:
        if len(done := done_for(one, account.moves)) > 1:
            yield f"{one.kind} {one.id} was done {len(done)} times"


def untrue(account: Account) -> Iterator[str]:
    """What the mesh shows of operations and sums, and the gateways do not have."""
    for one in account.operations:
        done = done_for(one, account.moves)
        if one.status == "succeeded" and not done:
            yield f"{one.kind} {one.id} succeeded, and no gateway did it"
        if one.status == "failed" and done:
            yield f"{one.kind} {one.id} failed, and was done"
        if one.status == "succeeded" and one.kind != "void" and any(move.amount_minor != one.amount_minor for move in done):
            yield f"{one.kind} {one.id} succeeded with another amount than {one.amount_minor}"
    if account.status == "conflicted":
        return
    for charge_id, (amount_minor, authorized) in account.standing.items():
        moved = Counter[str]()
        for move in account.moves:
            if move.charge_id == charge_id:
                moved[move.kind] += move.amount_minor
        captured = moved["captured"] if authorized else amount_minor
        if captured + moved["voided"] > amount_minor or moved["refunded"] > captured:
            yield f"{charge_id}: of {amount_minor}, {captured} captured, {moved['voided']} voided, {moved['refunded']} refunded"
        if not fits(account.status, amount_minor, captured, moved["refunded"]):
            yield f"is {account.status} with {captured} captured and {moved['refunded']} refunded of {amount_minor}"


def fits(status: str, amount_minor: int, captured: int, refunded: int) -> bool:
    """Whether a state may stand over these sums."""
    match status:
        case "succeeded":
            return captured > 0 and refunded == 0
        case "partially_refunded":
            return 0 < refunded < captured
        case "refunded":
            return 0 < refunded == captured
        case "requires_capture":
            return captured < amount_minor and refunded == 0
        case "cancelled" | "expired":
            return captured == 0
    return True


def untold(account: Account, types: Counter[str]) -> Iterator[str]:
    """Operations that ended, and whose webhook did not arrive. `types`: how many different webhooks of each type did."""
    owed = Counter[str]()
    for one in account.operations:
        if one.kind in ("capture", "refund") and one.status in ("succeeded", "failed"):
            owed[f"{one.kind}.{one.status}"] += 1
        if (one.kind, one.status) == ("reversal", "succeeded"):
            owed["payment.reversed"] += 1
    for name, count in owed.items():
        if types[name] < count:
            yield f"{types[name]} of {count} {name} arrived"


def done_for(one: Operation, moves: Iterable[Move]) -> list[Move]:
    references = set(one.references)
    return [move for move in moves if move.reference in references]
