"""One payment, made and followed: what a merchant would see, stop by stop."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from deploy.local.errors import LocalError
from deploy.local.status import MeshStatus
from deploy.local.web import call

TERMINAL = frozenset({"succeeded", "failed", "cancelled", "expired", "conflicted", "refunded"})
LOOK_EVERY_S = 0.15


@dataclass(frozen=True)
class Order:
    """What to pay; amounts in minor units."""

    amount: int = 1000
    currency: str = "INR"
    method: str = "UPI"
    instrument: dict[str, Any] = field(default_factory=lambda: {"type": "UPI", "vpa": "success@sandbox"})
    idempotency_key: str = field(default_factory=lambda: f"cli-{uuid.uuid4().hex}")

    def body(self) -> dict[str, Any]:
        """Of `POST /payments`."""
        return {"amount": self.amount, "currency": self.currency, "method": self.method, "instrument": self.instrument}


@dataclass(frozen=True)
class Stop:
    """Something that happened to the payment: when (Unix seconds), what, and the rest."""

    at_s: float
    what: str
    detail: dict[str, Any]


@dataclass(frozen=True)
class Journey:
    """How far the payment is. `webhooks` are what the shop received about it."""

    payment_id: str
    status: str
    stops: tuple[Stop, ...] = ()
    webhooks: tuple[dict[str, Any], ...] = ()

    @property
    def ended(self) -> bool:
        """Whether its status is one that stays."""
        return self.status in TERMINAL

    @property
    def told(self) -> bool:
        """Whether the shop has heard of the end."""
        return any(str(webhook.get("type", "")) == f"payment.{self.status}" for webhook in self.webhooks)


def headers(status: MeshStatus) -> dict[str, str]:
    """The demo merchant's keys."""
    return {"X-Api-Key": status.merchant.api_key, "X-Api-Secret": status.merchant.api_secret}


def travel(status: MeshStatus, order: Order, patience_s: float = 60.0) -> Iterator[Journey]:
    """Make the payment and yield what is known of it, again and again, until it has ended and the shop was told, or patience is over.

    Raises LocalError when the payment is refused or the edge does not answer.
    """
    try:
        sent = {**headers(status), "Idempotency-Key": order.idempotency_key, "Prefer": "wait=0"}
        made = call("POST", f"{status.api}/payments", order.body(), sent)
        if made.status not in (200, 201) or "payment_id" not in made.body:
            reason, detail = made.refusal()
            raise LocalError(f"the payment was refused ({made.status}): {reason}", detail)
        deadline, journey = time.monotonic() + patience_s, Journey(made.body["payment_id"], made.body["status"])
        yield journey
        while time.monotonic() < deadline and not (journey.ended and journey.told):
            time.sleep(LOOK_EVERY_S)
            journey = _look(status, journey)
            yield journey
    except OSError as error:
        raise LocalError(f"the edge at {status.api} does not answer: {error}") from error


def _look(status: MeshStatus, journey: Journey) -> Journey:
    payment = f"{status.api}/payments/{journey.payment_id}"
    now = call("GET", payment, headers=headers(status)).body.get("status", journey.status)
    items = call("GET", f"{payment}/tracking", headers=headers(status)).body.get("items", [])
    stops = (Stop(datetime.fromisoformat(item["at"]).timestamp(), str(item["event"]), item.get("detail") or {}) for item in items)
    received = call("GET", f"{status.shop}/received?payment_id={journey.payment_id}").body.get("items", [])
    return Journey(journey.payment_id, now, tuple(stops), tuple(received))
