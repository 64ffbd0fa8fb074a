"""The guard against card testing: different values within a window, and nothing held against who repeats himself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.domain.velocity import Count, Payer, Rule, counts_of, judge

RULE = Rule("cards_per_address", 3, 60.0)


def played(tries: list[tuple[float, str]], rule: Rule = RULE) -> list[bool]:
    """Each try (seconds, value) in its turn; who is let in is remembered."""
    seen: dict[str, float] = {}
    admitted = []
    for now_s, value in tries:
        verdict = judge(seen, value, now_s=now_s, rule=rule)
        admitted.append(verdict.admitted)
        if verdict.admitted:
            seen[value] = now_s
    return admitted


@pytest.mark.parametrize(
    ("tries", "admitted"),
    [
        ([(0, "a"), (1, "b"), (2, "c")], [True] * 3),
        ([(0, "a"), (1, "b"), (2, "c"), (3, "d")], [True, True, True, False]),
        ([(n, "a") for n in range(50)], [True] * 50),
        ([(0, "a"), (1, "b"), (2, "c"), (3, "b"), (4, "d"), (59, "c")], [True, True, True, True, False, True]),
        ([(0, "a"), (1, "b"), (2, "c"), (60, "d"), (60.5, "e"), (61, "e")], [True, True, True, True, False, True]),
    ],
)
def test_who_is_let_in(tries: list[tuple[float, str]], admitted: list[bool]) -> None:
    assert played(tries) == admitted


@given(st.lists(st.tuples(st.floats(0, 30), st.sampled_from("abcdefgh")), max_size=60), st.integers(1, 5))
def test_no_window_has_more_values_than_the_limit(steps: list[tuple[float, str]], limit: int) -> None:
    rule, now_s, tries = Rule("cards_per_customer", limit, 60.0), 0.0, []
    for step_s, value in steps:
        now_s += step_s
        tries.append((now_s, value))
    let_in = [one for one, admitted in zip(tries, played(tries, rule), strict=True) if admitted]
    for until_s, _ in let_in:
        assert len({value for at_s, value in let_in if until_s - rule.window_s < at_s <= until_s}) <= limit


@given(st.lists(st.floats(0, 59.9), min_size=3, max_size=3, unique=True), st.floats(0, 59))
def test_who_waits_as_told_is_let_in_and_not_a_moment_earlier(at_s: list[float], later_s: float) -> None:
    seen, now_s = dict(zip("abc", at_s, strict=True)), 59.9
    verdict = judge(seen, "d", now_s=now_s, rule=RULE)
    assert not verdict.admitted
    assert judge(seen, "d", now_s=now_s + verdict.wait_s + 1e-6, rule=RULE).admitted
    if verdict.wait_s > 1e-3:
        assert not judge(seen, "d", now_s=now_s + verdict.wait_s - 1e-3, rule=RULE).admitted


def test_what_is_counted() -> None:
    """The payer's own address where it is known; behind a shop's server many pay from one address."""
    known = Payer("p", "card", "10.0.0.1", "203.0.113.7", "m_1\nc_1")
    assert list(counts_of(known)) == [
        Count("cards_per_address", "203.0.113.7", "card"),
        Count("cards_per_customer", "m_1\nc_1", "card"),
        Count("tries_per_card", "card 203.0.113.7", "p"),
    ]
    assert [one.kind for one in counts_of(Payer("p", "card", "10.0.0.1"))] == ["cards_per_caller", "tries_per_card"]
