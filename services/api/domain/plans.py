"""May this be captured, voided, refunded, and how much of it? Answers are amounts; refusals carry a code."""

from dataclasses import dataclass
from typing import Literal

from services.api.domain.sums import Sums
from shared.contracts import Status

Captures = Literal["whole", "partial", "several"]  # of an authorization: all of it once, a part once, parts until it is spent
REFUNDABLE: frozenset[Status] = frozenset({"succeeded", "partially_refunded"})
WHOLLY_CAPTURED: frozenset[Status] = frozenset({"succeeded", "partially_refunded", "refunded"})


class NotAllowed(Exception):
    """The payment's state or sums do not allow it; nothing was done."""

    def __init__(self, code: str, message: str, left_minor: int | None = None) -> None:
        self.code, self.message, self.left_minor = code, message, left_minor
        super().__init__(f"{code}: {message}")


@dataclass(frozen=True, slots=True)
class Plan:
    """`closes`: nothing is captured after it; `releases`: the gateway lets go of what is left by itself."""

    amount_minor: int
    closes: bool = False
    releases: bool = False


def plan_capture(status: Status, sums: Sums, *, amount_minor: int | None, final: bool, captures: Captures) -> Plan | None:
    """None: there is nothing left to do, because all of it has been captured. Raises NotAllowed."""
    if amount_minor is None and status in WHOLLY_CAPTURED:
        return None
    if status != "requires_capture":
        raise NotAllowed("PAYMENT_NOT_CAPTURABLE", f"A payment that is {status} holds nothing to capture.")
    left = sums.capturable_minor
    if not left:
        raise NotAllowed("PAYMENT_NOT_CAPTURABLE", "All that is authorized is captured or released, or about to be.", 0)
    wanted = left if amount_minor is None else amount_minor
    if wanted > left:
        raise NotAllowed("AMOUNT_EXCEEDS_CAPTURABLE", "That is more than what is left to capture.", left)
    if captures == "whole" and wanted != sums.authorized_minor:
        raise NotAllowed("PAYMENT_NOT_CAPTURABLE", "This payment's gateway captures an authorization as a whole.", left)
    if captures != "several" and (sums.capturing_minor or sums.captured_minor):
        raise NotAllowed("PAYMENT_NOT_CAPTURABLE", "This payment's gateway captures an authorization once.", 0)
    return Plan(wanted, closes=final or wanted == sums.open_minor or captures != "several", releases=captures != "several")


def plan_void(status: Status, sums: Sums, *, lapses: bool = False) -> Plan:
    """All that is left. `lapses`: its gateway voids nothing. Raises NotAllowed."""
    if status != "requires_capture":
        raise NotAllowed("PAYMENT_NOT_VOIDABLE", f"A payment that is {status} holds nothing to release.")
    if lapses:
        raise NotAllowed("PAYMENT_NOT_VOIDABLE", "This payment's gateway voids nothing: what is not captured lapses by itself.")
    if sums.capturing_minor:
        raise NotAllowed("PAYMENT_NOT_VOIDABLE", "A capture is under way: wait until it has ended.")
    if not sums.capturable_minor:
        raise NotAllowed("PAYMENT_NOT_VOIDABLE", "A void is under way.")
    return Plan(sums.capturable_minor, closes=True)


def plan_refund(status: Status, sums: Sums, *, amount_minor: int | None) -> Plan:
    """What is asked, or all that is left. Raises NotAllowed."""
    if status not in REFUNDABLE:
        more = " Capture it finally or void what is left first." if sums.captured_minor and status == "requires_capture" else ""
        raise NotAllowed("PAYMENT_NOT_REFUNDABLE", f"A payment that is {status} cannot be refunded.{more}")
    left = sums.refundable_minor
    if amount_minor is None and not left:
        raise NotAllowed("PAYMENT_NOT_REFUNDABLE", "All of it is being refunded.", 0)
    wanted = left if amount_minor is None else amount_minor
    if wanted > left:
        raise NotAllowed("AMOUNT_EXCEEDS_REFUNDABLE", "That is more than what is left to refund.", left)
    return Plan(wanted)
