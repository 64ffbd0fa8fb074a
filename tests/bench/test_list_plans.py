"""A merchant's lists come from an index in their own order, whatever they are filtered by and however deep they are read."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations
from typing import Any, get_args
from uuid import UUID

import asyncpg
import orjson
import pytest
import pytest_asyncio

from services.api import lists
from services.api.domain.cursor import Place
from services.api.lists import Wanted
from shared.contracts import Status
from shared.storage.transaction import positional
from tests.bench.test_plans import NAME, grown, whole_reads
from tests.servers import fresh_database

NOW = datetime(2026, 11, 21, tzinfo=UTC)
FILTERS: dict[str, Any] = {
    "status": "failed",
    "method": "UPI",
    "gateway": "alpha",
    "order_id": "o1",
    "since": datetime(2020, 1, 1, tzinfo=UTC),
}
PLACE = Place(NOW, UUID(int=1))
CHOICES = [chosen for size in range(len(FILTERS) + 1) for chosen in combinations(FILTERS, size)]


@pytest_asyncio.fixture(scope="module")
async def connection(postgres_url: str) -> "AsyncIterator[asyncpg.Connection[Any]]":
    """Old payments of twenty merchants; one in five has failed."""
    async with fresh_database(postgres_url) as database:
        found = await grown(database, "api")
        await found.execute(
            "INSERT INTO merchants (merchant_id, name, currency) SELECT 'm_' || n, 'm', 'INR' FROM generate_series(1, 20) n"
        )
        await found.execute("UPDATE payments SET merchant_id = 'm_' || (1 + abs(hashtext(payment_id::text)) % 20)")
        await found.execute("UPDATE payments SET status = 'failed' WHERE abs(hashtext(payment_id::text || 's')) % 5 = 0")
        await found.execute("VACUUM ANALYZE")
        yield found
        await found.close()


async def plan_of(connection: "asyncpg.Connection[Any]", statement: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    sql, named = statement
    names = list(dict.fromkeys(NAME.findall(sql)))
    plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {positional(sql, *names)}", *(named[name] for name in names))
    found: dict[str, Any] = orjson.loads(plan)[0]["Plan"]
    return found


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def wanted(chosen: tuple[str, ...]) -> Wanted:
    return Wanted(merchant_id="m_1", **{name: FILTERS[name] for name in chosen})


@pytest.mark.parametrize("chosen", CHOICES, ids="+".join)
async def test_no_list_reads_the_whole_table(connection: "asyncpg.Connection[Any]", chosen: tuple[str, ...]) -> None:
    for statement in (
        lists.page(wanted(chosen), limit=21, skip=0),
        lists.following(wanted(chosen), limit=21, after=PLACE),
        lists.count(wanted(chosen)),
    ):
        assert not list(whole_reads(await plan_of(connection, statement))), statement[0]


@pytest.mark.parametrize("chosen", [(), ("since",), ("status",)], ids="+".join)
async def test_a_cursor_is_one_descent_and_no_sort(connection: "asyncpg.Connection[Any]", chosen: tuple[str, ...]) -> None:
    plan = await plan_of(connection, lists.following(wanted(chosen), limit=21, after=PLACE))
    scans = [node for node in nodes(plan) if node["Node Type"] == "Index Scan"]
    assert [node["Node Type"] for node in nodes(plan)] == ["Limit", "Index Scan"], plan
    assert "ROW(created_at, payment_id) <" in scans[0]["Index Cond"]
    assert scans[0]["Index Name"] == ("payments_unusual" if "status" in chosen else "payments_merchant")


@pytest.mark.parametrize("status", sorted(set(get_args(Status)) - {"processing", "succeeded"}))
async def test_what_is_rare_has_an_index_of_its_own(connection: "asyncpg.Connection[Any]", status: Status) -> None:
    plan = await plan_of(connection, lists.page(Wanted(merchant_id="m_1", status=status), limit=21, skip=0))
    assert "payments_unusual" in {node.get("Index Name") for node in nodes(plan)}


@pytest.mark.parametrize("chosen", [(), ("method",)], ids="+".join)
async def test_oldest_first_is_one_descent_too(connection: "asyncpg.Connection[Any]", chosen: tuple[str, ...]) -> None:
    rising = replace(wanted(chosen), order="asc", until=NOW)
    plan = await plan_of(connection, lists.following(rising, limit=21, after=PLACE))
    assert [node["Node Type"] for node in nodes(plan)] == ["Limit", "Index Scan"], plan


async def test_what_is_under_way_is_found_among_what_is_due(connection: "asyncpg.Connection[Any]") -> None:
    """Few of many, and in no index of their own: every payment that is processing is due to be looked after."""
    plan = await plan_of(connection, lists.count(Wanted(merchant_id="m_1", status="processing")))
    assert "payments_due" in {node.get("Index Name") for node in nodes(plan)}


async def test_a_method_that_nobody_uses_is_looked_up_and_not_looked_for(connection: "asyncpg.Connection[Any]") -> None:
    plan = await plan_of(connection, lists.page(Wanted(merchant_id="m_1", method="PAYMENT_LINK"), limit=21, skip=0))
    assert "payments_method" in {node.get("Index Name") for node in nodes(plan)}
