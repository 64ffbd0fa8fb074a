"""Who gets a token, and when it comes back."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.domain.evidence import Evidence, Seen
from services.api.domain.quota import CAME_TO_NOTHING, Standing, is_given_back, own_id, why_refused
from shared.contracts import Status

TRIED = Evidence({"a": Seen(1, "alpha", "charge", refused=(("declined", "no"),))})
CHARGED = Evidence({"a": Seen(1, "alpha", "authorize", charged=((500, "INR", "ch_1"),))})
STATUSES: tuple[Status, ...] = get_args(Status)


@pytest.mark.parametrize(
    ("standing", "taken", "refused"),
    [
        (None, 0, True),
        (Standing(0, True), 0, True),
        (Standing(1, True), 0, False),
        (Standing(1, True), 1, True),
        (Standing(5, False), 0, True),
    ],
)
def test_who_is_refused(standing: Standing | None, taken: int, refused: bool) -> None:
    assert (why_refused(standing, taken=taken) is not None) == refused


@given(st.integers(0, 50), st.integers(0, 80))
def test_as_many_are_served_as_there_are_tokens(tokens: int, asking: int) -> None:
    served = sum(why_refused(Standing(tokens, True), taken=taken) is None for taken in range(asking))
    assert served == min(tokens, asking)


@given(st.lists(st.sampled_from(STATUSES), max_size=12))
def test_a_token_comes_back_once_at_most(states: list[Status]) -> None:
    """Whatever states follow one another, as long as one that came to nothing stays what it is."""
    was: Status = "processing"
    given_back = 0
    for becomes in states:
        if was in CAME_TO_NOTHING:
            break
        given_back += is_given_back(was, becomes, TRIED)
        was = becomes
    assert given_back == (was in CAME_TO_NOTHING)


@pytest.mark.parametrize("becomes", STATUSES)
def test_what_a_gateway_accepted_is_used_up(becomes: Status) -> None:
    assert not is_given_back("requires_capture", becomes, CHARGED)
    assert not is_given_back(becomes, becomes, TRIED), "nothing was entered"


def test_a_name_is_its_merchants() -> None:
    assert own_id("m_1", "gold") == own_id("m_1", "gold") != own_id("m_2", "gold")
