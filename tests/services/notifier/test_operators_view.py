"""Operators see everybody's deliveries, of all merchants and their own, and have any of them sent again."""

import pytest

from services.notifier import answers, store
from services.notifier.desk import Desk
from services.notifier.sender import Sender
from shared.contracts import OPERATORS
from shared.contracts.questions import ListNotifierAudit, RetryDelivery, ShowDelivery, TryEndpoint
from shared.messaging.answers import Refused
from shared.storage.unit_of_work import UnitOfWork
from tests.mesh.receiver import Receiver
from tests.servers import Database
from tests.services.notifier.asking import BY, MERCHANT, change, create, event, hear, listed, settled, until_none_is_due


async def test_everybodys_deliveries_are_one_list(desk: Desk, empty: Database, sender: Sender, receiver: Receiver) -> None:
    owners = ("m_001", "m_002", OPERATORS)
    for owner in owners:
        made = await create(desk, receiver.url, merchant_id=owner)
        await answers.try_endpoint(TryEndpoint(merchant_id=owner, endpoint_id=made.endpoint.endpoint_id, actor="asha"), desk)
    every = await listed(desk, merchant_id=None)
    assert [one.merchant_id for one in every] == list(reversed(owners))
    assert [one.merchant_id for one in await listed(desk, merchant_id=None, endpoint_id=every[1].endpoint_id)] == ["m_002"]
    for owner in owners:
        assert [one.merchant_id for one in await listed(desk, merchant_id=owner)] == [owner]
    assert await listed(desk, merchant_id="") == []
    assert await listed(desk, merchant_id="m_001", endpoint_id=every[1].endpoint_id) == [], "that is another's"


async def test_what_is_parked_is_sent_again_by_an_operator_and_audited(
    desk: Desk, empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    """The schedule here has two tries."""
    await create(desk, receiver.url)
    receiver.failing = 2
    await hear(event(), unit_of_work, sender)
    await settled(sender)
    await empty.rows("UPDATE deliveries SET due_at = now()")
    await until_none_is_due(empty, sender)
    (parked,) = await listed(desk, merchant_id=None, state="parked")
    question = RetryDelivery(merchant_id=None, delivery_id=parked.delivery_id, **BY)
    again = await answers.retry_delivery(question, desk)
    assert (again.state, again.reason, again.merchant_id) == ("due", "retried by an operator", MERCHANT)
    await until_none_is_due(empty, sender)
    assert [one.state for one in await listed(desk)] == ["delivered"]
    line, *_ = await answers.list_audit(ListNotifierAudit(), desk)
    assert (line.action, line.subject, line.actor, line.reason) == ("retry_delivery", str(parked.delivery_id), "asha", "because")
    assert line.before["state"] == "parked"


async def test_an_operators_retry_has_the_same_bounds(desk: Desk, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver) -> None:
    made = await create(desk, receiver.url)
    await hear(event(), unit_of_work, sender)
    await settled(sender)
    (delivery,) = await listed(desk)
    await change(desk, made.endpoint.endpoint_id, enabled=False)
    with pytest.raises(Refused, match="disabled"):
        await answers.retry_delivery(RetryDelivery(merchant_id=None, delivery_id=delivery.delivery_id, **BY), desk)


async def test_what_a_merchant_and_its_endpoint_say_is_not_shown(
    desk: Desk, empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    """Their own bodies operators may read."""
    await create(desk, receiver.url)
    receiver.failing = 1
    await hear(event(), unit_of_work, sender)
    own = await create(desk, receiver.url, merchant_id=OPERATORS)
    await settled(sender)
    await answers.try_endpoint(TryEndpoint(merchant_id=OPERATORS, endpoint_id=own.endpoint.endpoint_id, actor="asha"), desk)
    sender.offer(await store.take_due(empty.engine, lease_s=30, most=10))
    await settled(sender)
    mine, theirs = [
        await answers.show_delivery(ShowDelivery(merchant_id=None, delivery_id=one.delivery_id), desk)
        for one in await listed(desk, merchant_id=None)
    ]
    assert (theirs.body, [(one.status, one.response) for one in theirs.attempts]) == (None, [(500, None)])
    assert (mine.type, mine.body is not None, [one.response for one in mine.attempts]) == ("webhook.test", True, [""])
    whole = await answers.show_delivery(ShowDelivery(merchant_id=MERCHANT, delivery_id=theirs.delivery_id), desk)
    assert (whole.body is not None, [one.response for one in whole.attempts]) == (True, [""])
