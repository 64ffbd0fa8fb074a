"""What the notifier tells who asks: what merchants were told of a payment, and how often it was tried."""

from typing import Any

from services.notifier import store
from shared.contracts.questions import DeliveryTrace, ShowDeliveries
from shared.messaging.answers import Answers

answers = Answers("notifier")


@answers
async def show_deliveries(question: ShowDeliveries, engine: Any) -> list[DeliveryTrace]:
    return [DeliveryTrace.model_validate(row) for row in await store.deliveries_of(engine, question.payment_id)]
