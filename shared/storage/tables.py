"""Tables that services have alike: what it has heard, what it still has to say, and what its operators have changed."""

from sqlalchemy import BigInteger, Column, DateTime, Index, LargeBinary, MetaData, SmallInteger, Table, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import JSONB

NAMING = {
    "ix": "%(table_name)s_%(column_0_N_name)s",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}


def new_metadata() -> MetaData:
    return MetaData(naming_convention=NAMING)


def inbox_table(metadata: MetaData) -> Table:
    """Ids of handled messages. Pruned after seven days; redrive refuses older messages."""
    return Table(
        "inbox",
        metadata,
        Column("message_id", Uuid, primary_key=True),
        Column("handled_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    )


def outbox_table(metadata: MetaData) -> Table:
    """Also the delay ladder and the way to the dead letters: a row says where it goes, when, and why.

    A fresh row is due a little later than now: the relay of the process that wrote it has it in hand, and whoever
    finds it due finds what a crash left.
    """
    return Table(
        "outbox",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("message_id", Uuid, nullable=False),
        Column("exchange", Text, nullable=False),
        Column("routing_key", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("rung", SmallInteger, nullable=False, server_default="0"),
        Column("reason", Text),
        Column("refusals", SmallInteger, nullable=False, server_default="0"),
        Column("due_at", DateTime(timezone=True), nullable=False),
        Column("parked_at", DateTime(timezone=True)),
        Index("outbox_due", "due_at", postgresql_where=text("parked_at IS NULL")),
    )


def audit_table(metadata: MetaData) -> Table:
    """Who changed what, when and why; `before` and `after` as operators see it, NULL where there is none."""
    return Table(
        "audit",
        metadata,
        Column("id", BigInteger, primary_key=True),
        Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("actor", Text, nullable=False),
        Column("action", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("before", JSONB(none_as_null=True)),
        Column("after", JSONB(none_as_null=True)),
        Column("reason", Text, nullable=False),
    )
