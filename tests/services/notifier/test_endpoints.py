"""Endpoints as their owners keep them: made, changed, rotated, deleted, and nobody else's business."""

import asyncio
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from services.notifier import answers, store
from services.notifier import desk as sql
from services.notifier.desk import Desk
from services.notifier.domain.endpoints import ENDPOINTS_MAX
from services.notifier.sender import Sender
from shared.contracts import OPERATORS
from shared.contracts.questions import (
    DeleteEndpoint,
    EndpointView,
    ListEndpoints,
    ListNotifierAudit,
    ReplayDeliveries,
    ShowEndpoint,
    TryEndpoint,
)
from shared.messaging.answers import Refused
from shared.storage.unit_of_work import UnitOfWork
from tests.domain.stand import NOW, after
from tests.mesh.receiver import Receiver
from tests.servers import Database
from tests.services.notifier.asking import (
    BY,
    MERCHANT,
    PUBLIC,
    Made,
    change,
    create,
    event,
    hear,
    listed,
    rotate,
    settled,
    until_none_is_due,
)


async def every(desk: Desk, merchant_id: str = MERCHANT) -> list[EndpointView]:
    return await answers.list_endpoints(ListEndpoints(merchant_id=merchant_id), desk)


async def delete(desk: Desk, made: Made, merchant_id: str = MERCHANT) -> None:
    await answers.delete_endpoint(DeleteEndpoint(merchant_id=merchant_id, endpoint_id=made.endpoint.endpoint_id, **BY), desk)


async def test_an_endpoint_is_made_with_a_secret_that_is_kept_sealed(desk: Desk, empty: Database) -> None:
    made = await create(desk, description="the shop", events=("payment.*", "refund.failed"), ordered=True)
    assert made.secret.startswith("whsec_")
    assert (made.endpoint.url, made.endpoint.events, made.endpoint.ordered) == (PUBLIC, ("payment.*", "refund.failed"), True)
    assert (made.endpoint.enabled, made.endpoint.failing_since, made.endpoint.disabled_reason) == (True, None, None)
    assert await every(desk) == [made.endpoint]
    assert made.secret not in str(await empty.rows("SELECT * FROM endpoints, audit"))


async def test_a_merchant_has_so_many_and_no_more(desk: Desk) -> None:
    made = [await create(desk) for _ in range(ENDPOINTS_MAX)]
    with pytest.raises(Refused, match="already"):
        await create(desk)
    await create(desk, merchant_id="m_002")
    await delete(desk, made[0])
    await create(desk)


