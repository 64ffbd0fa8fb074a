"""A shadow policy is compared, and can do nothing else."""

import ast
import inspect

import orjson
import pytest
from hypothesis import given

from services.router import consumers, store
from services.router.consumers import route_shadow
from services.router.domain import shadow
from services.router.domain.board import Board
from services.router.domain.decision import Wish, decide
from services.router.domain.record import record_of
from shared.contracts import RouteShadow
from tests.domain.boards import board, boards, decided, draws, health, wishes
from tests.domain.stand import NOW, PAYMENT, work_with, written

FIXED = record_of(decided(board(health("alpha", 20, 5), health("beta", 20, 19))))


def ask(record: str = FIXED, policy: str = "score") -> RouteShadow:
    return RouteShadow(correlation_id=PAYMENT, payment_id=PAYMENT, number=1, policy=policy, record=record)


def test_it_says_what_was_chosen_and_what_was_to_be_expected_of_it() -> None:
    work = work_with()
    route_shadow(ask(), work)
    (row,) = written(work, store.INSERT_SHADOW)
    assert row == {
        "payment_id": PAYMENT, "number": 1, "policy": "score", "made": "alpha", "shadow": "beta",
        "expected_made": 0.25, "expected_shadow": 0.95,
    }  # fmt: skip


def test_of_no_route_nothing_is_expected() -> None:
    record = record_of(decided(board(), Wish(50_000, "USD", "UPI")))
    found = shadow.compare(record, "score")
    assert (found.made, found.shadow, found.expected_made, found.expected_shadow) == (None, None, 0.0, 0.0)


@given(boards, wishes, draws)
def test_whatever_it_is_given_it_writes_one_row_and_says_nothing(on: Board, wish: Wish, seed: int) -> None:
    made = decide(on, wish, seed, NOW)
    for policy in ("fixed", "score", "bandit", "adaptive", "expected_value"):
        work = work_with()
        route_shadow(ask(record_of(made), policy), work)
        assert work.outgoing == []
        assert [statement for statement, _ in work.writes] == [store.INSERT_SHADOW]
        (row,) = written(work, store.INSERT_SHADOW)
        assert row["made"] == made.gateway


def test_there_is_no_way_from_it_to_a_payment() -> None:
    """The comparison is given no `work`; the handler passes its own to one function, which writes one table."""
    names = {name for function in (shadow.compare, shadow.expected) for name in inspect.signature(function).parameters}
    assert names == {"record", "policy", "decision"}
    handler = ast.parse(inspect.getsource(consumers.route_shadow))
    calls = {ast.unparse(node.func) for node in ast.walk(handler) if isinstance(node, ast.Call)}
    assert {call for call in calls if call != "hears"} == {"store.record_shadow", "compare"}
    said = ast.parse(inspect.getsource(store.record_shadow))
    assert {ast.unparse(node.func) for node in ast.walk(said) if isinstance(node, ast.Call)} == {"work.write"}
    assert store.INSERT_SHADOW.table.name == "shadow_decisions"


@pytest.mark.parametrize("record", ["", "{}", orjson.dumps({"row": {}, "made": {}}).decode()])
def test_a_record_that_is_none_is_a_failure_and_no_comparison(record: str) -> None:
    work = work_with()
    with pytest.raises((ValueError, KeyError)):
        route_shadow(ask(record), work)
    assert work.writes == []


def test_a_policy_that_does_not_exist_is_a_failure() -> None:
    with pytest.raises(KeyError):
        route_shadow(ask(policy="no such"), work_with())
