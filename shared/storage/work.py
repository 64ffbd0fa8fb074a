"""What one change reads, writes and says. It holds no connection: the unit of work executes it, in bulk."""

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from shared import topology
from shared.clock import new_id
from shared.contracts import Command, Event, Message
from shared.storage.bulk import Bulk
from shared.storage.transaction import Record, positional


class AlreadyHandled(Exception):
    """Somebody has won this claim: its effects are committed."""


class Rows:
    """A statement that loads rows for changes: it selects `key, …` by `:keys`, one row a key, ordered by key.

    `rank` is the service's one global order of statements that lock; `exclusive` (for `FOR UPDATE`) keeps two changes
    of one row out of the same batch, because the second must see what the first wrote. Without it they share the row as it was
    before all of them, and count among themselves what they take of it: `Work.draw`.
    """

    def __init__(self, sql: str, *, rank: int, exclusive: bool = True) -> None:
        self.sql = positional(sql, "keys")
        self.rank, self.exclusive = rank, exclusive


@dataclass(frozen=True, slots=True)
class Load:
    rows: Rows
    key: Hashable


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """A natural key that one change wins. `row` has the statement's columns; the winner's change runs, a loser's never."""

    insert: Bulk
    key: Hashable
    row: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One outbox row. `delay_s` > 0 is a rung of the ladder or a wait; 0 goes out at once."""

    message_id: UUID
    exchange: str
    routing_key: str
    kind: str
    body: bytes
    rung: int = 0
    reason: str | None = None
    delay_s: float = 0.0
    id: UUID = field(default_factory=new_id)


class Work:
    """The one argument a handler writes into. `now` is the batch's time."""

    __slots__ = ("_drawn", "_ids", "_rows", "now", "outgoing", "writes")

    def __init__(
        self, now: datetime, rows: dict[tuple[Rows, Hashable], Record] | None = None, drawn: Counter[tuple[Rows, Hashable]] | None = None
    ) -> None:
        self.now = now
        self.writes: list[tuple[Bulk, dict[str, Any]]] = []
        self.outgoing: list[Outgoing] = []
        self._rows = rows or {}
        self._drawn = Counter() if drawn is None else drawn
        self._ids: set[UUID] = set()

    def row(self, rows: Rows, key: Hashable) -> Record | None:
        """A row that this change asked for; None where there is none."""
        return self._rows.get((rows, key))

    def draw(self, rows: Rows, key: Hashable) -> int:
        """Take one of what a row holds; returns how many the changes before this one in its batch have taken."""
        before = self._drawn[rows, key]
        self._drawn[rows, key] = before + 1
        return before

    def write(self, statement: Bulk, **row: Any) -> None:
        """Raises TypeError for a row that has not exactly the statement's columns: here it is its own change's fault alone."""
        if row.keys() != statement.names:
            raise TypeError(f"{statement.table.name}: a row has {', '.join(row) or 'nothing'} where {', '.join(statement.columns)} belong")
        self.writes.append((statement, row))

    def send(self, command: Command, *, to: str = "") -> None:
        """`to` names the one of several like queues (a gateway's) that hears this kind."""
        self._say(topology.COMMANDS, f"{command.kind}.{to}" if to else command.kind, command)

    def publish(self, event: Event) -> None:
        self._say(topology.EVENTS, event.kind, event)

    def again(self, message: Message, *, queue: str, rung: int, reason: str, delay_s: float) -> None:
        self._say(topology.DEFAULT, queue, message, rung=rung, reason=reason, delay_s=delay_s)

    def bury(self, message: Message, *, dead_queue: str, rung: int, reason: str) -> None:
        self._say(topology.DEAD, dead_queue, message, rung=rung, reason=reason)

    def _say(self, exchange: str, routing_key: str, message: Message, **more: Any) -> None:
        if message.message_id in self._ids:
            raise ValueError(f"{message.kind} {message.message_id} said twice in one change: it needs a discriminator")
        self._ids.add(message.message_id)
        body = message.model_dump_json(exclude_none=True).encode()
        self.outgoing.append(Outgoing(message.message_id, exchange, routing_key, message.kind, body, **more))


Change = Callable[[Work], None]


def nothing(work: Work) -> None:
    """The change of a claim that is an end in itself."""
