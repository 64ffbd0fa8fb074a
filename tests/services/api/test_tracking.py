"""What a merchant is told of a payment's way: its own steps always, and its webhooks where they are asked for and known."""

from typing import Any

from shared.clock import new_id, utc_now
from shared.contracts.questions import ShowDeliveries
from tests.services.api.conftest import Client
from tests.services.api.stand_in import StandIn


async def paid(merchant: Client) -> str:
    order = {"amount": 100, "method": "UPI", "vpa": "success@sandbox", "event_id": new_id().hex}
    return str((await merchant.call("POST", "/payments", order)).body["payment_id"])


def delivery(**change: Any) -> dict[str, Any]:
    now = utc_now().isoformat()
    tried = {"at": now, "number": 1, "status": 500, "latency_ms": 12, "error": None, **change}
    about = {"endpoint_id": "we_1", "type": "payment.succeeded", "state": "pending", "reason": None, "created_at": now}
    return {"delivery_id": str(new_id()), "event_id": str(new_id()), **about, "tries": [tried]}


async def test_the_steps_alone_ask_nobody(merchant: Client, stand_in: StandIn) -> None:
    answer = await merchant.get(f"/payments/{await paid(merchant)}/tracking")
    assert [line["event"] for line in answer.body["items"]] == ["payment.created"]
    assert (answer.body["missing"], stand_in.asked) == ([], [])


async def test_webhooks_stand_among_the_steps(merchant: Client, neighbour: Client, stand_in: StandIn) -> None:
    payment = await paid(merchant)
    stand_in.says[ShowDeliveries] = [delivery()]
    answer = await merchant.get(f"/payments/{payment}/tracking?webhooks=true")
    assert [line["event"] for line in answer.body["items"]] == ["payment.created", "webhook.owed", "webhook.tried"]
    assert answer.body["items"][2]["detail"]["status"] == 500
    assert (await neighbour.get(f"/payments/{payment}/tracking?webhooks=true")).status == 404


async def test_without_the_notifier_the_steps_are_there(merchant: Client, stand_in: StandIn) -> None:
    payment = await paid(merchant)
    await stand_in.away("notifier")
    answer = await merchant.get(f"/payments/{payment}/tracking?webhooks=true")
    assert (answer.status, answer.body["missing"], len(answer.body["items"])) == (200, ["notifier"], 1)