async def test_no_merchant_makes_and_deletes_without_end(desk: Desk, empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is deleted leaves a row, for its deliveries' sake."""
    monkeypatch.setattr(answers, "MADE_MAX", 3)
    for _ in range(3):
        await delete(desk, await create(desk))
    with pytest.raises(Refused, match="in a day") as raised:
        await create(desk)
    assert raised.value.complaint.code == "CONFLICT"
    await create(desk, merchant_id="m_002")
    await empty.rows("UPDATE endpoints SET created_at = now() - interval '1 day'")
    await create(desk)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"url": "http://shop.example/"}, "url"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"events": ("payment.succeded",)}, "events"),
        ({"events": ("circuit.*",)}, "events"),
    ],
)
async def test_what_would_never_be_told_is_refused(desk: Desk, more: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as raised:
        await create(desk, **more)
    assert raised.value.complaint.code == "VALIDATION_ERROR"
    assert [one["field"] for one in raised.value.complaint.details["errors"]] == [field]
    made = await create(desk)
    with pytest.raises(Refused):
        await change(desk, made.endpoint.endpoint_id, **more)
    assert await every(desk) == [made.endpoint]


async def test_loopback_is_for_development(empty: Database) -> None:
    with pytest.raises(Refused):
        await create(Desk(empty.engine, allow_loopback=False), "http://127.0.0.1:9/")
    await create(Desk(empty.engine, allow_loopback=True), "http://127.0.0.1:9/")


async def test_operators_have_endpoints_for_what_concerns_them(desk: Desk) -> None:
    made = await create(desk, merchant_id=OPERATORS, events=("circuit.*", "endpoint.disabled"))
    assert await every(desk) == []
    assert await every(desk, OPERATORS) == [made.endpoint]
    with pytest.raises(Refused):
        await create(desk, merchant_id=OPERATORS, events=("payment.failed",))


async def test_only_what_is_named_is_changed(desk: Desk) -> None:
    made = await create(desk, events=("payment.failed",))
    changed = await change(desk, made.endpoint.endpoint_id, url="https://other.example/", description="moved")
    assert changed == made.endpoint.model_copy(update={"url": "https://other.example/", "description": "moved"})
    cleared = await change(desk, made.endpoint.endpoint_id, events=())
    assert cleared.events == ()
    assert await answers.show_endpoint(ShowEndpoint(merchant_id=MERCHANT, endpoint_id=made.endpoint.endpoint_id), desk) == cleared


async def test_anothers_endpoint_is_not_there(desk: Desk) -> None:
    made = await create(desk)
    named = {"merchant_id": "m_002", "endpoint_id": made.endpoint.endpoint_id}
    for asked in (
        lambda: answers.show_endpoint(ShowEndpoint(**named), desk),
        lambda: change(desk, made.endpoint.endpoint_id, merchant_id="m_002", enabled=False),
        lambda: rotate(desk, made.endpoint.endpoint_id, merchant_id="m_002"),
        lambda: answers.try_endpoint(TryEndpoint(**named, actor="asha"), desk),
        lambda: answers.replay_deliveries(ReplayDeliveries(**named, **BY, since=NOW, until=after(1)), desk),
        lambda: delete(desk, made, "m_002"),
    ):
        with pytest.raises(Refused) as raised:
            await asked()
        assert raised.value.complaint.code == "NOT_FOUND"
    assert await every(desk) == [made.endpoint]


async def test_both_secrets_sign_until_the_overlap_ends(
    desk: Desk, empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    made = await create(desk, receiver.url)
    second = await rotate(desk, made.endpoint.endpoint_id)
    await hear(event(), unit_of_work, sender)
    await settled(sender)
    (heard,) = receiver.all
    for secret in (made.secret, second):
        Webhook(secret).verify(heard.body, heard.headers)
    assert len(heard.headers["webhook-signature"].split(" ")) == 2
    await empty.rows("UPDATE endpoints SET previous_secret_until = now()")
    await hear(event(), unit_of_work, sender)
    await settled(sender)
    latest = receiver.all[-1]
    Webhook(second).verify(latest.body, latest.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(made.secret).verify(latest.body, latest.headers)


async def test_without_overlap_the_old_secret_ends_at_once(
    desk: Desk, empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    """Also for what was owed before and is tried again."""
    made = await create(desk, receiver.url)
    receiver.failing = 1
    await hear(event(), unit_of_work, sender)
    await settled(sender)
    second = await rotate(desk, made.endpoint.endpoint_id, overlap_s=0)
    await empty.rows("UPDATE deliveries SET due_at = now()")
    await until_none_is_due(empty, sender)
    _, latest = receiver.all
    Webhook(second).verify(latest.body, latest.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(made.secret).verify(latest.body, latest.headers)


async def test_what_a_disabled_endpoint_is_owed_is_skipped_and_so_is_what_was_due(
    desk: Desk, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    made = await create(desk, receiver.url)
    receiver.failing = 1
    await hear(event(), unit_of_work, sender)
    await settled(sender)
    disabled = await change(desk, made.endpoint.endpoint_id, enabled=False)
    assert (disabled.enabled, disabled.disabled_reason) == (False, "by asha")
    await hear(event(), unit_of_work, sender)
    assert [(one.state, one.next_try_at) for one in await listed(desk)] == [("skipped", None), ("skipped", None)]
    with pytest.raises(Refused) as raised:
        await answers.try_endpoint(TryEndpoint(merchant_id=MERCHANT, endpoint_id=made.endpoint.endpoint_id, actor="asha"), desk)
    assert raised.value.complaint.code == "CONFLICT"
    enabled = await change(desk, made.endpoint.endpoint_id, enabled=True)
    assert enabled == made.endpoint
    await hear(event(), unit_of_work, sender)
    await settled(sender)
    assert [one.state for one in await listed(desk)] == ["delivered", "skipped", "skipped"]


async def test_a_deleted_endpoint_hears_nothing_and_its_log_stays(
    desk: Desk, empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    made = await create(desk, receiver.url)
    receiver.failing = 1
    await hear(event(), unit_of_work, sender)
    await settled(sender)
    await delete(desk, made)
    await hear(event(), unit_of_work, sender)
    assert await every(desk) == []
    assert [(one.state, one.reason) for one in await listed(desk)] == [("skipped", "endpoint deleted")]
    assert await empty.value("SELECT secret_sealed FROM endpoints") == ""
    assert await store.take_due(empty.engine, lease_s=30, most=10) == []
    with pytest.raises(Refused, match="nothing"):
        await change(desk, made.endpoint.endpoint_id, enabled=True)


async def test_a_test_event_goes_the_way_of_all(desk: Desk, empty: Database, sender: Sender, receiver: Receiver) -> None:
    """Whatever the endpoint's filter is."""
    made = await create(desk, receiver.url, events=("refund.failed",))
    question = TryEndpoint(merchant_id=MERCHANT, endpoint_id=made.endpoint.endpoint_id, actor="asha")
    delivery = await answers.try_endpoint(question, desk)
    await until_none_is_due(empty, sender)
    (heard,) = receiver.all
    body = Webhook(made.secret).verify(heard.body, heard.headers)
    assert (heard.headers["webhook-id"], body["type"]) == (str(delivery.delivery_id), "webhook.test")
    assert body["data"] == {"endpoint_id": made.endpoint.endpoint_id}
    assert [(one.delivery_id, one.state, one.tries) for one in await listed(desk)] == [(delivery.delivery_id, "delivered", 1)]


async def test_every_change_is_audited_with_its_author(desk: Desk) -> None:
    made = await create(desk)
    for _ in range(2):
        await change(desk, made.endpoint.endpoint_id, description="moved")
    await rotate(desk, made.endpoint.endpoint_id)
    await delete(desk, made)
    lines = await answers.list_audit(ListNotifierAudit(), desk)
    assert [one.action for one in lines] == ["delete_endpoint", "rotate_secret", "change_endpoint", "create_endpoint"]
    assert {(one.actor, one.reason, one.subject) for one in lines} == {("asha", "because", made.endpoint.endpoint_id)}
    assert (lines[2].before["description"], lines[2].after["description"]) == ("", "moved")


async def test_while_its_owner_changes_it_others_are_told(
    desk: Desk, empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    """What is owed to it commits with what is owed to others."""
    made = await create(desk, receiver.url)
    async with desk.changing() as changing:
        assert await changing.row(sql.LOCKED, merchant_id=MERCHANT, endpoint_id=made.endpoint.endpoint_id)
        async with asyncio.timeout(30):
            await hear(event(), unit_of_work, sender)
    await settled(sender)
    assert [one.state for one in await listed(desk)] == ["delivered"]


async def test_to_disable_waits_for_no_delivery_and_the_rest_is_skipped_when_it_is_due(
    desk: Desk, empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    made = await create(desk, receiver.url)
    receiver.failing = 1
    await hear(event(), unit_of_work, sender)
    await settled(sender)
    async with desk.changing() as settling:
        await settling.run("SELECT FROM deliveries FOR UPDATE")
        async with asyncio.timeout(30):
            await change(desk, made.endpoint.endpoint_id, enabled=False)
    assert [one.state for one in await listed(desk)] == ["due"]
    await empty.rows("UPDATE deliveries SET due_at = now()")
    assert await store.take_due(empty.engine, lease_s=30, most=10) == []
    assert [(one.state, one.reason) for one in await listed(desk)] == [("skipped", "endpoint disabled")]
