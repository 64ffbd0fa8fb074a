"""What a gateway did for an order: the charge and its status, as the API shows it and as the journal keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from deploy.sandbox.behaviour import MESSAGES

Wire = Literal["sandbox", "razorpay", "stripe"]
Status = Literal["succeeded", "authorized", "failed", "requires_action", "pending"]

KINDS: dict[Status, str] = {
    "succeeded": "charged",
    "authorized": "authorized",
    "failed": "refused",
    "requires_action": "action_required",
    "pending": "pending",
}
STATUSES = {kind: status for status, kind in KINDS.items()}


@dataclass(frozen=True, slots=True)
class Charge:
    """`amount_minor` is what the payer's account was charged, `requested_minor` what the order said. Knows no instrument."""

    charge_id: str
    reference: str
    idempotency_key: str | None
    operation: str
    amount_minor: int
    requested_minor: int
    currency: str
    method: str
    behaviour: str
    status: Status
    created_at: str  # RFC 3339 in UTC with six decimals, so that text order is time order
    code: str | None = None
    wire: Wire = "sandbox"  # whose format it was ordered in
    intent_id: str | None = None  # the order, intent or link it pays
    notes: Mapping[str, str] | None = None  # that came with it

    def view(self) -> dict[str, Any]:
        """As the gateway's API shows it."""
        shown = {
            "id": self.charge_id,
            "reference": self.reference,
            "status": self.status,
            "operation": self.operation,
            "amount_minor": self.amount_minor,
            "currency": self.currency,
            "method": self.method,
            "created_at": self.created_at,
        }
        if self.code is not None:
            shown |= {"code": self.code, "message": MESSAGES.get(self.code, "")}
        return shown

    def record(self, account: str, at: str) -> dict[str, Any]:
        """The journal's line for the fact that the charge is now in this status."""
        line = {
            "at": at,
            "account": account,
            "kind": KINDS[self.status],
            "charge_id": self.charge_id,
            "reference": self.reference,
            "idempotency_key": self.idempotency_key,
            "operation": self.operation,
            "amount_minor": self.amount_minor,
            "requested_minor": self.requested_minor,
            "currency": self.currency,
            "method": self.method,
            "behaviour": self.behaviour,
            "code": self.code,
        }
        return line if self.intent_id is None else line | {"wire": self.wire, "intent_id": self.intent_id, "notes": self.notes}
