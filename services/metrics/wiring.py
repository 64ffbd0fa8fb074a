"""Builds metrics from settings."""

from services.metrics import store
from services.metrics.answers import answers
from services.metrics.consumers import hears
from services.metrics.desk import Desk
from services.metrics.domain.guardrail import Limits
from services.metrics.leader import EVERY_S, Leader
from shared import runtime
from shared.settings import Settings


class MetricsSettings(Settings):
    """When an experiment's treatment is paused."""

    experiment_guardrail_min_samples: int = 100  # per arm
    experiment_guardrail_max_success_drop: float = 0.05
    experiment_guardrail_max_latency_multiplier: float = 1.5  # of the control's p95


def build() -> runtime.Parts:
    settings = MetricsSettings()
    parts = runtime.build("metrics", settings, inbox=store.inbox, outbox=store.outbox)
    runtime.bind(parts, hears, given={})
    limits = Limits(
        samples_min=settings.experiment_guardrail_min_samples,
        success_drop_max=settings.experiment_guardrail_max_success_drop,
        latency_multiplier_max=settings.experiment_guardrail_max_latency_multiplier,
    )
    leader = Leader(parts.engine, parts.mouth, parts.writer, said=parts.relay.offer, limits=limits)
    parts.tasks["leader"] = runtime.every(EVERY_S, leader.round)
    parts.after_stop.append(leader.resign)
    parts.tasks["forgetting"] = runtime.every(store.PRUNE_EVERY_S, lambda: store.prune(parts.engine))
    runtime.answer(parts, answers, given={"desk": Desk(parts.engine, parts.writer, said=parts.relay.offer)})
    return parts
