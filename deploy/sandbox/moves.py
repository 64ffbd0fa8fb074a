"""Money that follows a charge: captures, refunds, voids, and the sums they may never pass. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from deploy.sandbox.behaviour import MESSAGES
from deploy.sandbox.charge import Charge

MoveKind = Literal["capture", "refund", "void"]
MoveStatus = Literal["succeeded", "failed", "pending"]

PAST: dict[MoveKind, str] = {"capture": "captured", "refund": "refunded", "void": "voided"}
SUM_MESSAGES = {
    "capture_exceeds_authorized": "More than what is still held.",
    "refund_exceeds_captured": "More than what was captured and not refunded.",
    "not_capturable": "This charge holds nothing that could be captured.",
    "not_refundable": "Nothing of this charge was captured.",
    "not_voidable": "This charge holds nothing that could be released.",
}


@dataclass(frozen=True, slots=True)
class Move:
    """`amount_minor` is what was moved, `requested_minor` what was asked for. A `final` capture releases what it leaves."""

    move_id: str
    charge_id: str
    kind: MoveKind
    reference: str
    idempotency_key: str | None
    amount_minor: int
    requested_minor: int
    currency: str
    behaviour: str
    status: MoveStatus
    created_at: str
    code: str | None = None
    final: bool = False
    notes: Mapping[str, str] | None = None

    def view(self) -> dict[str, Any]:
        """As the gateway's own API shows it."""
        shown = {
            "id": self.move_id,
            "charge_id": self.charge_id,
            "reference": self.reference,
            "operation": self.kind,
            "status": self.status,
            "amount_minor": self.amount_minor,
            "currency": self.currency,
            "created_at": self.created_at,
        }
        return shown if self.code is None else shown | {"code": self.code, "message": MESSAGES.get(self.code, "")}

    def record(self, account: str, at: str) -> dict[str, Any]:
        """The journal's line: `captured`, `capture_refused`, `capture_pending`, and so on."""
        ends = {"succeeded": PAST[self.kind], "failed": f"{self.kind}_refused", "pending": f"{self.kind}_pending"}
        return {
            "at": at,
            "account": account,
            "kind": ends[self.status],
            "charge_id": self.charge_id,
            "reference": self.reference,
            "idempotency_key": self.idempotency_key,
            "operation": self.kind,
            "amount_minor": self.amount_minor,
            "requested_minor": self.requested_minor,
            "currency": self.currency,
            "behaviour": self.behaviour,
            "code": self.code,
            "move_id": self.move_id,
            "final": self.final,
            "notes": self.notes,
        }


def replayed(record: Mapping[str, Any]) -> Move:
    """What a journal line says. Raises KeyError."""
    same = ("move_id", "charge_id", "reference", "idempotency_key", "amount_minor", "requested_minor", "currency", "behaviour", "code")
    kind = record["operation"]
    ends: dict[str, MoveStatus] = {PAST[kind]: "succeeded", f"{kind}_refused": "failed", f"{kind}_pending": "pending"}
    facts = {name: record[name] for name in (*same, "final", "notes")}
    return Move(**facts, kind=kind, status=ends[record["kind"]], created_at=record["at"])


@dataclass(frozen=True, slots=True)
class Sums:
    """In minor units. What is still pending counts as done: nobody may take it twice."""

    held: int
    captured: int
    refunded: int
    closed: bool  # nothing more can be captured

    @property
    def capturable(self) -> int:
        return 0 if self.closed else self.held - self.captured


def sums(charge: Charge, moves: Iterable[Move]) -> Sums:
    live = [move for move in moves if move.status != "failed"]
    moved = {kind: sum(move.amount_minor for move in live if move.kind == kind) for kind in PAST}
    whole = charge.amount_minor if charge.status == "succeeded" else 0
    held = charge.amount_minor if charge.status in ("succeeded", "authorized") else 0
    closed = bool(whole) or any(move.kind == "void" or move.final for move in live)
    return Sums(held, whole + moved["capture"], moved["refund"], closed or whole + moved["capture"] >= held)


def settled(charge: Charge, moves: Iterable[Move]) -> Sums:
    """The sums of what has really happened: for views."""
    return sums(charge, [move for move in moves if move.status == "succeeded"])


def unpayable(charge: Charge, moves: Iterable[Move], kind: MoveKind, amount_minor: int) -> str | None:
    """The code of the refusal, if the sums do not allow it."""
    now = sums(charge, moves)
    match kind:
        case "capture" if not now.capturable:
            return "not_capturable"
        case "capture" if amount_minor > now.capturable:
            return "capture_exceeds_authorized"
        case "refund" if not now.captured:
            return "not_refundable"
        case "refund" if amount_minor > now.captured - now.refunded:
            return "refund_exceeds_captured"
        case "void" if not now.capturable:
            return "not_voidable"
    return None
