"""Lists of a merchant with six million of ten million payments: whatever they are filtered by, few blocks are read, and none in vain.

`-s` shows the plan and the milliseconds of each statement.
"""

import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import product
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest
import pytest_asyncio
from sqlalchemy import make_url

from services.api import lists, store
from services.api.domain.cursor import Place
from services.api.lists import Wanted
from shared.storage.transaction import positional
from tests.bench.large import fill
from tests.bench.test_list_plans import nodes
from tests.bench.test_plans import NAME
from tests.servers import fresh_database

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]
ROWS = 10_000_000
# Of 8 KiB. A page at the greatest depth skips 9,980 rows, and each may lie in a block of its own; a B-tree's inner blocks come on top.
BLOCKS_MAX = 20_000
CHOICES: dict[str, tuple[Any, ...]] = {
    "status": (None, "processing", "succeeded", "failed", "conflicted"),  # under way, most, some, none
    "method": (None, "UPI", "WALLET", "PAYMENT_LINK"),  # most, one in a thousand, none
    "order_id": (None, "o77"),
    "since": (None, datetime(2026, 10, 1, tzinfo=UTC)),
}
COMBINATIONS = [dict(zip(CHOICES, chosen, strict=True)) for chosen in product(*CHOICES.values())]
MIDDLE = Place(datetime(2026, 10, 15, tzinfo=UTC), UUID(int=1))


@pytest_asyncio.fixture(scope="module")
async def connection(postgres_url: str) -> "AsyncIterator[asyncpg.Connection[Any]]":
    async with fresh_database(postgres_url) as database:
        await database.create(store.metadata)
        url = make_url(database.url).set(drivername="postgresql")
        found = await asyncpg.connect(url.render_as_string(hide_password=False))
        await found.execute("SET synchronous_commit = off")
        await fill(found, ROWS)
        yield found
        await found.close()


def statements(chosen: dict[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    wanted = Wanted(merchant_id="m_1", **chosen)
    rising = Wanted(merchant_id="m_1", **chosen, until=datetime(2026, 11, 20, tzinfo=UTC), order="asc")
    return {
        "first page": lists.page(wanted, limit=21, skip=0),
        "page 500": lists.page(wanted, limit=21, skip=9_980),
        "cursor": lists.following(wanted, limit=21, after=MIDDLE),
        "oldest first": lists.following(rising, limit=21, after=MIDDLE),
        "total": lists.count(wanted),
    }


async def analyzed(connection: "asyncpg.Connection[Any]", statement: tuple[str, dict[str, Any]]) -> tuple[dict[str, Any], float]:
    """→ (the plan as it ran, ms). Run twice: the second finds its blocks in memory, as a list that somebody reads does."""
    sql, named = statement
    names = list(dict.fromkeys(NAME.findall(sql)))
    for _ in range(2):
        raw = await connection.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {positional(sql, *names)}", *(named[name] for name in names), timeout=120
        )
    found = orjson.loads(raw)[0]
    return found["Plan"], found["Execution Time"]


async def judged(connection: "asyncpg.Connection[Any]", chosen: dict[str, Any]) -> list[str]:
    """What is wrong with these lists."""
    wrong = []
    for title, statement in statements(chosen).items():
        plan, taken_ms = await analyzed(connection, statement)
        blocks = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        scans = [f"{node['Node Type']} {node.get('Index Name', '')}".strip() for node in nodes(plan) if "Scan" in node["Node Type"]]
        line = f"{'+'.join(name for name in chosen if chosen[name]) or 'all'} {list(filter(None, chosen.values()))[:2]} {title}"
        sys.stdout.write(f"{line}: {taken_ms:.1f} ms, {blocks} blocks, {', '.join(scans)}\n")
        if blocks > BLOCKS_MAX or any(scan.startswith("Seq") for scan in scans):
            wrong.append(f"{line}: {blocks} blocks by {', '.join(scans)}")
    return wrong


async def test_no_list_of_ten_million_is_slow(connection: "asyncpg.Connection[Any]") -> None:
    assert not [one for chosen in COMBINATIONS for one in await judged(connection, chosen)]
