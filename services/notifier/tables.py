"""The notifier's tables. A delivery is a row until it is delivered or parked; its due_at is the schedule."""

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.storage.tables import audit_table, inbox_table, new_metadata, outbox_table

metadata = new_metadata()
inbox, outbox = inbox_table(metadata), outbox_table(metadata)
endpoints = Table(
    "endpoints",
    metadata,
    Column("endpoint_id", Text, primary_key=True),
    Column("merchant_id", Text, nullable=False),  # or OPERATORS
    Column("url", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("secret_sealed", Text, nullable=False),  # AES-GCM under PAYMESH_SECRETS_KEY
    Column("previous_secret_sealed", Text),  # signs as well until previous_secret_until
    Column("previous_secret_until", DateTime(timezone=True)),
    Column("events", JSONB, nullable=False, server_default="[]"),
    Column("ordered", Boolean, nullable=False, server_default="false"),
    Column("enabled", Boolean, nullable=False, server_default="true"),
    Column("disabled_reason", Text),
    Column("failing_since", DateTime(timezone=True)),  # the first failure after the last success
    Column("failing_told_at", DateTime(timezone=True)),  # endpoint.failing was said
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("deleted_at", DateTime(timezone=True)),  # the row stays for its deliveries' sake
    Index("endpoints_merchant", "merchant_id"),
)
deliveries = Table(
    "deliveries",
    metadata,
    Column("delivery_id", Uuid, primary_key=True),
    Column("event_id", Uuid, nullable=False),
    Column("endpoint_id", Text, ForeignKey("endpoints.endpoint_id"), nullable=False),
    Column("merchant_id", Text, nullable=False),
    Column("payment_id", Uuid),  # null for what belongs to no payment
    Column("type", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),  # due · delivered · parked · skipped
    Column("reason", Text),
    Column("tries", SmallInteger, nullable=False, server_default="0"),
    Column("tries_before", SmallInteger, nullable=False, server_default="0"),  # made before the schedule began anew
    Column("sequence", Integer),  # only where its endpoint keeps a payment's order
    Column("follows_event_id", Uuid),  # the same: the event before it
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("due_at", DateTime(timezone=True)),  # null when nothing will be tried by itself
    Index("deliveries_payment", "payment_id"),
    Index("deliveries_newest", "created_at", "delivery_id"),
    Index("deliveries_of_endpoint", "endpoint_id", "created_at", "delivery_id"),
    Index(
        "deliveries_unheard_of_endpoint",
        "endpoint_id",
        "created_at",
        "delivery_id",
        postgresql_where=text("state IN ('parked', 'skipped')"),
    ),
    Index("deliveries_due_of_endpoint", "endpoint_id", "due_at", postgresql_where=text("due_at IS NOT NULL")),
)
delivery_attempts = Table(
    "delivery_attempts",
    metadata,
    Column("delivery_id", Uuid, ForeignKey("deliveries.delivery_id"), primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("status", Integer),
    Column("error", Text),
    Column("latency_ms", Integer, nullable=False),
    Column("response", Text),  # how the answer's body begins
)
audit = audit_table(metadata)
