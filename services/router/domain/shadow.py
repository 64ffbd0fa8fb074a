"""What another policy would have decided on the same inputs. It is given a record and gives numbers: there is nothing it could charge."""

from dataclasses import dataclass

from services.router.domain.decision import Decision
from services.router.domain.policy import POLICIES
from services.router.domain.record import read, replay


@dataclass(frozen=True, slots=True)
class Comparison:
    """The gateways chosen, None where nobody took it, and the success rates that the health picture gave them: what was to be expected."""

    policy: str
    made: str | None
    shadow: str | None
    expected_made: float
    expected_shadow: float


def compare(record: str, policy: str) -> Comparison:
    """Raises KeyError for a policy that does not exist."""
    if policy not in POLICIES:
        raise KeyError(policy)
    made, shadow = read(record), replay(record, policy=policy)
    return Comparison(policy, made.gateway, shadow.gateway, expected(made), expected(shadow))


def expected(decision: Decision) -> float:
    """Share of successes at the chosen gateway; nothing is to be expected where there is none."""
    return decision.places[0].candidate.factors.success_rate if decision.places else 0.0
