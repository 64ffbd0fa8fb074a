"""What has become true of gateways, as the events that say it."""

from datetime import UTC, datetime
from typing import Any

from services.metrics.domain.breaker import Transition
from services.metrics.domain.learnt import Fact
from shared.clock import new_id
from shared.contracts import CircuitClosed, CircuitHalfOpen, CircuitOpened, OperatorsEvent, SuccessRateDropped


def head() -> dict[str, Any]:
    """Nobody's message caused it: it is about no payment, and its correlation id is its own."""
    own = new_id()
    return {"message_id": own, "correlation_id": own}


def event_of(fact: Fact) -> OperatorsEvent:
    if isinstance(fact, Transition):
        return _moved(fact)
    return SuccessRateDropped(
        **head(),
        gateway=fact.gateway,
        method=fact.method,
        rate=round(fact.rate, 4),
        rate_before=round(fact.rate_before, 4),
        attributable=fact.attributable,
    )


def _moved(fact: Transition) -> OperatorsEvent:
    told = {
        "gateway": fact.gateway,
        "method": fact.method,
        "state": fact.state,
        "previous": fact.previous,
        "epoch": fact.epoch,
        "reason": fact.reason,
        "actor": fact.actor,
        "until": None if fact.until_s is None else datetime.fromtimestamp(fact.until_s, UTC),
    }
    match fact.state:
        case "open" | "forced_open":
            return CircuitOpened(**head(), **told)
        case "half_open":
            return CircuitHalfOpen(**head(), **told)
        case "closed" | "forced_closed":
            return CircuitClosed(**head(), **told)
