"""Captures, refunds, voids and reversals: what a try at one is, and what its evidence makes of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.api.domain.evidence import Seen, fold_attempt
from shared.contracts import Attempt, AttemptEvent, Method, Money, Operation, OperationKind, OperationSnapshot, OperationStatus, attempt_id

Origin = Literal["merchant", "remainder", "expiry", "late_success"]
UNDER_WAY: frozenset[OperationStatus] = frozenset({"processing", "pending_verification"})


@dataclass(frozen=True, slots=True)
class Movement:
    """One operation's row. `number` is the try that is under way; `closes`: after this capture nothing more can be captured.

    `releases`: the gateway lets go of the rest by itself once it is captured.
    """

    operation_id: UUID
    payment_id: UUID
    merchant_id: str
    kind: OperationKind
    origin: Origin
    does: Operation
    gateway: str
    target_reference: str | None
    charge_id: str
    method: Method
    amount: Money
    created_at: datetime
    updated_at: datetime
    closes: bool = False
    releases: bool = False
    status: OperationStatus = "processing"
    number: int = 1
    evidence: dict[str, Seen] = field(default_factory=dict)
    reason: str | None = None
    error: dict[str, str] | None = None
    due_at: datetime | None = None

    @property
    def snapshot(self) -> OperationSnapshot:
        return OperationSnapshot(
            operation_id=self.operation_id,
            payment_id=self.payment_id,
            kind=self.kind,
            status=self.status,
            amount=self.amount,
            gateway=self.gateway,
            reason=self.reason,
            error=self.error,
            created_at=self.created_at,
            updated_at=self.updated_at,
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an operation's evidence proves. `again`: it is worth another try."""

    status: OperationStatus
    reason: str
    error: dict[str, str] | None = None
    again: bool = False


def attempt_of(movement: Movement) -> Attempt:
    """The try that is under way: always the same one of a number."""
    return Attempt(
        attempt_id=attempt_id(movement.operation_id, movement.number),
        payment_id=movement.payment_id,
        merchant_id=movement.merchant_id,
        operation=movement.does,
        gateway=movement.gateway,
        number=movement.number,
        amount=movement.amount,
        method=movement.method,
        operation_id=movement.operation_id,
        target_reference=movement.target_reference,
    )


def hear(movement: Movement, event: AttemptEvent) -> Movement:
    """Add one piece of evidence. Commutative and idempotent."""
    return replace(movement, evidence=fold_attempt(movement.evidence, event))


def weigh(movement: Movement, *, tries_max: int) -> Verdict:
    """What follows from all that has been heard. An operation that failed may yet be found to have happened, never the other way."""
    done = [seen for seen in movement.evidence.values() if seen.charged]
    if done:
        return weigh_done(movement, done)
    if movement.status not in UNDER_WAY:
        return Verdict(movement.status, "nothing new", movement.error)
    seen = movement.evidence.get(str(attempt_of(movement).attempt_id))
    if seen is None:
        return Verdict(movement.status, "nothing new")
    if not seen.is_negative:
        in_doubt = seen.unknown or seen.action
        return Verdict("pending_verification", "the gateway's answer was lost; it is being asked") if in_doubt else still(movement)
    code, message = seen.refused[0]
    error = {"code": code, "message": message}
    if movement.kind == "reversal":  # it must be done: even a refusal that seems final is asked about again
        return Verdict("exhausted", "no try is left", error) if movement.number >= tries_max else again(movement, error)
    if seen.final or movement.number >= tries_max:
        return Verdict("failed", message or code, error)
    return again(movement, error)


def weigh_done(movement: Movement, done: list[Seen]) -> Verdict:
    """The gateway says that it was done at least once."""
    if movement.status == "conflicted":
        return Verdict("conflicted", "nothing new", movement.error)
    taken = set().union(*(seen.taken for seen in done))
    found = ", ".join(f"{amount_minor} {currency}" for amount_minor, currency in sorted(taken))
    # What a void lets go is whatever the gateway holds: some say so in other amounts than what is left.
    differs = taken != {(movement.amount.amount_minor, movement.amount.currency)} and movement.does != "void"
    if differs or len(done) > 1 or any(seen.has_two_references for seen in done):
        said = f"asked for a {movement.kind} of {movement.amount}, the gateway confirms {found}{' more than once' if not differs else ''}"
        return Verdict("conflicted", said, {"code": "OPERATION_MISMATCH", "message": said})
    return Verdict("succeeded", f"{movement.gateway} confirms {movement.amount}")


def happened_after_all(movement: Movement) -> Verdict:
    """It had failed, its amount has been used otherwise since, and now the gateway says that it was done."""
    said = f"a {movement.kind} of {movement.amount} was done after it had failed, and there is no room for it any more"
    return Verdict("conflicted", said, {"code": "OPERATION_MISMATCH", "message": said})


def again(movement: Movement, error: dict[str, str]) -> Verdict:
    return Verdict(movement.status, f"refused with {error['code']}; to be tried again", error, again=True)


def still(movement: Movement) -> Verdict:
    return Verdict(movement.status, "nothing new")


def next_try(movement: Movement) -> Movement | None:
    """The next number, if the try under way is known to have moved nothing. None: it may still end either way."""
    seen = movement.evidence.get(str(attempt_of(movement).attempt_id))
    return replace(movement, number=movement.number + 1) if seen and seen.is_negative else None


def once_more(movement: Movement) -> Movement | None:
    """The next number of what has been given up. None: it has not been."""
    following = next_try(movement) if movement.status == "exhausted" else None
    return replace(following, status="processing", error=None) if following else None


def pause_s(pauses_s: Sequence[float], number: int) -> float:
    """Before the try after `number`."""
    return pauses_s[min(number, len(pauses_s)) - 1] if pauses_s else 0.0
