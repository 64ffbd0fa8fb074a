"""How a service keeps its promises in PostgreSQL: claims, row locks, state and outbox in one transaction."""
