"""Names that are the same however often a thing is met."""

from uuid import UUID

from shared.ids import derived

NOWHEN = UUID(int=0)


def evidence_id(gateway: str, event_id: str, body_sha256: str) -> UUID:
    """One id a webhook, however often it comes. The event's id alone is not enough where its header is not signed, and the body's hash
    alone would take two events of one content for one."""
    return derived(NOWHEN, f"{gateway}\n{event_id}\n{body_sha256}")


def discrepancy_id(gateway: str, comparison: str, reference: str) -> UUID:
    """One id for what does not agree, in however many runs it is found."""
    return derived(NOWHEN, f"{gateway}\n{comparison}\n{reference}")
