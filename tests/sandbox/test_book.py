"""The book finds charges by everything that anybody asks for, and is the same again after its journal was read."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from deploy.sandbox.book import Book
from deploy.sandbox.charge import Charge

CHARGE = Charge("ch_0", "ref", "key", "charge", 100, 100, "INR", "UPI", "succeed", "succeeded", "2026-01-01T00:00:00.000000Z")


def at(second: int) -> str:
    return f"2026-01-01T00:00:{second:02}.000000Z"


@given(seconds=st.lists(st.integers(0, 9), max_size=30), limit=st.integers(1, 7), start=st.integers(0, 9), end=st.integers(0, 10))
def test_pages_cover_the_window_once_and_in_order(seconds: list[int], limit: int, start: int, end: int) -> None:
    book, made = Book(), [replace(CHARGE, charge_id=f"ch_{n}", created_at=at(second)) for n, second in enumerate(seconds)]
    for charge in made:
        book.put(charge)
    seen: list[Charge] = []
    cursor = None
    while True:
        page, cursor = book.between(at(start), at(end), cursor, limit)
        assert len(page) <= limit
        seen += page
        if cursor is None:
            break
    expected = [charge for charge in made if at(start) <= charge.created_at < at(end)]
    assert seen == sorted(expected, key=lambda charge: (charge.created_at, charge.charge_id))


def test_a_book_is_what_its_journal_says() -> None:
    failed = replace(CHARGE, charge_id="ch_1", idempotency_key=None, status="failed", code="card_declined")
    open_one = replace(CHARGE, charge_id="ch_2", reference="other", idempotency_key="other", status="requires_action")
    records = [charge.record("alpha", charge.created_at) for charge in (CHARGE, failed, open_one)]
    records.append(replace(open_one, status="succeeded").record("alpha", at(30)))
    book = Book()
    for record in records:
        book.replay(record)
    assert book.by_reference("ref", at(59)) == [CHARGE, failed]
    assert book.get("ch_2") == replace(open_one, status="succeeded")  # ended later, made when it was made
    assert (book.by_key("key"), book.by_key("other"), book.by_key("none")) == (CHARGE, book.get("ch_2"), None)
    assert (len(book), book.pending()) == (3, [])


def test_the_first_charge_of_a_key_stays_its_charge() -> None:
    book = Book()
    book.put(CHARGE)
    book.put(replace(CHARGE, charge_id="ch_9"))
    assert book.by_key("key") == CHARGE
    assert [charge.charge_id for charge in book.by_reference("ref", at(59))] == ["ch_0", "ch_9"]
