"""The verdict, from what outsiders know: the client's history, the gateways' journal and the shop's. Pure.

The mesh's own word is used for one thing only: what the client is shown of the states of payments and of their operations.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from deploy.faults import money
from deploy.faults.money import CHARGED, Account, Move, Operation
from shared import ids
from shared.contracts import attempt_id

ATTEMPTS_MAX = 10  # of one payment; more than any policy allows
# Where a payment may stay. An authorization may wait for its capture for days.
TERMINAL = frozenset({"failed", "conflicted", "expired"} | CHARGED)
# state → the resting states that may lie before it, of which the shop was told.
BEFORE = {
    "succeeded": {"requires_capture"},
    "partially_refunded": {"requires_capture", "succeeded"},
    "refunded": {"requires_capture", "succeeded", "partially_refunded"},
    "cancelled": {"requires_capture"},
    "expired": {"requires_capture"},
    "conflicted": TERMINAL,
}
ENDINGS = frozenset(f"payment.{state}" for state in TERMINAL)
MONEY_MOVED = frozenset({"charged", "authorized"})
KINDS = ("lost", "doubled", "mismatched", "unnotified", "invented", "leftover")


@dataclass(frozen=True, slots=True)
class Charge:
    """One line of a gateway's journal in which money moved. `reference` is what the mesh called it: an attempt's id."""

    account: str
    charge_id: str
    reference: str
    amount_minor: int
    authorized: bool = False


@dataclass(frozen=True, slots=True)
class Webhook:
    """One delivery that the shop verified, journaled and answered with a 2xx. `sequence` counts what a payment's merchant is told of it."""

    webhook_id: str
    type: str
    payment_id: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Everything here must be empty. Lists hold what an engineer needs to find the case."""

    accepted: int
    lost: list[str] = field(default_factory=list)  # accepted, and in no terminal state
    doubled: list[str] = field(default_factory=list)  # more than one live charge
    mismatched: list[str] = field(default_factory=list)  # succeeded without a charge or with another amount, or failed with one
    unnotified: list[str] = field(default_factory=list)  # ended, and one of its webhooks did not arrive
    invented: list[str] = field(default_factory=list)  # a webhook, or a charge, for what nobody asked for or what is not so
    leftover: dict[str, int] = field(default_factory=dict)  # what still waits somewhere, by name

    @property
    def red(self) -> dict[str, int]:
        """Kind of violation → how many, of those that there are."""
        counts = {kind: len(getattr(self, kind)) for kind in KINDS[:-1]} | {"leftover": sum(self.leftover.values())}
        return {kind: count for kind, count in counts.items() if count}

    @property
    def clean(self) -> bool:
        return not self.red


def judge(
    amounts: Mapping[str, int],
    states: Mapping[str, str],
    charges: Iterable[Charge],
    webhooks: Iterable[Webhook],
    leftover: Mapping[str, int],
    *,
    unanswered: int = 0,
    asked: Mapping[str, Mapping[str, int]] | None = None,
    operations: Mapping[str, Sequence[Operation]] | None = None,
    moves: Iterable[Move] = (),
    reversals: bool = False,
) -> Verdict:
    """`amounts`: accepted payment id → minor units asked for; `states`: id → status the client was shown last.

    `asked`: payment id → operation id → minor units that the client was told of; `operations`: what it was shown last.

    `reversals`: a charge that was given back counts no more.

    `unanswered` POSTs may have made payments whose ids nobody was told: strange charges and webhooks prove nothing then.
    """
    charged, strange = by_payment(amounts, charges)
    moved, strange_moves = money.by_payment(operations or {}, moves)
    strange += strange_moves
    told: dict[str, list[Webhook]] = defaultdict(list)
    for webhook in webhooks:
        told[webhook.payment_id].append(webhook)
    strange += [f"webhook for {one}" for one in sorted(set(told) - set(amounts))]
    verdict = Verdict(len(amounts), invented=[] if unanswered else strange, leftover=dict(leftover))
    for payment_id, amount_minor in amounts.items():
        status, every, heard = states.get(payment_id, "never shown"), charged.get(payment_id, []), told.get(payment_id, [])
        books = {one.charge_id: (one.amount_minor, one.authorized) for one in every}
        account = Account(status, books, (operations or {}).get(payment_id, ()), moved.get(payment_id, ()))
        live = [one for one in every if not reversals or one.charge_id in account.standing]
        lost = ([status] if status not in TERMINAL else []) + [*money.unfinished(account, (asked or {}).get(payment_id, {}))]
        verdict.lost.extend(f"{payment_id} {line}" for line in lost)
        doubled = ([charges_in_words(live)] if len(live) > 1 else []) + [*money.repeated(account)]
        verdict.doubled.extend(f"{payment_id}: {line}" for line in doubled)
        wrong = [line for line in [mismatch(status, amount_minor, live)] if line] + [*money.untrue(account)]
        verdict.mismatched.extend(f"{payment_id} {line}" for line in wrong)
        if status in TERMINAL:
            missing = [line for line in [unheard(status, heard)] if line]
            missing += money.untold(account, Counter(name for name, _ in {(one.type, one.webhook_id) for one in heard}))
            verdict.unnotified.extend(f"{payment_id} {status}: {line}" for line in missing)
        verdict.invented.extend(f"{payment_id} {line}" for line in untrue(status, heard))
    return verdict


def by_payment(payment_ids: Iterable[str], charges: Iterable[Charge]) -> tuple[dict[str, list[Charge]], list[str]]:
    """Charges by payment, and those that belong to no attempt of any: references are attempt ids, which follow from the payment's."""
    attempts = {
        str(attempt_id(ids.private(ids.PAYMENT, payment_id), number)): payment_id
        for payment_id in payment_ids
        for number in range(1, ATTEMPTS_MAX + 1)
    }
    found: dict[str, list[Charge]] = defaultdict(list)
    strange: list[str] = []
    for charge in charges:
        if payment_id := attempts.get(charge.reference):
            found[payment_id].append(charge)
        else:
            strange.append(f"charge {charge.account} {charge.charge_id}")
    return found, strange


