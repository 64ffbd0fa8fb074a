"""Builds metrics from settings."""

from services.metrics import store
from services.metrics.consumers import hears
from services.metrics.leader import EVERY_S, Leader
from shared import runtime
from shared.settings import Settings


def build() -> runtime.Parts:
    parts = runtime.build("metrics", Settings(), inbox=store.inbox, outbox=store.outbox)
    runtime.bind(parts, hears, given={})
    parts.tasks["leader"] = runtime.every(EVERY_S, Leader(parts.engine, parts.mouth).round)
    return parts
