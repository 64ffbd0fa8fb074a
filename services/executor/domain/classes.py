"""What operators say that gateways' error codes mean, beside what the codecs say. It bends proofs in one direction only.

1. A refusal that the codec has proven stays proof: an override changes whose doing it was, and whether another gateway may try.
2. A code may lose its force: classified `unknown`, it proves nothing any more, and its attempts are asked about.
3. A code that the codec's table lacks may become a refusal, but only where the answer itself refuses in so many words what was just
   asked (`Unclear.unlisted`). A timeout, a 5xx, a cut or unreadable answer, an answer about something else carry no such code.
4. A code that the codec knows to prove nothing stays without force, and no code ever means a success.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from shared.contracts import GatewayFinding, OutcomeClass, Refusal
from shared.contracts.questions import ErrorClass
from shared.gateways import Answer, Codes, Finding, Refused, Unclear

Seen = TypeVar("Seen", bound=Answer | Finding)

OVERRIDES_MAX = 1_000  # of one gateway kind


@dataclass(frozen=True, slots=True)
class Override:
    outcome_class: OutcomeClass
    retryable: bool
    advice: str = ""


Overrides = Mapping[str, Override]  # by code, of one gateway kind


class Classes:
    """The overrides of all gateway kinds, as they were read last."""

    def __init__(self, by_kind: Mapping[str, Overrides] | None = None) -> None:
        self.by_kind = by_kind or {}

    def of(self, gateway_kind: str) -> Overrides:
        return self.by_kind.get(gateway_kind, {})


def classified(seen: Seen, overrides: Overrides) -> Seen | Refused | Unclear:
    """What an answer means once operators have had their say. Only for what a codec has read: refusals of our own are not codes."""
    match seen:
        case Refused(refusal=refusal) if override := overrides.get(refusal.code):
            return _reclassified(seen, override)
        case Unclear(unlisted=str() as code) if (override := overrides.get(code)) and override.outcome_class not in ("unknown", "success"):
            refusal = Refusal(code=code, outcome_class=override.outcome_class, retryable=override.retryable)
            return Refused(refusal, seen.reference)
    return seen


def unpaid(refused: Refused, overrides: Overrides) -> Refused:
    """The same for a call before the charge. There nothing is in doubt, so no override can put it there."""
    found = classified(refused, overrides)
    return found if isinstance(found, Refused) else refused


def heard(finding: GatewayFinding, refusal: Refusal | None, overrides: Overrides) -> tuple[GatewayFinding, Refusal | None]:
    """The same for what a webhook says, in the words of its contract: a refusal that proves nothing leaves all as it was."""
    if finding != "failed" or refusal is None:
        return finding, refusal
    found = classified(Refused(refusal), overrides)
    return ("failed", found.refusal) if isinstance(found, Refused) else ("pending", None)


def _reclassified(refused: Refused, override: Override) -> Refused | Unclear:
    refusal = refused.refusal
    match override.outcome_class:
        case "unknown":
            return Unclear(f"refused with {refusal.code!r}, which operators say proves nothing", refused.reference)
        case "success":  # never stored; were it there, it would mean nothing
            return refused
    changed = {"outcome_class": override.outcome_class, "retryable": override.retryable}
    return Refused(refusal.model_copy(update=changed), refused.reference)


def objection(codes: Codes, code: str, outcome_class: OutcomeClass, *, retryable: bool) -> str | None:
    """Why this override cannot be made; None where it can."""
    if outcome_class == "success":
        return "outcome_class: no error code means a success"
    if outcome_class == "unknown" and retryable:
        return "retryable: what proves nothing is followed by no other gateway"
    if outcome_class != "unknown" and code in codes and codes[code].outcome_class == "unknown":
        return f"code: {code} proves nothing at this gateway: {codes[code].advice}"
    return None


def table(gateway_kind: str, codes: Codes, overrides: Overrides) -> list[ErrorClass]:
    """The table as it is in force, by code."""
    return [row(gateway_kind, code, codes, overrides) for code in sorted({*codes, *overrides})]


def row(gateway_kind: str, code: str, codes: Codes, overrides: Overrides) -> ErrorClass:
    """One line of it. `code` is in either."""
    override, said = overrides.get(code), codes.get(code)
    found = override or said
    if found is None:
        raise KeyError(code)
    return ErrorClass(
        gateway_kind=gateway_kind,
        code=code,
        outcome_class=found.outcome_class,
        retryable=found.retryable,
        advice=found.advice or (said.advice if said else ""),
        overridden=override is not None,
    )


def grouped(rows: Iterable[tuple[str, str, Override]]) -> dict[str, dict[str, Override]]:
    """(gateway kind, code, override) → by kind, by code."""
    found: dict[str, dict[str, Override]] = {}
    for gateway_kind, code, override in rows:
        found.setdefault(gateway_kind, {})[code] = override
    return found
