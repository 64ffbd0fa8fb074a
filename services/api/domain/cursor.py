"""The cursor of a list: the last item's place, opaque to whoever holds it, and of no use for any other list than the one it came from.

A place is a time and an id, not a count: what is inserted meanwhile moves nothing that comes after it.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PLACE_BYTES = 8 + 16  # µs since 1970, and the id
SEAL_BYTES = 8  # a guess succeeds once in 2^64, and would show its maker no more than a list of their own
CURSOR_CHARS = 44


class BadCursor(ValueError):
    """Not one of ours, or of another list."""


@dataclass(frozen=True, slots=True)
class Place:
    """Of an item in a list that is ordered by creation, and by id within a microsecond."""

    created_at: datetime
    item_id: UUID


def write_cursor(place: Place, *, of: str, key: bytes) -> str:
    """URL-safe text. `of` names the list: whose it is and what it is filtered by."""
    at_us = (place.created_at - EPOCH) // timedelta(microseconds=1)
    raw = at_us.to_bytes(8, "big", signed=True) + place.item_id.bytes
    return base64.urlsafe_b64encode(raw + _seal(raw, of, key)).decode().rstrip("=")


def read_cursor(text: str, *, of: str, key: bytes) -> Place:
    """Raises BadCursor."""
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadCursor("no cursor of this list") from None
    raw, seal = sealed[:PLACE_BYTES], sealed[PLACE_BYTES:]
    if len(sealed) != PLACE_BYTES + SEAL_BYTES or not hmac.compare_digest(seal, _seal(raw, of, key)):
        raise BadCursor("no cursor of this list")
    return Place(EPOCH + timedelta(microseconds=int.from_bytes(raw[:8], "big", signed=True)), UUID(bytes=raw[8:]))


def _seal(raw: bytes, of: str, key: bytes) -> bytes:
    return hmac.new(key, b"cursor\0" + of.encode() + b"\0" + raw, hashlib.sha256).digest()[:SEAL_BYTES]
