"""The only place that reads the time or makes ids. Everything that decides takes `now` as an argument."""

import time
from datetime import UTC, datetime
from uuid import UUID

import uuid_utils.compat as uuid_utils
from uuid_utils import uuid7 as fast_uuid7


def utc_now() -> datetime:
    return datetime.now(UTC)


def monotonic_s() -> float:
    return time.monotonic()


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562): ordered by time, so that primary-key indexes grow at one end."""
    return uuid_utils.uuid7()


def new_id_text() -> str:
    """The same as text, eight times faster than by way of a UUID."""
    return str(fast_uuid7())
