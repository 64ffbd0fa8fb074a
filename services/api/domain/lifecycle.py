"""The one state machine of a payment: `judge` makes a state of the evidence, and moves forward.

    processing ─▶ requires_action ─▶ pending_verification ─▶ succeeded | requires_capture | failed | expired | conflicted
    requires_capture ─▶ succeeded | cancelled | expired          succeeded ─▶ partially_refunded ─▶ refunded

Back goes one step only: what was in doubt is refused, and at the next gateway the payer has to act, so pending_verification becomes
requires_action. Nobody could pay otherwise, and nothing would end the wait.

One charge stands for a payment: the first that its gateway confirms while the payment waits for one. Every other is given back, and so is
each that comes after the payment has ended without a charge. An amount, a currency or a reference that is not ours ends in `conflicted`,
whatever the state: people look at it, and nothing more is done by itself.
"""

from dataclasses import dataclass

from services.api.domain.evidence import Evidence, Seen
from services.api.domain.sums import Sums
from shared.contracts import Money, OperationKind, Status

FORWARD: dict[Status, int] = {"processing": 0, "requires_action": 1, "pending_verification": 2}
STANDING: frozenset[Status] = frozenset({"requires_capture", "succeeded", "partially_refunded", "refunded"})  # a charge is kept


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a payment stands, and why. `kept` is the attempt whose charge stands, `reverse` those whose charges must be given back."""

    status: Status
    reason: str
    gateway: str | None = None
    error: dict[str, str] | None = None
    payment_url: str | None = None
    kept: str | None = None
    reverse: tuple[str, ...] = ()


def judge(evidence: Evidence, *, asked: Money, was: Status) -> Standing:
    """The state that the evidence justifies, from the state the payment is in."""
    charges = {name: seen for name, seen in evidence.attempts.items() if seen.charged}
    if charges:
        return judge_charges(charges, evidence, asked=asked, was=was)
    if was not in FORWARD:
        return Standing(was, "nothing new")
    if evidence.exhausted and all(is_refused(evidence, name) for name in evidence.exhausted["attempts"]):
        return Standing("failed", evidence.exhausted["reason"], gateway=last_gateway(evidence), error=error_of(evidence))
    waiting = [seen for seen in evidence.attempts.values() if not seen.is_negative]
    if any(seen.unknown for seen in waiting):
        return Standing("pending_verification", "the gateway's answer was lost; it is being asked", gateway=last_gateway(evidence))
    if acting := max((seen for seen in waiting if seen.action), key=lambda seen: seen.number, default=None):
        return Standing("requires_action", "the customer has to act", gateway=acting.gateway, payment_url=acting.action_url)
    return Standing(was, "nothing new")


def judge_charges(charges: dict[str, Seen], evidence: Evidence, *, asked: Money, was: Status) -> Standing:
    """Money has moved at least once."""
    kept = kept_of(evidence, was)
    if was == "conflicted":
        return Standing(was, "nothing new", kept=kept)
    for seen in charges.values():
        if seen.taken != {(asked.amount_minor, asked.currency)}:
            found = ", ".join(f"{amount_minor} {currency}" for amount_minor, currency in sorted(seen.taken))
            return conflicted("AMOUNT_MISMATCH", f"asked for {asked}, the gateway confirms {found}", seen.gateway, kept)
        if seen.has_two_references:
            said = f"the gateway names two charges of one attempt: {' and '.join(seen.references)}"
            return conflicted("CHARGED_TWICE", said, seen.gateway, kept)
    others = sorted((seen.number, name) for name, seen in charges.items() if name != kept and name not in evidence.reversing)
    if was not in FORWARD or not others:
        return Standing(
            was, "nothing new" if not others else "a charge came too late", kept=kept, reverse=tuple(name for _, name in others)
        )
    (_, first), *late = others
    status: Status = "requires_capture" if charges[first].operation == "authorize" else "succeeded"
    gateway = charges[first].gateway
    return Standing(status, f"{gateway} confirms {asked}", gateway, kept=first, reverse=tuple(name for _, name in late))


def kept_of(evidence: Evidence, was: Status) -> str | None:
    """The attempt whose charge stands. One that succeeded before this was written down is found by its charge."""
    if evidence.kept or was not in STANDING:
        return evidence.kept
    charges = sorted((seen.number, name) for name, seen in evidence.attempts.items() if seen.charged)
    return charges[0][1] if charges else None


def nobody_acted(ttl_s: float) -> Standing:
    """The payer was waited for long enough. Should a charge come all the same, it is given back."""
    said = f"nobody acted within {ttl_s:.0f} s"
    return Standing("expired", said, error={"code": "ACTION_EXPIRED", "message": said})


def moved_to(was: Status, sums: Sums, *, kind: OperationKind, closes: bool, expires: bool) -> Status:
    """The state after an operation of this kind has succeeded. `closes`: nothing more will be captured."""
    match was, kind:
        case "requires_capture", "capture":
            return "succeeded" if closes or not sums.open_minor else was
        case "requires_capture", "void" if not sums.open_minor:
            return "succeeded" if sums.captured_minor else "expired" if expires else "cancelled"
        case "succeeded" | "partially_refunded", "refund":
            return "refunded" if sums.refunded_minor == sums.captured_minor and not sums.capturing_minor else "partially_refunded"
    return was


def to_let_go(status: Status, sums: Sums) -> int:
    """What a gateway still holds of a payment that is finally captured, in minor units. Nothing while a capture is under way or in
    doubt: a release takes all that is held, so it would leave that capture nothing."""
    over = status in ("succeeded", "partially_refunded", "refunded")
    return sums.capturable_minor if over and not sums.capturing_minor else 0


def conflicted(code: str, message: str, gateway: str, kept: str | None = None) -> Standing:
    return Standing("conflicted", message, gateway=gateway, error={"code": code, "message": message}, kept=kept)


def is_refused(evidence: Evidence, name: str) -> bool:
    return name in evidence.attempts and evidence.attempts[name].is_negative


def last_gateway(evidence: Evidence) -> str | None:
    return max(evidence.attempts.values(), key=lambda seen: seen.number).gateway if evidence.attempts else None


def error_of(evidence: Evidence) -> dict[str, str]:
    """What the merchant is told: the router's code, and the last gateway's own words where there are any."""
    exhausted = evidence.exhausted or {}
    last = max(evidence.attempts.values(), key=lambda seen: seen.number, default=None)
    message = last.refused[-1][1] if last and last.refused and last.refused[-1][1] else exhausted.get("reason", "")
    return {"code": str(exhausted.get("code", "FAILED")), "message": message}
