"""Rows travel as arrays, one a column: what goes in comes out, whatever its type, and NULL is NULL."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import orjson
import pytest

from shared.clock import new_id
from shared.storage.bulk import Bulk, insert, insert_claim, update
from shared.storage.transaction import begin
from shared.storage.work import Work
from tests.kernel import toy
from tests.servers import Database

COLUMNS = ("balance", "note", "doc", "seal", "seen_at")
WHOLE = insert(toy.accounts, "id", *COLUMNS)
AT = datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC)
DOC = {"nested": {"list": [1, None, "ü", {"deep": True}]}, "text": 'quote " and \\ and {braces}'}


def _row(**more: Any) -> dict[str, Any]:
    return {"id": new_id(), "balance": 0, "note": None, "doc": None, "seal": None, "seen_at": None} | more


ROWS = [
    _row(),
    _row(balance=2**31 - 1, note="plain", doc=orjson.dumps(DOC).decode(), seal=bytes(range(256)), seen_at=AT),
    _row(note="", doc="null", seal=b"", seen_at=AT.astimezone(timezone(timedelta(hours=5, minutes=30)))),
    _row(note="{a,b} 'c' \"d\" NULL \n ₹", doc="[]", seal=b"\x00\\x00{,}"),
]
SEEN: list[tuple[Any, ...]] = [
    (None, None, None, None),
    ("plain", DOC, bytes(range(256)), AT),
    ("", None, b"", AT),
    (ROWS[3]["note"], [], ROWS[3]["seal"], None),
]


async def _run(database: Database, statement: Bulk, rows: list[dict[str, Any]]) -> list[Any]:
    async with begin(database.engine) as transaction:
        return list(await statement.run(transaction, rows))


async def _stored(database: Database, key: UUID) -> Any:
    return (await database.rows("SELECT balance, note, doc, seal, seen_at FROM accounts WHERE id = :id", id=key))[0]


async def test_every_type_and_null_is_inserted_as_it_is(empty: Database) -> None:
    await _run(empty, WHOLE, ROWS)
    for row, seen in zip(ROWS, SEEN, strict=True):
        assert tuple(await _stored(empty, row["id"])) == (row["balance"], *seen)
    nulls = await empty.rows("SELECT id, doc IS NULL AS missing FROM accounts WHERE doc IS NULL OR doc = 'null'")
    assert {row.id: row.missing for row in nulls} == {ROWS[0]["id"]: True, ROWS[2]["id"]: False}, "JSON null is a value, NULL is none"


async def test_every_type_and_null_is_updated_as_it_is(empty: Database) -> None:
    """Each row gets its own values, also back to NULL, and the others keep theirs."""
    stranger = _row(note="mine", doc="{}", seal=b"mine")
    await _run(empty, WHOLE, [*ROWS, stranger])
    turned = [{**values, "id": row["id"]} for row, values in zip(ROWS, [*ROWS[1:], ROWS[0]], strict=True)]
    await _run(empty, update(toy.accounts, *COLUMNS, key="id"), turned)
    for row, seen in zip(turned, [*SEEN[1:], SEEN[0]], strict=True):
        assert tuple(await _stored(empty, row["id"])) == (row["balance"], *seen)
    assert tuple(await _stored(empty, stranger["id"])) == (0, "mine", {}, b"mine", None)


async def test_where_narrows_an_update_row_by_row(empty: Database) -> None:
    low, high = _row(balance=1), _row(balance=100)
    await _run(empty, WHOLE, [low, high])
    raise_only = update(toy.accounts, "balance", key="id", where="accounts.balance < v.balance")
    await _run(empty, raise_only, [{"id": low["id"], "balance": 50}, {"id": high["id"], "balance": 50}])
    assert (await _stored(empty, low["id"])).balance == 50
    assert (await _stored(empty, high["id"])).balance == 100


async def test_a_column_that_is_left_out_has_its_default(empty: Database) -> None:
    account, message = new_id(), new_id()
    await _run(empty, toy.OPEN, [{"id": account, "balance": 5}])
    await _run(empty, toy.ENTER, [{"message_id": message, "account_id": account, "amount": 1}] * 3)
    numbers = [row.number for row in await empty.rows("SELECT number FROM entries ORDER BY number")]
    assert len(set(numbers)) == 3
    assert (await _stored(empty, account)).note is None


async def test_a_claim_returns_the_keys_that_were_free(empty: Database) -> None:
    taken, free = new_id(), new_id()
    once = insert_claim(toy.tickets, "id", "token", key="id")
    assert [row.key for row in await _run(empty, once, [{"id": taken, "token": new_id()}])] == [taken]
    rows = await _run(empty, once, [{"id": key, "token": new_id()} for key in (taken, free)])
    assert [row.key for row in rows] == [free]


async def test_a_claim_with_the_same_token_returns_its_key_again(empty: Database) -> None:
    mine, other, token = new_id(), new_id(), new_id()
    await _run(empty, toy.TICKET, [{"id": mine, "token": token}, {"id": other, "token": new_id()}])
    rows = await _run(empty, toy.TICKET, [{"id": mine, "token": token}, {"id": other, "token": token}])
    assert [row.key for row in rows] == [mine]
    assert await empty.value("SELECT count(*) FROM tickets WHERE token = :token", token=token) == 1


async def test_no_rows_are_no_trouble(empty: Database) -> None:
    assert await _run(empty, WHOLE, []) == []
    assert await empty.value("SELECT count(*) FROM accounts") == 0


@pytest.mark.parametrize("row", [{"id": new_id()}, {"id": new_id(), "balance": 1, "note": "?"}, {}], ids=["short", "long", "none"])
def test_a_row_that_does_not_fit_is_refused_where_it_is_written(row: dict[str, Any]) -> None:
    """By the change that wrote it, which a test of the handler alone finds."""
    work = Work(AT)
    work.write(toy.OPEN, id=new_id(), balance=1)
    with pytest.raises(TypeError, match=r"accounts.*balance"):
        work.write(toy.OPEN, **row)
    assert len(work.writes) == 1
