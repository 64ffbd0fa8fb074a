"""Hand-made histories of payments, as a client, the gateways and the shop would have written them down."""

from dataclasses import dataclass, field, replace
from uuid import UUID

from deploy.faults.judge import Charge, Verdict, Webhook, judge
from shared import ids
from shared.contracts import attempt_id

AMOUNT_MINOR = 5_000
FIRST = 0x019B8D5A_2C00_7000_8000_000000000000


def payment(number: int) -> UUID:
    return UUID(int=FIRST + number)


def name(number: int) -> str:
    """What the client calls the payment of this number."""
    return ids.public(ids.PAYMENT, payment(number))


def charge(number: int, *, attempt: int = 1, account: str = "alpha", amount_minor: int = AMOUNT_MINOR) -> Charge:
    return Charge(account, f"ch_{number}_{attempt}_{account}", str(attempt_id(payment(number), attempt)), amount_minor)


def webhook(number: int, kind: str, sequence: int, *, again: bool = False) -> Webhook:
    """`again`: the same event under another id."""
    return Webhook(f"wh_{number}_{sequence}{'_again' if again else ''}", f"payment.{kind}", name(number), sequence)


@dataclass(frozen=True)
class History:
    """What three outsiders know of some payments."""

    amounts: dict[str, int] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    charges: tuple[Charge, ...] = ()
    webhooks: tuple[Webhook, ...] = ()
    leftover: dict[str, int] = field(default_factory=dict)
    unanswered: int = 0

    def and_payment(self, number: int, state: str, *, charged_at: int | None = None, told: tuple[str, ...] | None = None) -> "History":
        """One more payment; `charged_at` is the number of the attempt that charged, `told` the states its webhooks spoke of, in order."""
        kinds = (state,) if told is None else told
        return replace(
            self,
            amounts={**self.amounts, name(number): AMOUNT_MINOR},
            states={**self.states, name(number): state},
            charges=self.charges + ((charge(number, attempt=charged_at),) if charged_at else ()),
            webhooks=self.webhooks + tuple(webhook(number, kind, sequence) for sequence, kind in enumerate(kinds, 1)),
        )

    def judged(self) -> Verdict:
        return judge(self.amounts, self.states, self.charges, self.webhooks, self.leftover, unanswered=self.unanswered)


def clean() -> History:
    """Every way a payment may end well."""
    return (
        History()
        .and_payment(1, "succeeded", charged_at=1)
        .and_payment(2, "succeeded", charged_at=3)
        .and_payment(3, "succeeded", charged_at=1, told=("pending_verification", "succeeded"))
        .and_payment(4, "failed")
        .and_payment(5, "failed", told=("pending_verification", "failed"))
        .and_payment(6, "conflicted", charged_at=1)
    )
