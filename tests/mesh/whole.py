"""What must be true of every payment that was accepted, whatever died meanwhile."""

from tests.mesh.merchant import Merchant, Payment
from tests.mesh.outside import Outside


async def assert_whole(merchant: Merchant, outside: Outside, payment: Payment, *, within_s: float, may_fail: bool = False) -> None:
    """It ends; it was charged once if it succeeded and never if it failed; and the shop was told of every state, in order."""
    await outside.told(payment, within_s=within_s)
    ended, charges = await merchant.show(payment), await outside.charges(payment)
    story = (ended, await merchant.timeline(payment), await outside.journal(payment))
    assert ended["status"] in ("succeeded", "failed") if may_fail else ended["status"] == "succeeded", story
    assert len(charges) == (1 if ended["status"] == "succeeded" else 0), story
    for charge in charges:
        assert (charge["account"], charge["amount_minor"]) == (ended["gateway"], ended["amount"]), story
    webhooks = await outside.webhooks(payment, ended["sequence"], within_s=within_s)
    assert [record["sequence"] for record in webhooks] == list(range(1, ended["sequence"] + 1)), story
    assert webhooks[-1]["type"] == f"payment.{ended['status']}", story