def mismatch(status: str, amount_minor: int, live: Sequence[Charge]) -> str | None:
    """What the mesh says of the money, against what the gateways have."""
    if status in CHARGED and not live:
        return f"{status}, and no gateway has a charge"
    if status in CHARGED and any(charge.amount_minor != amount_minor for charge in live):
        return f"{status} with {charges_in_words(live)}, where {amount_minor} was asked for"
    if status == "failed" and live:
        return f"failed, and is charged: {charges_in_words(live)}"
    return None


def unheard(status: str, heard: Sequence[Webhook]) -> str | None:
    """One webhook is owed for each state entered, the last one included; their sequence has no gaps."""
    if f"payment.{status}" not in {webhook.type for webhook in heard}:
        return f"payment.{status} did not arrive"
    there = {webhook.sequence for webhook in heard}
    gaps = sorted(set(range(1, max(there) + 1)) - there)
    return f"no webhook of sequence {', '.join(map(str, gaps))}" if gaps else None


def untrue(status: str, heard: Sequence[Webhook]) -> list[str]:
    """Webhooks that say what is not so: another ending, or one state under two webhook ids or two names."""
    others = {webhook.type for webhook in heard} & ENDINGS - {f"payment.{one}" for one in {status, *BEFORE.get(status, ())}}
    names: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for webhook in heard:
        names[webhook.sequence].add((webhook.type, webhook.webhook_id))
    twice = [f"sequence {number} was told {len(told)} ways: {sorted(told)}" for number, told in names.items() if len(told) > 1]
    return [f"is {status}, the shop was told {one}" for one in sorted(others)] + twice


def charges_in_words(money: Iterable[Charge]) -> str:
    return ", ".join(f"{charge.amount_minor} at {charge.account} ({charge.charge_id})" for charge in money)
