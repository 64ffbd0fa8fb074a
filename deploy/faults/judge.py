"""The verdict, from what outsiders know: the client's history, the gateways' journal and the shop's. Pure.

The mesh's own word is used for one thing only: the state that `GET /payments/{id}` shows to the client.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from shared import ids
from shared.contracts import attempt_id

ATTEMPTS_MAX = 10  # of one payment; more than any policy allows
TERMINAL = frozenset({"succeeded", "failed", "conflicted"})
MONEY_MOVED = frozenset({"charged", "authorized"})


@dataclass(frozen=True, slots=True)
class Charge:
    """One line of a gateway's journal in which money moved."""

    account: str
    charge_id: str
    reference: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """One delivery that the shop verified and journaled."""

    webhook_id: str
    type: str
    payment_id: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Everything here must be empty. Lists hold what an engineer needs to find the case."""

    accepted: int
    lost: list[str] = field(default_factory=list)  # accepted, and in no terminal state
    doubled: list[str] = field(default_factory=list)  # more than one live charge
    mismatched: list[str] = field(default_factory=list)  # succeeded without a charge, or failed with one
    unnotified: list[str] = field(default_factory=list)  # ended, and its webhook did not arrive
    invented: list[str] = field(default_factory=list)  # a webhook, or a charge, for what nobody asked for or what is not so
    leftover: dict[str, int] = field(default_factory=dict)  # what still waits somewhere, by name

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.mismatched or self.unnotified or self.invented or any(self.leftover.values()))


def judge(
    states: Mapping[str, str],
    charges: Iterable[Charge],
    webhooks: Iterable[Webhook],
    leftover: Mapping[str, int],
    *,
    unanswered: int = 0,
) -> Verdict:
    """`states`: accepted payment id → status the client was shown last. `unanswered` POSTs may have made payments without a known id."""
    charged, strange_charges = by_payment(states, charges)
    told: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for webhook in webhooks:
        told[webhook.payment_id][webhook.type].add(webhook.webhook_id)
    strange_webhooks = sorted(set(told) - set(states))
    invented = [] if unanswered else [*strange_charges, *(f"webhook for {one}" for one in strange_webhooks)]
    for payment_id, status in states.items():
        invented += untrue(payment_id, status, told.get(payment_id, {}))
    return Verdict(
        accepted=len(states),
        lost=[f"{payment_id} {status}" for payment_id, status in states.items() if status not in TERMINAL],
        doubled=[f"{payment_id}: {', '.join(found)}" for payment_id, found in charged.items() if len(found) > 1],
        mismatched=[line for payment_id, status in states.items() if (line := mismatch(payment_id, status, charged.get(payment_id, [])))],
        unnotified=[
            f"{payment_id} {status}"
            for payment_id, status in states.items()
            if status in TERMINAL and f"payment.{status}" not in told.get(payment_id, {})
        ],
        invented=invented,
        leftover=dict(leftover),
    )


def by_payment(payment_ids: Iterable[str], charges: Iterable[Charge]) -> tuple[dict[str, list[str]], list[str]]:
    """Charges by payment, and those that belong to no attempt of any: references are attempt ids, which follow from the payment's."""
    attempts = {
        str(attempt_id(ids.private(ids.PAYMENT, payment_id), number)): payment_id
        for payment_id in payment_ids
        for number in range(1, ATTEMPTS_MAX + 1)
    }
    found: dict[str, list[str]] = defaultdict(list)
    strange: list[str] = []
    for charge in charges:
        if payment_id := attempts.get(charge.reference):
            found[payment_id].append(f"{charge.account} {charge.charge_id}")
        else:
            strange.append(f"charge {charge.account} {charge.charge_id}")
    return found, strange


def mismatch(payment_id: str, status: str, charged: list[str]) -> str | None:
    if status == "succeeded" and not charged:
        return f"{payment_id} succeeded, and no gateway has a charge"
    if status == "failed" and charged:
        return f"{payment_id} failed, and is charged: {', '.join(charged)}"
    return None


def untrue(payment_id: str, status: str, told: Mapping[str, set[str]]) -> list[str]:
    """Webhooks that say what is not so: another ending, or one event under two ids."""
    endings = {f"payment.{one}" for one in TERMINAL}
    wrong = [f"{payment_id} is {status}, the shop was told {one}" for one in told if one in endings and one != f"payment.{status}"]
    return wrong + [f"{payment_id}: {one} under {len(webhook_ids)} ids" for one, webhook_ids in told.items() if len(webhook_ids) > 1]
