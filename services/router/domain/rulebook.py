"""What operators have laid down: accounts, order and weights, experiments, bandits, retry policies, a shadow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from services.router.domain.board import SCORING
from shared.contracts.questions import ExperimentView, GatewayView, RetryPolicyView, ScoringView


@dataclass(frozen=True, slots=True)
class Rulebook:
    """`experiments` are those that run, `bandits` the segments whose flag is on, `retries` by merchant, `shadow` a policy or None."""

    gateways: Sequence[GatewayView] = ()
    scoring: ScoringView = SCORING
    experiments: Sequence[ExperimentView] = ()
    bandits: frozenset[str] = frozenset()
    retries: Mapping[str, RetryPolicyView] = field(default_factory=dict)
    shadow: str | None = None
