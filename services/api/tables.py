"""The edge's tables."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
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

from services.api.domain.sums import SUMS
from shared.storage.tables import audit_table, inbox_table, new_metadata, outbox_table

LIVE = "'processing', 'requires_action', 'pending_verification', 'requires_capture', 'succeeded', 'partially_refunded'"

metadata = new_metadata()
inbox, outbox = inbox_table(metadata), outbox_table(metadata)
merchants = Table(
    "merchants",
    metadata,
    Column("merchant_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("answer_wait_s", Integer, nullable=False, server_default="0"),
    Column("derive_idempotency_key", Boolean, nullable=False, server_default="false"),
    Column("active", Boolean, nullable=False, server_default="true"),
    Column("allowed_origins", JSONB, nullable=False, server_default="[]"),  # pages that may open its checkout
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("merchants_origins", "allowed_origins", postgresql_using="gin"),
)
api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("merchant_id", Text, ForeignKey("merchants.merchant_id"), nullable=False),
    Column("secret_sha256", LargeBinary),  # null: publishable, and nothing else
    Column("revoked_at", DateTime(timezone=True)),
    Column("publishable", Boolean, nullable=False, server_default="false"),  # its id alone opens a checkout
    Column("previous_sha256", LargeBinary),  # of the secret before, which works on until `previous_until`
    Column("previous_until", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("secret_sha256 IS NOT NULL OR publishable", name="of_use"),
    Index("api_keys_merchant", "merchant_id"),
)
operator_keys = Table(
    "operator_keys",
    metadata,
    Column("name", Text, primary_key=True),
    Column("sha256", LargeBinary, nullable=False, unique=True),
    Column("note", Text, nullable=False, server_default=""),  # whose it is, and what for
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("revoked_at", DateTime(timezone=True)),
)
audit = audit_table(metadata)
idempotency = Table(
    "idempotency",
    metadata,
    Column("claim", Text, primary_key=True),  # merchant, operation and key
    Column("fingerprint", Text, nullable=False),
    Column("payment_id", Uuid, nullable=False),
    Column("operation_id", Uuid),  # where it was for a capture, void or refund
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("idempotency_created_at", "created_at"),
)
orders = Table(
    "orders",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("merchant_id", Text, ForeignKey("merchants.merchant_id"), nullable=False),
    Column("reference", Text),  # the merchant's own name of it
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("customer_id", Text),
    Column("metadata", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    Index("orders_reference", "merchant_id", "reference", unique=True, postgresql_where=text("reference IS NOT NULL")),
)
payments = Table(
    "payments",
    metadata,
    Column("payment_id", Uuid, primary_key=True),
    Column("merchant_id", Text, ForeignKey("merchants.merchant_id"), nullable=False),
    Column("status", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("capture", Text, nullable=False),
    Column("gateway", Text),
    Column("order_id", Text),
    Column("customer_id", Text),
    Column("instrument", Text),  # masked
    Column("metadata", JSONB, nullable=False),
    Column("payment_url", Text),
    Column("error", JSONB),
    Column("evidence", JSONB, nullable=False),
    Column("last_event_id", Uuid),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True)),  # when it is looked after; null when nothing can be overdue
    Column("for_order", Uuid, ForeignKey("orders.order_id")),
    Column("subscription_id", Text),  # whose token it took
    *(Column(name, BigInteger, nullable=False, server_default="0") for name in SUMS),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    CheckConstraint("authorized_minor <= amount_minor", name="authorized"),
    CheckConstraint("captured_minor + capturing_minor + released_minor + releasing_minor <= authorized_minor", name="captured"),
    CheckConstraint("refunded_minor + refunding_minor <= captured_minor", name="refunded"),
    CheckConstraint(f"least({', '.join(SUMS)}) >= 0", name="sums_positive"),
    # One payment at a time that may still take an order's money, or has. `conflicted` is not among them: a payment that has failed may
    # become so while another pays the order, and what gateways have done must be written whatever it is. Whether such an order may be
    # paid anew is asked under the order's lock (`orders.TAKEN`); this is the database's own word.
    Index("payments_live_order", "for_order", unique=True, postgresql_where=text(f"for_order IS NOT NULL AND status IN ({LIVE})")),
    Index("payments_for_order", "for_order", postgresql_where=text("for_order IS NOT NULL")),
    Index("payments_merchant", "merchant_id", "created_at", "payment_id"),
    # For lists of what did not simply succeed. A payment that does is never in it, so it costs nothing on the common path.
    Index(
        "payments_unusual",
        "merchant_id",
        "status",
        "created_at",
        "payment_id",
        postgresql_where=text("status NOT IN ('processing', 'succeeded')"),
    ),
    Index("payments_method", "merchant_id", "method", "created_at", "payment_id"),
    Index("payments_order", "merchant_id", "order_id", postgresql_where=text("order_id IS NOT NULL")),
    Index("payments_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
)
subscriptions = Table(
    "subscriptions",
    metadata,
    Column("own_id", Uuid, primary_key=True),  # of the merchant and the name that it gave
    Column("merchant_id", Text, ForeignKey("merchants.merchant_id"), nullable=False),
    Column("subscription_id", Text, nullable=False),
    Column("customer_id", Text),
    Column("plan", Text),
    Column("tokens", BigInteger, nullable=False),
    Column("tokens_first", BigInteger, nullable=False),
    Column("active", Boolean, nullable=False, server_default="true"),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("tokens >= 0", name="tokens_positive"),
    Index("subscriptions_merchant", "merchant_id", "created_at", "own_id"),
)
token_grants = Table(
    "token_grants",
    metadata,
    Column("grant_id", Uuid, primary_key=True),  # of the subscription and the idempotency key
    Column("own_id", Uuid, ForeignKey("subscriptions.own_id"), nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
timeline = Table(
    "timeline",
    metadata,
    Column("payment_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("event", Text, nullable=False),
    Column("detail", JSONB, nullable=False),
)
operations = Table(
    "operations",
    metadata,
    Column("operation_id", Uuid, primary_key=True),
    Column("payment_id", Uuid, ForeignKey("payments.payment_id"), nullable=False),
    Column("merchant_id", Text, nullable=False),
    Column("kind", Text, nullable=False),  # capture · refund · void · reversal
    Column("origin", Text, nullable=False),  # merchant · remainder · expiry · late_success
    Column("does", Text, nullable=False),  # what the gateway is asked for
    Column("gateway", Text, nullable=False),
    Column("target_reference", Text),  # the gateway's own id of the charge
    Column("charge_id", Text, nullable=False),  # the attempt that charged
    Column("method", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("closes", Boolean, nullable=False),
    Column("releases", Boolean, nullable=False),
    Column("status", Text, nullable=False),
    Column("number", SmallInteger, nullable=False),  # of the try under way
    Column("evidence", JSONB, nullable=False),
    Column("reason", Text),
    Column("error", JSONB),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True)),  # when it is tried again or looked after; null once it has ended
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    Index("operations_payment", "payment_id", "created_at"),
    Index("operations_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    Index("operations_exhausted", "updated_at", postgresql_where=text("status = 'exhausted'")),
)
