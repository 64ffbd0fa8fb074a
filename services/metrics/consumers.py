"""Outcomes metrics keeps."""

from services.metrics import store
from services.metrics.domain.outcome import outcome_of
from shared import topology
from shared.contracts import AttemptFailed, AttemptSucceeded, AttemptUnknown, AttemptVerified
from shared.messaging.handlers import Hears
from shared.storage.work import Work

hears = Hears()


@hears(topology.METRICS_OUTCOMES)
def attempt_ended(event: AttemptSucceeded | AttemptFailed | AttemptUnknown | AttemptVerified, work: Work) -> None:
    store.record(work, outcome_of(event))
