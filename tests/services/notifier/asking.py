"""Questions as the edge asks them, for a merchant of these tests, and payments that it hears of."""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.notifier import answers
from services.notifier.consumers import payment_changed
from services.notifier.desk import Desk
from services.notifier.secrets import Secrets
from services.notifier.sender import Sender
from shared.clock import new_id
from shared.contracts import PaymentEvent, PaymentSucceeded
from shared.contracts.questions import (
    ChangeEndpoint,
    CreateEndpoint,
    DeliveryView,
    EndpointView,
    ListDeliveries,
    RotateSecret,
)
from shared.letter import Letterbox
from shared.storage.unit_of_work import UnitOfWork
from tests.contracts.samples import snapshot
from tests.mesh.waiting import until
from tests.servers import Database
from tests.services.notifier.conftest import KEY

MERCHANT = "m_001"
BY = {"actor": "asha", "reason": "because"}
PUBLIC = "https://shop.example/hooks"


@dataclass(frozen=True)
class Made:
    endpoint: EndpointView
    secret: str


async def create(desk: Desk, url: str = PUBLIC, *, merchant_id: str = MERCHANT, **more: Any) -> Made:
    box = Letterbox()
    question = CreateEndpoint(merchant_id=merchant_id, url=url, letterbox=box.address, **BY, **more)
    made = await answers.create_endpoint(question, desk, Secrets(KEY))
    return Made(made.endpoint, box.open(made.secret_letter))


async def rotate(desk: Desk, endpoint_id: str, *, overlap_s: int = 3600, merchant_id: str = MERCHANT) -> str:
    """The new secret."""
    box = Letterbox()
    named = {"merchant_id": merchant_id, "endpoint_id": endpoint_id}
    question = RotateSecret(**named, overlap_s=overlap_s, letterbox=box.address, **BY)
    return box.open((await answers.rotate_secret(question, desk, Secrets(KEY))).secret_letter)


async def change(desk: Desk, endpoint_id: str, *, merchant_id: str = MERCHANT, **changes: Any) -> EndpointView:
    return await answers.change_endpoint(ChangeEndpoint(merchant_id=merchant_id, endpoint_id=endpoint_id, **BY, **changes), desk)


async def listed(desk: Desk, *, merchant_id: str | None = MERCHANT, **filters: Any) -> list[DeliveryView]:
    return await answers.list_deliveries(ListDeliveries(merchant_id=merchant_id, **filters), desk)


def event(
    kind: type[PaymentEvent] = PaymentSucceeded,
    status: Any = "succeeded",
    *,
    payment_id: UUID | None = None,
    sequence: int = 1,
    **more: Any,
) -> PaymentEvent:
    payment_id = payment_id or new_id()
    payment = snapshot(status).model_copy(update={"payment_id": payment_id, "sequence": sequence})
    return kind(correlation_id=payment_id, payment=payment, **more)


async def hear(event: PaymentEvent, unit_of_work: UnitOfWork, sender: Sender) -> None:
    await payment_changed(event, unit_of_work, sender)  # type: ignore[arg-type]


async def settled(sender: Sender) -> None:
    """Every try that is under way has ended, and its row says how."""
    async with asyncio.timeout(60):
        while sender.sending:
            await asyncio.wait(sender.sending)


async def until_none_is_due(database: Database, sender: Sender) -> None:
    """The sender takes up what is due, until nothing is."""
    due = "SELECT count(*) FROM deliveries WHERE state = 'due'"
    running = asyncio.create_task(sender.run())
    try:
        await until(lambda: database.value(due), within_s=60, what="nothing due", accept=lambda left: left == 0)
        await settled(sender)
    finally:
        running.cancel()
