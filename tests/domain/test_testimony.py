"""What is news about an attempt follows from its state alone: so order and repetition of what gateways say do not matter."""

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.executor.domain.comparison import compare
from services.executor.domain.testimony import IN_DOUBT, Ours, Word, judge
from shared.contracts import Money

MONEY, OTHER = Money(amount_minor=50_000, currency="INR"), Money(amount_minor=49_000, currency="INR")
STATES = ("started", "expired", "succeeded", "failed", "unknown", "action_required")
TAKEN, DECLINED, UNSURE = Word("succeeded", None, MONEY, "ch_1"), Word("failed", None, None, "ch_1"), Word("pending")


def ours(state: str) -> Ours:
    known = {"confirmed": MONEY, "reference": "ch_1"} if state == "succeeded" else {}
    return Ours("alpha", "charge", state, **known)  # type: ignore[arg-type]


NEWS = {
    "started": (True, True),
    "unknown": (True, True),
    "action_required": (True, True),
    "expired": (True, False),
    "failed": (True, False),
    "succeeded": (False, False),
}  # state → whether (a success, a failure) is news


@pytest.mark.parametrize("state", STATES)
def test_what_is_news(state: str) -> None:
    told = tuple(judge(ours(state), gateway="alpha", word=word).match == "news" for word in (TAKEN, DECLINED))
    assert told == NEWS[state]
    assert judge(ours(state), gateway="alpha", word=UNSURE).match == "known"


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("word", [TAKEN, DECLINED, UNSURE])
def test_another_account_speaks_of_nothing_here(state: str, word: Word) -> None:
    assert judge(ours(state), gateway="beta", word=word).match == "unmatched"
    assert judge(None, gateway="alpha", word=word).match == "unmatched"


@pytest.mark.parametrize(
    ("operation", "match"),
    [("charge", "news"), ("authorize", "news"), ("link", "news"), (None, "news"), ("refund", "known"), ("capture", "known")],
)
def test_a_word_about_another_operation_is_no_word_about_this_one(operation: str | None, match: str) -> None:
    word = replace(TAKEN, operation=operation)  # type: ignore[arg-type]
    assert judge(ours("unknown"), gateway="alpha", word=word).match == match


@pytest.mark.parametrize(
    ("word", "match"),
    [
        (TAKEN, "known"),
        (replace(TAKEN, confirmed=OTHER), "news"),
        (replace(TAKEN, reference="ch_2"), "news"),
        (replace(TAKEN, reference=None), "known"),
        (replace(TAKEN, confirmed=None), "known"),
    ],
)
def test_a_success_that_contradicts_the_one_we_know_is_news(word: Word, match: str) -> None:
    assert judge(ours("succeeded"), gateway="alpha", word=word).match == match


def told(state: Ours, word: Word) -> Ours:
    """The row after the word, as the executor writes it."""
    if judge(state, gateway="alpha", word=word).match != "news" or state.state == "succeeded":
        return state
    return replace(state, state=word.finding, confirmed=word.confirmed, reference=word.reference)  # type: ignore[arg-type]


@given(st.lists(st.sampled_from([TAKEN, DECLINED, UNSURE]), max_size=5), st.sampled_from(sorted(IN_DOUBT)))
def test_words_in_any_order_and_number_come_to_the_same(words: list[Word], state: str) -> None:
    ends = set()
    for order in permutations(words):
        row = ours(state)
        for word in (*order, *order):
            row = told(row, word)
        ends.add(row.state)
    assert len(ends) == 1
    assert ends <= {"succeeded"} if TAKEN in words else ends <= {"failed", state}


THEIRS = {"taken": TAKEN, "other": replace(TAKEN, confirmed=OTHER), "another": replace(TAKEN, reference="ch_2"), "refused": DECLINED,
          "unsure": UNSURE, "absent": None}  # fmt: skip
TABLE = {
    None: ("unexpected", "unexpected", "unexpected", None, "expected", None),
    "started": ("expected", "amount_mismatch", "expected", "expected", "expected", "expected"),
    "unknown": ("expected", "amount_mismatch", "expected", "expected", "expected", "expected"),
    "action_required": ("expected", "amount_mismatch", "expected", "expected", "expected", "expected"),
    "expired": ("unexpected", "amount_mismatch", "unexpected", "matched", "expected", None),
    "failed": ("unexpected", "amount_mismatch", "unexpected", "matched", "expected", None),
    "succeeded": ("matched", "amount_mismatch", "unexpected", "missing", "expected", "missing"),
}  # our state → what it is beside each of THEIRS


@pytest.mark.parametrize("state", TABLE)
@pytest.mark.parametrize("theirs", THEIRS)
def test_every_pair_has_its_name(state: str | None, theirs: str) -> None:
    mine = ours(state) if state else None
    found = compare(mine, THEIRS[theirs], asked=MONEY)
    assert found.comparison == TABLE[state][list(THEIRS).index(theirs)]
    assert found.reason


@pytest.mark.parametrize("theirs", [DECLINED, None])
def test_what_we_have_undone_ourselves_is_not_missing(theirs: Word | None) -> None:
    assert compare(ours("succeeded"), theirs, asked=MONEY, undone=True).comparison == "matched"


@pytest.mark.parametrize("theirs", THEIRS.values())
def test_nothing_is_called_a_discrepancy_that_both_sides_say(theirs: Word | None) -> None:
    assert compare(ours("succeeded"), TAKEN, asked=MONEY).comparison == "matched"
    assert compare(None, theirs).comparison in (None, "expected", "unexpected")
