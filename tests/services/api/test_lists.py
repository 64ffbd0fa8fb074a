"""Lists of payments over the real edge and PostgreSQL: whole, in order, one's own, and unmoved by what comes in meanwhile."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.api import lists
from shared.storage import budget
from tests.servers import Database
from tests.services.api.conftest import Client

START = datetime(2026, 11, 1, tzinfo=UTC)
PAYMENTS = 45
INSERT = (
    "INSERT INTO payments (payment_id, merchant_id, status, sequence, amount_minor, currency, method, capture, gateway, order_id, metadata,"
    " evidence, created_at, updated_at) SELECT ('0197f3a0-{family}-7000-8000-' || lpad(n::text, 12, '0'))::uuid, :merchant_id,"
    " CASE WHEN n % 5 = 0 THEN 'failed' ELSE 'succeeded' END, 1, n, 'INR', CASE WHEN n % 3 = 0 THEN 'CARD' ELSE 'UPI' END, 'automatic',"
    " CASE WHEN n % 2 = 0 THEN 'alpha' ELSE 'beta' END, 'o' || n % 4, '{{}}', '{{}}', CAST(:start AS timestamptz)"
    " + n / 3 * interval '1 min', now() FROM generate_series(CAST(:first AS int), CAST(:last AS int)) AS n"
)


async def fill(database: Database, merchant_id: str, first: int, last: int, *, family: str = "0001", start: datetime = START) -> None:
    """Payments that differ in their amount, three of them a minute."""
    await database.rows(INSERT.format(family=family), **values(merchant_id, first, last, start))


def values(merchant_id: str, first: int, last: int, start: datetime) -> dict[str, Any]:
    return {"merchant_id": merchant_id, "first": first, "last": last, "start": start}


@pytest.fixture
async def filled(database: Database) -> None:
    await database.rows("DELETE FROM payments")
    await fill(database, "m_001", 1, PAYMENTS)
    await fill(database, "m_002", 1, 5, family="0002")


def amounts(body: dict[str, Any]) -> list[int]:
    return [one["amount"] for one in body["items"]]


async def walked(merchant: Client, query: str) -> list[int]:
    found, cursor = [], ""
    while cursor is not None:
        answer = await merchant.get(f"/payments?{query}&cursor={cursor}")
        assert answer.status == 200, answer.body
        assert set(answer.body) == {"items", "next_cursor"}
        found += amounts(answer.body)
        cursor = answer.body["next_cursor"]
    return found


NEWEST_FIRST = list(range(PAYMENTS, 0, -1))


async def test_a_page_says_where_it_stands(filled: None, merchant: Client) -> None:
    first = (await merchant.get("/payments")).body
    assert {name: first[name] for name in ("page", "limit", "total", "total_is_exact", "has_next")} == {
        "page": 1, "limit": 20, "total": PAYMENTS, "total_is_exact": True, "has_next": True,
    }  # fmt: skip
    assert amounts(first) == NEWEST_FIRST[:20]
    last = (await merchant.get("/api/v1/payments?page=3&limit=20")).body
    assert (amounts(last), last["has_next"], last["next_cursor"]) == (NEWEST_FIRST[40:], False, None)
    beyond = (await merchant.get("/payments?page=4&limit=20")).body
    assert (beyond["items"], beyond["total"], beyond["has_next"]) == ([], PAYMENTS, False)


async def test_a_page_is_continued_by_cursor(filled: None, merchant: Client) -> None:
    first = (await merchant.get("/payments?limit=10")).body
    more = (await merchant.get(f"/payments?limit=10&cursor={first['next_cursor']}")).body
    assert amounts(more) == NEWEST_FIRST[10:20]


@pytest.mark.parametrize("limit", [1, 2, 7, 44, 45, 100])
async def test_a_cursor_finds_every_payment_once(filled: None, merchant: Client, limit: int) -> None:
    assert await walked(merchant, f"limit={limit}") == NEWEST_FIRST


async def test_what_comes_in_moves_no_cursor(filled: None, merchant: Client, database: Database) -> None:
    found, cursor, rounds = [], "", 0
    while cursor is not None:
        body = (await merchant.get(f"/payments?limit=7&cursor={cursor}")).body
        found += amounts(body)
        cursor, rounds = body["next_cursor"], rounds + 1
        await fill(database, "m_001", rounds * 1000, rounds * 1000 + 9, family="0003", start=START + timedelta(hours=1))
    assert found == NEWEST_FIRST
    paged = amounts((await merchant.get("/payments?page=2&limit=7")).body)
    assert not set(paged) & set(NEWEST_FIRST), "pages move, or this test inserts nothing"


async def test_another_merchants_are_never_shown(filled: None, merchant: Client, neighbour: Client) -> None:
    assert await walked(neighbour, "limit=2") == [5, 4, 3, 2, 1]
    assert (await neighbour.get("/payments")).body["total"] == 5
    stolen = (await merchant.get("/payments?limit=10")).body["next_cursor"]
    refused = await neighbour.get(f"/payments?limit=10&cursor={stolen}")
    assert (refused.status, refused.code) == (422, "VALIDATION_ERROR")
    ids = {one["payment_id"] for one in (await neighbour.get("/payments?order_id=o1")).body["items"]}
    assert not ids & {one["payment_id"] for one in (await merchant.get("/payments?order_id=o1&limit=100")).body["items"]}


@pytest.mark.parametrize(
    ("query", "chosen"),
    [
        ("status=failed", lambda n: n % 5 == 0),
        ("status=succeeded", lambda n: n % 5),
        ("status=expired", lambda n: False),
        ("method=CARD", lambda n: n % 3 == 0),
        ("method=card", lambda n: n % 3 == 0),
        ("gateway=alpha", lambda n: n % 2 == 0),
        ("order_id=o3", lambda n: n % 4 == 3),
        ("from=2026-11-01T00:05:00Z&to=2026-11-01T00:10:00Z", lambda n: 5 <= n // 3 < 10),
        ("from=2026-11-01T05:35:00%2B05:30&status=failed&method=CARD", lambda n: n // 3 >= 5 and n % 15 == 0),
    ],
)
async def test_filters(filled: None, merchant: Client, query: str, chosen: Any) -> None:
    expected = [n for n in NEWEST_FIRST if chosen(n)]
    page = (await merchant.get(f"/payments?limit=100&{query}")).body
    assert (amounts(page), page["total"]) == (expected, len(expected))
    assert await walked(merchant, f"limit=3&{query}") == expected


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=101", "page=0", "page=101&limit=100", "page=2&cursor=", "cursor=abc", "status=done", "method=CASH",
        "from=2026-11-01T00:00:00", "to=yesterday", "from=2026", "from=1795257127", "to=2026-11-01",
        "order=asc", "order=up&cursor=", "gateway=", "colour=red", "limit=2&limit=3",
    ],
)  # fmt: skip
async def test_what_is_no_list_is_refused(merchant: Client, query: str) -> None:
    answer = await merchant.get(f"/payments?{query}")
    assert (answer.status, answer.code) == (422, "VALIDATION_ERROR")
    assert {one["in"] for one in answer.body["error"]["details"]["errors"]} == {"query"}


async def test_a_cursor_is_for_its_own_filters(filled: None, merchant: Client) -> None:
    cursor = (await merchant.get("/payments?limit=2&status=failed")).body["next_cursor"]
    assert (await merchant.get(f"/payments?limit=9&status=failed&cursor={cursor}")).status == 200
    assert (await merchant.get(f"/payments?limit=2&cursor={cursor}")).status == 422


async def test_beyond_what_is_counted_the_total_says_so(filled: None, merchant: Client, database: Database) -> None:
    assert lists.COUNT_MAX == 10_000
    await fill(database, "m_001", PAYMENTS + 1, 10_000)
    exact = (await merchant.get("/payments?limit=100&page=100")).body
    assert (exact["total"], exact["total_is_exact"], exact["has_next"]) == (10_000, True, False)
    await fill(database, "m_001", 10_001, 10_003)
    more = (await merchant.get("/payments?limit=100&page=100")).body
    assert (more["total"], more["total_is_exact"], more["has_next"]) == (10_000, False, True)


async def followed(merchant: Client, cursor: str | None, query: str = "limit=3") -> tuple[list[int], str | None]:
    """Oldest first, until nothing more is there."""
    found: list[int] = []
    while True:
        body = (await merchant.get(f"/payments?order=asc&{query}&cursor={cursor or ''}")).body
        found, cursor = found + amounts(body), body["next_cursor"]
        if not body["items"]:
            return found, cursor


@pytest.mark.parametrize(("query", "chosen"), [("limit=7", lambda n: True), ("limit=2&status=failed", lambda n: n % 5 == 0)])
async def test_oldest_first_goes_on_where_it_was(filled: None, merchant: Client, database: Database, query: str, chosen: Any) -> None:
    found, cursor = await followed(merchant, "", query)
    assert found == [n for n in range(1, PAYMENTS + 1) if chosen(n)]
    assert cursor
    assert await followed(merchant, cursor, query) == ([], cursor)
    await fill(database, "m_001", 1000, 1010, family="0003")
    assert (await followed(merchant, cursor, query))[0] == [n for n in range(1000, 1011) if chosen(n)]
    refused = await merchant.get(f"/payments?{query}&cursor={cursor}")
    assert refused.status == 422, "a cursor has its direction"


async def test_an_empty_list_may_be_followed(merchant: Client, database: Database) -> None:
    await database.rows("DELETE FROM payments")
    assert await followed(merchant, "") == ([], None)


async def test_who_follows_misses_no_payment_that_is_still_being_written(
    filled: None, merchant: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is made before the second, and committed after it."""
    monkeypatch.setattr(lists, "SKEW", timedelta(0))
    minutes = timedelta(minutes=34)  # that these two are after the start
    _, cursor = await followed(merchant, "")
    async with database.engine.connect() as first:
        await first.execute(text(INSERT.format(family="0004")), values("m_001", 102, 102, datetime.now(UTC) - minutes))
        await fill(database, "m_001", 103, 103, family="0004", start=datetime.now(UTC) - minutes)
        assert amounts((await merchant.get("/payments?limit=1")).body) == [103]
        assert await followed(merchant, cursor) == ([], cursor)
        await first.commit()
    assert (await followed(merchant, cursor))[0] == [102, 103]


async def test_what_would_read_too_much_is_refused(
    filled: None, merchant: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "BUDGET_S", 0.001)
    await fill(database, "m_001", 1000, 60_000, family="0005")
    for form in ("page=1", "cursor="):
        answer = await merchant.get(f"/payments?{form}&gateway=none")
        assert (answer.status, answer.body["error"]["details"]["errors"][0]["field"]) == (422, "from")


async def test_nobody_lists_without_a_key(http: Any) -> None:
    async with http.get("/payments") as response:
        assert response.status == 401
