"""Executes what changes wrote and said: state in foreign-key order, then the outbox, each kind of row in one statement."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Table

from shared.storage.bulk import Bulk
from shared.storage.transaction import Transaction, positional
from shared.storage.work import Outgoing, Work

IN_HAND_S = 10.0  # how long the writing process's own relay has a fresh row to itself; longer than a publish may take

COLUMNS = ("id", "message_id", "exchange", "routing_key", "kind", "body", "rung", "reason")


class Writer:
    def __init__(self, outbox: Table) -> None:
        self.order = {table: rank for rank, table in enumerate(outbox.metadata.sorted_tables)}
        self.say = positional(
            f"INSERT INTO {outbox.name} (id, message_id, exchange, routing_key, kind, body, rung, reason, due_at)"
            " SELECT i, m, e, r, k, b, g, why, now() + make_interval(secs => d)"
            " FROM unnest(cast(:id AS uuid[]), cast(:message_id AS uuid[]),"
            " cast(:exchange AS text[]), cast(:routing_key AS text[]), cast(:kind AS text[]), cast(:body AS bytea[]),"
            " cast(:rung AS smallint[]), cast(:reason AS text[]), cast(:due_in_s AS float8[])) AS t(i, m, e, r, k, b, g, why, d)",
            *COLUMNS,
            "due_in_s",
        )

    async def write(self, transaction: Transaction, applied: Iterable[Work]) -> None:
        groups: dict[Bulk, list[dict[str, Any]]] = {}
        for work in applied:
            for statement, row in work.writes:
                groups.setdefault(statement, []).append(row)
        for statement in sorted(groups, key=lambda one: self.order[one.table]):
            await statement.run(transaction, groups[statement])

    async def speak(self, transaction: Transaction, applied: Iterable[Work]) -> Sequence[Outgoing]:
        """Write the outbox rows; returns those that go out at once, for the relay to take in hand."""
        rows = [one for work in applied for one in work.outgoing]
        if rows:
            arrays = [[getattr(one, name) for one in rows] for name in COLUMNS]
            await transaction.fetch(self.say, *arrays, [one.delay_s or IN_HAND_S for one in rows])
        return [one for one in rows if not one.delay_s]
