"""Outcomes metrics keeps."""

from services.metrics import store
from services.metrics.domain.outcome import outcome_of
from shared import topology
from shared.contracts import AttemptFailed, AttemptSucceeded, AttemptUnknown, AttemptVerified
from shared.messaging.handlers import Hears
from shared.storage.unit_of_work import UnitOfWork

hears = Hears()


@hears(topology.METRICS_OUTCOMES)
async def attempt_ended(event: AttemptSucceeded | AttemptFailed | AttemptUnknown | AttemptVerified, unit_of_work: UnitOfWork) -> None:
    """The row's natural key does what an inbox would: a repeat changes nothing."""
    if event.attempt.operation_id is not None:  # a capture, refund or void says nothing of how a gateway takes payments
        return
    outcome = outcome_of(event)
    await unit_of_work.apply(lambda work: store.record(work, outcome))
