"""One statement for many rows, over arrays: `unnest` costs 5 µs a row where executemany costs 17, and is prepared once."""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Column, Table
from sqlalchemy.dialects.postgresql import JSONB, dialect

from shared.storage.transaction import Record, Transaction

DIALECT = dialect()  # type: ignore[no-untyped-call]


class Bulk:
    """A prepared bulk statement. `rows` are dicts that carry exactly `columns`; JSON columns take serialised text.

    Where a row may wait for another transaction's (`ON CONFLICT`), rows go in the order of their primary key: two replicas with the
    same keys wait for each other instead of deadlocking.
    """

    def __init__(self, table: Table, columns: Sequence[str], sql: str) -> None:
        self.table, self.columns, self.names = table, tuple(columns), frozenset(columns)
        self.sql = sql
        key = [column.name for column in table.primary_key if column.name in self.names]
        self.order = itemgetter(*key) if key and "ON CONFLICT" in sql else None

    async def run(self, transaction: Transaction, rows: Sequence[dict[str, Any]]) -> Sequence[Record]:
        if self.order:
            rows = sorted(rows, key=self.order)
        return await transaction.fetch(self.sql, *([row[name] for row in rows] for name in self.columns))


def _source(table: Table, columns: Sequence[str]) -> str:
    """`unnest` of one array a column; JSON travels as text, because an array of JSON has no codec."""
    arrays = ", ".join(f"cast(${number} AS {_wire_type(table.c[name])}[])" for number, name in enumerate(columns, 1))
    return f"unnest({arrays}) AS v({', '.join(columns)})"


def _wire_type(column: Column[Any]) -> str:
    return "TEXT" if isinstance(column.type, JSONB) else column.type.compile(dialect=DIALECT)


def _value(column: Column[Any]) -> str:
    return f"v.{column.name}::jsonb" if isinstance(column.type, JSONB) else f"v.{column.name}"


def insert(table: Table, *columns: str, tail: str = "") -> Bulk:
    """`tail` follows the SELECT: `ON CONFLICT …`, `RETURNING …`."""
    values = ", ".join(_value(table.c[name]) for name in columns)
    return Bulk(table, columns, f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT {values} FROM {_source(table, columns)} {tail}")


def update(table: Table, *columns: str, key: str, where: str = "") -> Bulk:
    """Set `columns` of the rows whose `key` is given; `where` narrows further (its row is `v`)."""
    sets = ", ".join(f"{name} = {_value(table.c[name])}" for name in columns)
    more = f" AND {where}" if where else ""
    source = _source(table, (key, *columns))
    return Bulk(table, (key, *columns), f"UPDATE {table.name} SET {sets} FROM {source} WHERE {table.name}.{key} = v.{key}{more}")


def insert_claim(table: Table, *columns: str, key: str, again: str = "") -> Bulk:
    """Insert and return the keys that are ours: those not there before, or for which `again` holds."""
    conflict = f"DO UPDATE SET {key} = excluded.{key} WHERE {again}" if again else "DO NOTHING"
    return insert(table, *columns, tail=f"ON CONFLICT ({key}) {conflict} RETURNING {key} AS key")
