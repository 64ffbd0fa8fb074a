"""Cursors come back as they were given out, for the list that they came from and for no other."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.domain.cursor import CURSOR_CHARS, BadCursor, Place, read_cursor, write_cursor

KEY = b"k" * 32
PLACE = Place(datetime(2026, 11, 21, 10, 23, 40, 273_674, tzinfo=UTC), UUID("0197f3a0-0000-7000-8000-000000000001"))


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_place_comes_back_to_the_microsecond(created_at: datetime, item_id: UUID) -> None:
    cursor = write_cursor(Place(created_at, item_id), of="list", key=KEY)
    assert len(cursor) <= CURSOR_CHARS
    assert read_cursor(cursor, of="list", key=KEY) == Place(created_at, item_id)


@given(st.text(max_size=60))
def test_nothing_else_is_a_cursor(text: str) -> None:
    with pytest.raises(BadCursor):
        read_cursor(text, of="list", key=KEY)


@pytest.mark.parametrize(("of", "key"), [("another", KEY), ("list", b"j" * 32)])
def test_a_cursor_is_of_one_list(of: str, key: bytes) -> None:
    with pytest.raises(BadCursor):
        read_cursor(write_cursor(PLACE, of="list", key=KEY), of=of, key=key)


@given(st.integers(0, CURSOR_CHARS - 2), st.characters(codec="ascii", categories=("Lu", "Ll", "Nd")))
def test_a_changed_cursor_is_none(position: int, other: str) -> None:
    cursor = write_cursor(PLACE, of="list", key=KEY)
    changed = cursor[:position] + other + cursor[position + 1 :]
    if changed != cursor and position < len(cursor) - 1:
        with pytest.raises(BadCursor):
            read_cursor(changed, of="list", key=KEY)
