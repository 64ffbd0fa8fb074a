"""What a service counts of itself, for `/metrics`. Counted per batch, so that counting costs nothing per payment."""

from prometheus_client import Counter, Gauge

COMMITS = Counter("paymesh_commits", "Transactions of the unit of work")
CHANGES = Counter("paymesh_changes", "Changes committed in them; changes / commits is the batch size")
CONTRACTS = Counter("paymesh_contracts_published", "Contracts that left the outbox")
ENVELOPES = Counter("paymesh_envelopes_published", "AMQP messages they left in; contracts / envelopes is the packing")
TRIED_LATER = Counter("paymesh_tried_later", "Changes that failed and climbed a rung of the delay ladder", ["queue"])
DEAD_LETTERED = Counter("paymesh_dead_lettered", "Changes that failed for good", ["queue"])
PARKED = Counter("paymesh_outbox_parked", "Outbox rows that no exchange routes")
PENDING = Gauge("paymesh_pending_changes", "Changes that wait for a commit")
