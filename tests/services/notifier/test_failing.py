"""An endpoint that does not come back is told of at its owner's others, and disabled after five days."""

import asyncio

import orjson

from services.notifier.consumers import endpoint_changed
from services.notifier.desk import Desk
from services.notifier.sender import Sender
from shared.contracts import AnyEndpointEvent, EndpointDisabled, EndpointFailing
from shared.storage.unit_of_work import UnitOfWork
from tests.mesh.receiver import Receiver
from tests.servers import Database
from tests.services.notifier.asking import change, create, event, hear, listed, settled, until_none_is_due

AGO = "UPDATE endpoints SET failing_since = now() - make_interval(hours => :hours)"
KINDS = {kind.kind_of(): kind for kind in (EndpointFailing, EndpointDisabled)}


async def said(database: Database) -> list[AnyEndpointEvent]:
    """What waits in the outbox, each once."""
    rows = await database.rows("SELECT DISTINCT kind, body FROM outbox ORDER BY kind")
    return [KINDS[row.kind].model_validate_json(row.body) for row in rows]


async def failing_since(database: Database) -> object:
    return await database.value("SELECT failing_since FROM endpoints ORDER BY created_at LIMIT 1")


async def test_health_is_written_when_it_changes_only(
    desk: Desk, empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    await create(desk, receiver.url)
    versions = "SELECT xmin::text FROM endpoints"
    untouched = await empty.value(versions)
    await hear(event(), unit_of_work, sender)
    await settled(sender)
    assert await empty.value(versions) == untouched
    receiver.failing = 2
    await hear(event(), unit_of_work, sender)
    await settled(sender)
    since, marked = await failing_since(empty), await empty.value(versions)
    assert since is not None
    await hear(event(), unit_of_work, sender)
    await settled(sender)
    assert (await failing_since(empty), await empty.value(versions)) == (since, marked)
    await hear(event(), unit_of_work, sender)
    await settled(sender)
    assert await failing_since(empty) is None
    assert await said(empty) == []


async def test_a_delivery_that_is_given_up_is_told_of_elsewhere_and_once(
    desk: Desk, empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    """The schedule here has two tries."""
    broken = await create(desk, receiver.url)
    await create(desk, merchant_id="m_002")
    receiver.failing = 4
    for _ in range(2):
        await hear(event(), unit_of_work, sender)
        await settled(sender)
    await empty.rows("UPDATE deliveries SET due_at = now()")
    await until_none_is_due(empty, sender)
    (failing,) = await said(empty)
    assert isinstance(failing, EndpointFailing)
    assert (failing.merchant_id, failing.endpoint_id) == ("m_001", broken.endpoint.endpoint_id)
    assert failing.reason == "answered 500; 2 tries made"
    well = await create(desk, receiver.url)
    await endpoint_changed(failing, unit_of_work, sender)
    await settled(sender)
    (told, *_) = await listed(desk, type="endpoint.failing")
    assert (told.endpoint_id, told.state) == (well.endpoint.endpoint_id, "delivered")
    assert len(await listed(desk, type="endpoint.failing")) == 1
    assert await listed(desk, merchant_id="m_002") == []
    assert orjson.loads(receiver.all[-1].body)["data"]["endpoint_id"] == broken.endpoint.endpoint_id


async def test_five_days_without_a_success_disable(
    desk: Desk, empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    broken = await create(desk, receiver.url)
    receiver.failing = 4
    await hear(event(), unit_of_work, sender)
    await settled(sender)
    await empty.rows(AGO, hours=119)
    await hear(event(), unit_of_work, sender)
    await settled(sender)
    assert await empty.value("SELECT enabled FROM endpoints") is True
    assert [type(one) for one in await said(empty)] == [EndpointFailing]
    await empty.rows(AGO, hours=120)
    await asyncio.gather(*(hear(event(), unit_of_work, sender) for _ in range(2)))
    await settled(sender)
    disabled, _ = await said(empty)
    assert isinstance(disabled, EndpointDisabled)
    assert "5 days" in disabled.reason
    (row,) = await empty.rows("SELECT enabled, disabled_reason FROM endpoints")
    assert (row.enabled, row.disabled_reason) == (False, disabled.reason)
    await hear(event(), unit_of_work, sender)
    assert (await listed(desk))[0].state == "skipped"
    enabled = await change(desk, broken.endpoint.endpoint_id, enabled=True)
    assert (enabled.enabled, enabled.failing_since, enabled.disabled_reason) == (True, None, None)
    await hear(event(), unit_of_work, sender)
    await settled(sender)
    assert (await listed(desk))[0].state == "delivered"


async def test_a_success_begins_the_count_anew(
    desk: Desk, empty: Database, unit_of_work: UnitOfWork, sender: Sender, receiver: Receiver
) -> None:
    await create(desk, receiver.url)
    receiver.failing = 1
    await hear(event(), unit_of_work, sender)
    await settled(sender)
    await empty.rows(AGO, hours=1000)
    await hear(event(), unit_of_work, sender)
    await settled(sender)
    receiver.failing = 1
    await hear(event(), unit_of_work, sender)
    await settled(sender)
    assert await empty.value("SELECT enabled FROM endpoints") is True
    assert await said(empty) == []
