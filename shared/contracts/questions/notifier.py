"""What the notifier is asked: webhook endpoints, what was sent to them, and that it be sent again.

`merchant_id` is whose they are, or OPERATORS: what is another's is not there.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.base import Frozen
from shared.contracts.questions.base import NotifierQuestion

REPLAY_MAX = 10_000  # deliveries that one question makes due
PAGE_MAX = 101  # the edge asks for one more than it shows
DeliveryState = Literal["due", "delivered", "parked", "skipped"]


class DeliveryTry(Frozen):
    """One try at an endpoint. `status` None: no answer came, for `error`. `response` is how the answer's body begins."""

    number: int
    at: datetime
    status: int | None
    error: str | None
    latency_ms: int
    response: str | None = None


class DeliveryTrace(Frozen):
    """One webhook that is owed to one endpoint, for one event."""

    delivery_id: UUID
    event_id: UUID
    endpoint_id: str
    type: str
    state: str
    reason: str | None
    created_at: datetime
    tries: tuple[DeliveryTry, ...]


class ShowDeliveries(NotifierQuestion):
    """Answer: list[DeliveryTrace] of one payment, the oldest first."""

    kind: Literal["notifier.deliveries.v1"] = "notifier.deliveries.v1"
    payment_id: UUID


class EndpointView(Frozen):
    """`events` are the types it hears, `payment.*` all of a noun; none: all. `ordered`: a payment's events come one after another.
    Until `previous_secret_until` deliveries are signed with the secret before this one too."""

    endpoint_id: str
    url: str
    description: str
    events: tuple[str, ...]
    ordered: bool
    enabled: bool
    disabled_reason: str | None
    failing_since: datetime | None
    previous_secret_until: datetime | None
    created_at: datetime


class SecretView(Frozen):
    """`secret_letter` opens in the letterbox (`shared/letter.py`) whose address was asked with: nobody in between reads the secret."""

    endpoint: EndpointView
    secret_letter: str


class EndpointsQuestion(NotifierQuestion):
    merchant_id: str


class EndpointQuestion(EndpointsQuestion):
    endpoint_id: str


class ListEndpoints(EndpointsQuestion):
    """Answer: list[EndpointView], the oldest first."""

    kind: Literal["notifier.endpoints.v1"] = "notifier.endpoints.v1"


class ShowEndpoint(EndpointQuestion):
    """Answer: EndpointView."""

    kind: Literal["notifier.endpoint.v1"] = "notifier.endpoint.v1"


class CreateEndpoint(EndpointsQuestion):
    """Answer: SecretView."""

    kind: Literal["notifier.create_endpoint.v1"] = "notifier.create_endpoint.v1"
    url: str
    description: str = ""
    events: tuple[str, ...] = ()
    ordered: bool = False
    letterbox: str
    actor: str
    reason: str


class ChangeEndpoint(EndpointQuestion):
    """Answer: EndpointView. What is None stays. To enable one is to forget how it failed."""

    kind: Literal["notifier.change_endpoint.v1"] = "notifier.change_endpoint.v1"
    url: str | None = None
    description: str | None = None
    events: tuple[str, ...] | None = None
    ordered: bool | None = None
    enabled: bool | None = None
    actor: str
    reason: str


class DeleteEndpoint(EndpointQuestion):
    """Answer: EndpointView, as it was. What is due to it is skipped; its deliveries stay."""

    kind: Literal["notifier.delete_endpoint.v1"] = "notifier.delete_endpoint.v1"
    actor: str
    reason: str


class RotateSecret(EndpointQuestion):
    """Answer: SecretView. The secret before it signs as well for `overlap_s`; one before that no more."""

    kind: Literal["notifier.rotate_secret.v1"] = "notifier.rotate_secret.v1"
    overlap_s: Annotated[int, Field(ge=0, le=604_800)] = 86_400
    letterbox: str
    actor: str
    reason: str


class DeliveriesQuestion(NotifierQuestion):
    """`merchant_id` None: everybody's."""

    merchant_id: str | None


class DeliveryView(Frozen):
    """`merchant_id` is whose endpoint it is. `next_try_at` None: none by itself."""

    delivery_id: UUID
    merchant_id: str
    event_id: UUID
    endpoint_id: str
    payment_id: UUID | None
    type: str
    state: DeliveryState
    reason: str | None
    tries: int
    created_at: datetime
    next_try_at: datetime | None


class DeliveryDetail(DeliveryView):
    """`body` is what is sent, to the byte; `attempts` are the latest hundred. Who asks for everybody's is told neither a merchant's bodies
    nor what came back."""

    body: str | None
    attempts: tuple[DeliveryTry, ...]


class TryEndpoint(EndpointQuestion):
    """Answer: DeliveryView of a `webhook.test` that is due at once."""

    kind: Literal["notifier.try_endpoint.v1"] = "notifier.try_endpoint.v1"
    actor: str


class ReplayedView(Frozen):
    """`continue_from` is a `since` for what is left of the range; None: nothing is."""

    deliveries: int
    continue_from: datetime | None


class ReplayDeliveries(EndpointQuestion):
    """Answer: ReplayedView. What was owed in [since, until) is due anew, at most REPLAY_MAX of it, the oldest first. No `states`: all."""

    kind: Literal["notifier.replay.v1"] = "notifier.replay.v1"
    since: datetime
    until: datetime
    states: tuple[Literal["delivered", "parked", "skipped"], ...] = ()
    actor: str
    reason: str


class ListDeliveries(DeliveriesQuestion):
    """Answer: list[DeliveryView], newest first. `before` is the place of the last one seen: its time and id. Refused where more would be
    looked through than is worth a page."""

    kind: Literal["notifier.list_deliveries.v1"] = "notifier.list_deliveries.v1"
    endpoint_id: str | None = None
    payment_id: UUID | None = None
    type: str | None = None
    state: DeliveryState | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: tuple[datetime, UUID] | None = None
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = 20


class ShowDelivery(DeliveriesQuestion):
    """Answer: DeliveryDetail."""

    kind: Literal["notifier.delivery.v1"] = "notifier.delivery.v1"
    delivery_id: UUID


class RetryDelivery(DeliveriesQuestion):
    """Answer: DeliveryView. Due at once, and by the whole schedule again, whatever became of it."""

    kind: Literal["notifier.retry_delivery.v1"] = "notifier.retry_delivery.v1"
    delivery_id: UUID
    actor: str
    reason: str


class ListNotifierAudit(NotifierQuestion):
    """Answer: list[AuditEntry], newest first."""

    kind: Literal["notifier.audit.v1"] = "notifier.audit.v1"
    limit: Annotated[int, Field(ge=1, le=500)] = 100
