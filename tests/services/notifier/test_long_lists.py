"""A page of a log that is long, one endpoint's, a merchant's or everybody's, is read by an index, or refused before it reads for long."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import text

from services.notifier import answers, desk
from services.notifier.desk import Desk, page, replay
from shared.clock import utc_now
from shared.contracts.questions import DeliveryView, ListDeliveries
from shared.messaging.answers import Refused
from shared.storage import budget
from tests.servers import Database

BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
ONE = UUID("01a1fda9-d127-7039-9417-cb03440231d0")
PLACE = (datetime(2100, 1, 1, tzinfo=UTC), ONE)
ENDPOINTS = (
    "INSERT INTO endpoints (endpoint_id, merchant_id, url, secret_sealed)"
    " SELECT 'we_' || n, 'm_' || n % 30, 'x', 'x' FROM generate_series(0, 99) n"
)
DELIVERIES = (  # everything comes to we_7 but one in five; one in a thousand is parked
    "INSERT INTO deliveries (delivery_id, event_id, endpoint_id, merchant_id, payment_id, type, body, state, created_at, due_at)"
    " SELECT gen_random_uuid(), gen_random_uuid(), 'we_' || e, 'm_' || e % 30, gen_random_uuid(), 'x', '', state,"
    " now() - make_interval(secs => n), CASE WHEN state = 'due' THEN now() END FROM (SELECT n, CASE WHEN n % 5 > 0 THEN 7 ELSE n % 100 END,"
    " CASE WHEN n % 1000 = 1 THEN 'parked' WHEN n % 1000 = 2 THEN 'due' ELSE 'delivered' END"
    " FROM generate_series(1, 30000) n) rows(n, e, state)"
)


@pytest_asyncio.fixture(scope="module")
async def long(tables: Database) -> AsyncIterator[Database]:
    for statement in ("TRUNCATE endpoints, deliveries, delivery_attempts", ENDPOINTS, DELIVERIES, "ANALYZE endpoints, deliveries"):
        await tables.rows(statement)
    yield tables


@pytest.mark.parametrize(
    "whose", [{}, {"merchant_id": "m_7"}, {"merchant_id": "m_7", "endpoint_id": "we_7"}, {"endpoint_id": "we_35"}], ids=str
)
@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({}, None),
        ({"before": PLACE}, None),
        ({"since": BEGINNING}, None),
        ({"type": "x"}, None),
        ({"type": "none"}, None),
        ({"state": "delivered"}, None),
        ({"state": "parked"}, "deliveries_unheard_of_endpoint"),
        ({"state": "skipped", "since": BEGINNING}, "deliveries_unheard_of_endpoint"),
        ({"state": "due"}, "deliveries_due_of_endpoint"),
        ({"payment_id": ONE}, "deliveries_payment"),
    ],
    ids=str,
)
async def test_a_page_is_found_by_index(long: Database, whose: dict[str, Any], filters: dict[str, Any], index: str | None) -> None:
    """Where no index is named, by one in the order of the list."""
    sql, values = page(ListDeliveries.model_validate({"merchant_id": None, **whose, **filters}))
    async with long.engine.connect() as connection:
        await connection.execute(text(desk.IN_ORDER))
        plan = "\n".join(row[0] for row in await connection.execute(text(f"EXPLAIN {sql}"), values))
    assert f" {index or ('deliveries_of_endpoint' if whose else 'deliveries_newest')} " in plan
    assert "Seq Scan" not in plan


@pytest.mark.parametrize(("state", "index"), [("delivered", "deliveries_of_endpoint"), ("parked", "deliveries_unheard_of_endpoint")])
async def test_a_replay_finds_its_own_by_index(long: Database, state: Any, index: str) -> None:
    ranged = {"endpoint_id": "we_35", "since": BEGINNING, "until": utc_now(), "most": 10_000, "reason": ""}
    plan = "\n".join(row[0] for row in await long.rows(f"EXPLAIN {replay([state])}", **ranged))
    assert f" {index} " in plan
    assert "Seq Scan on deliveries  " not in plan  # of those that it chooses; what it changes, deliveries_1, it finds as it likes


@pytest.mark.parametrize("whose", [{}, {"merchant_id": "m_7"}, {"endpoint_id": "we_7"}], ids=str)
async def test_pages_hold_everything_once_newest_first(long: Database, whose: dict[str, Any]) -> None:
    """Together they are what reading the whole table finds, whatever endpoint it comes from."""
    asked = ListDeliveries.model_validate({"merchant_id": None, "state": "parked", "limit": 7, **whose})
    found: list[DeliveryView] = []
    while more := await answers.list_deliveries(asked, Desk(long.engine, allow_loopback=False)):
        found += more
        asked = asked.model_copy(update={"before": (more[-1].created_at, more[-1].delivery_id)})
    named = "".join(f" AND {name} = :{name}" for name in whose)
    every = f"SELECT delivery_id FROM deliveries WHERE state = 'parked'{named} ORDER BY created_at DESC, delivery_id DESC"
    assert [one.delivery_id for one in found] == [row.delivery_id for row in await long.rows(every, **whose)]
    assert len(found) > 7


async def test_a_list_that_would_look_through_too_much_is_refused(long: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is asked next, maybe over the same connection, has its time again."""
    office = Desk(long.engine, allow_loopback=False)
    monkeypatch.setattr(budget, "BUDGET_S", 0.001)
    with pytest.raises(Refused) as raised:
        await answers.list_deliveries(ListDeliveries(merchant_id=None, type="none"), office)
    assert raised.value.complaint.code == "VALIDATION_ERROR"
    assert [(one["in"], one["field"]) for one in raised.value.complaint.details["errors"]] == [("query", "from")]
    monkeypatch.undo()
    assert await answers.list_deliveries(ListDeliveries(merchant_id=None, type="none"), office) == []
