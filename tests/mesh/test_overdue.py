"""Nothing waits for ever: a payment that should have ended is looked after, and nothing about it is guessed."""

from shared import topology
from shared.contracts import RoutePayment
from tests.mesh.inside import Inside
from tests.mesh.instruments import upi
from tests.mesh.merchant import Merchant, order
from tests.mesh.outside import Outside
from tests.mesh.waiting import until


async def test_a_payer_who_acted_while_nobody_looked(merchant: Merchant, outside: Outside, inside: Inside) -> None:
    payment = await merchant.pay(order(**upi("requires-action")), wait_s=30)
    assert payment.answer.body["status"] == "requires_action"
    assert (await outside.told(payment, ["payment.requires_action"]))["data"]["payment_url"] == payment.answer.body["payment_url"]
    await outside.approve(payment.answer.body["payment_url"])
    await inside.make_overdue(payment)
    assert (await outside.told(payment))["type"] == "payment.succeeded"
    assert len(await outside.charges(payment)) == 1
    assert await merchant.events(payment) == [
        "payment.created", "attempt.action_required", "payment.requires_action", "attempt.verified", "payment.succeeded",
    ]  # fmt: skip


async def test_a_payment_that_never_reached_the_router_fails_and_stays_failed(merchant: Merchant, outside: Outside, inside: Inside) -> None:
    """Its command finds no queue; when it comes at last, the payment has ended and nobody is charged."""
    async with inside.unbound("router.commands", topology.COMMANDS, RoutePayment.kind_of()):
        payment = await merchant.pay(order())
        await inside.make_overdue(payment)
        told = await outside.told(payment)
    assert (told["type"], told["data"]["error"]["code"]) == ("payment.failed", "PAYMENT_EXPIRED")

    async def said() -> bool:
        return await inside.count("api", "outbox WHERE position($1::bytea IN body) > 0", str(payment.uuid).encode()) == 0

    await until(said, within_s=60, what="the late command has left")
    witness = await merchant.pay(order())  # goes the same way behind it
    await outside.told(witness)
    assert (await merchant.show(payment))["status"] == "failed"
    assert await outside.journal(payment) == []
    assert len(await outside.webhooks(payment, 1)) == 1
