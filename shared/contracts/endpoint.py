"""What the owner of a webhook endpoint is told, at its other endpoints, when that one does not answer."""

from datetime import datetime
from typing import Literal

from shared.contracts.base import Event

OPERATORS = "@operators"  # owns the operators' endpoints, in the place of a merchant


class EndpointEvent(Event):
    """Speaks of no payment: `correlation_id` is the event's own id. `merchant_id` is whose it is, or OPERATORS."""

    merchant_id: str
    endpoint_id: str
    failing_since: datetime
    reason: str


class EndpointFailing(EndpointEvent):
    """A delivery was given up, or none has succeeded in 24 hours."""

    kind: Literal["endpoint.failing.v1"] = "endpoint.failing.v1"


class EndpointDisabled(EndpointEvent):
    """It answered 410, or nothing has succeeded in five days. What is owed to it is kept as skipped."""

    kind: Literal["endpoint.disabled.v1"] = "endpoint.disabled.v1"


ENDPOINT_EVENTS: tuple[type[EndpointEvent], ...] = (EndpointFailing, EndpointDisabled)
AnyEndpointEvent = EndpointFailing | EndpointDisabled
