"""Endpoints that take all they get leave room for one that asks for little."""

from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain.share import share

MOST = 2000


@given(st.integers(0, MOST + 500))
def test_a_share_is_less_than_what_is_free_and_one_where_anything_is(in_hand: int) -> None:
    free = max(0, MOST - in_hand)
    assert share(in_hand, MOST) <= free
    assert bool(share(in_hand, MOST)) is bool(free)


@pytest.mark.parametrize(("hogs", "free"), [(1, 1600), (4, 1000), (16, 400), (200, 39)])
def test_what_is_left_by_those_that_take_all_they_get(hogs: int, free: int) -> None:
    held = [0] * hogs
    for number in cycle(range(hogs)):
        if min(held) >= share(sum(held), MOST):
            break
        held[number] += held[number] < share(sum(held), MOST)
    assert MOST - sum(held) == pytest.approx(free, rel=0.1)
    assert max(held) - min(held) <= 1
