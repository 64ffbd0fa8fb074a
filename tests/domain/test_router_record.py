"""What is stored of a decision is enough to make it again, to the last digit."""

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from services.router.domain.board import Board
from services.router.domain.decision import Wish, decide
from services.router.domain.policy import POLICIES
from services.router.domain.record import read, record_of, replay
from services.router.domain.view import view_of
from shared.contracts.questions import FeeView
from tests.domain.boards import account, board, boards, breaker, decided, draws, experiment, health, wishes
from tests.domain.stand import NOW, PAYMENT


@settings(max_examples=400)
@given(boards, wishes, draws)
def test_a_stored_decision_replays_to_the_same_answer(on: Board, wish: Wish, seed: int) -> None:
    made = decide(on, wish, seed, NOW)
    again, was = replay(record_of(made)), read(record_of(made))
    assert again.answer == made.answer == was.answer
    assert record_of(again) == record_of(made), "and so does what is stored of that"
    assert view_of(was, number=1) == view_of(again, number=1) == view_of(made, number=1)


@given(boards, wishes, draws, st.sampled_from(sorted(POLICIES)))
def test_another_policy_decides_among_the_same_candidates(on: Board, wish: Wish, seed: int, policy: str) -> None:
    made = decide(on, wish, seed, NOW)
    other = replay(record_of(made), policy=policy)
    assert (other.policy, other.row.bandit) == (policy, False)
    assert sorted(one.candidate.name for one in other.places) == sorted(one.candidate.name for one in made.places)
    assert other.losers == made.losers


def test_a_record_is_whole() -> None:
    """Inputs, factors, score, rank and reason of every candidate, and why the others are none."""
    on = board(
        health("alpha", 20, 19), health("beta", 20, 15), breaker("gamma", "open", reason="dead"), experiments=[experiment()], policy="score"
    )
    stored = orjson.loads(record_of(decided(on, Wish(50_000, "INR", "UPI", customer_id="c_1", merchant_id="m_001"))))
    row, made = stored["row"], stored["made"]
    assert [one["facts"]["gateway"] for one in row["candidates"]] == ["alpha", "beta", "gamma"]
    assert row["candidates"][0]["facts"]["by_method"]["succeeded"] == 19
    assert row["candidates"][0]["factors"] == [0.95, 0.4, 0.7, 0.6, 0.7, 1.0]
    assert {"success_rate", "latency", "method_affinity", "bank_affinity", "amount_fit", "time"} == row["weights"].keys()
    assert {name for name, _, _ in made["places"]} == {"alpha", "beta"}
    assert made["losers"] == [["gamma", "breaker open: dead", True]]
    assert made["wish"]["customer_id"] == "c_1"
    assert made["experiment"]["experiment_id"] == "exp_1"
    assert made["arm"] in ("control", "treatment")
    assert int(made["seed"], 16) == 1


def test_the_row_is_written_once_for_all_payments_of_a_kind() -> None:
    on = board(health("alpha", 20, 19))
    first, second = decided(on), decided(on, draw=2)
    record_of(first)
    text = first.row.text
    record_of(second)
    assert second.row.text is text


def test_people_see_ranks_worth_and_break_even() -> None:
    dear, cheap = account("dear", 1, fees=(FeeView(rate=0.05),)), account("cheap", 2, fees=(FeeView(fixed_minor=100),))
    on = board(
        health("dear", 100, 95), health("cheap", 100, 92), gateways=(dear, cheap, account("gone", enabled=False)), policy="expected_value"
    )
    view = view_of(decided(on), number=2, payment_id=PAYMENT, made_at=NOW)
    assert (view.payment_id, view.number, view.policy, view.gateway, view.segment) == (PAYMENT, 2, "expected_value", "cheap", "UPI:<200000")
    assert [(one.gateway, one.rank, one.expected_value_minor) for one in view.candidates] == [
        ("cheap", 1, 45_908),
        ("dear", 2, 45_125),
        ("gone", None, None),
    ]
    assert view.candidates[2].reason == "disabled"
    assert view.candidates[1].break_even_rate is not None
    assert round(view.candidates[1].break_even_rate, 4) == round(45_908 / 47_500, 4)
    assert view.candidates[0].factors["success_rate"] == 0.92
    assert {"wish", "seed", "weights", "facts", "bandit", "experiment", "health_picture_age_s"} == view.inputs.keys()


def test_what_was_made_is_read_as_it_was_made() -> None:
    """Code changes; what it has decided does not."""
    stored = orjson.loads(record_of(decided(board(health("alpha", 20, 19)))))
    losers = [["alpha", "why not", False], ["gamma", "nor this", False]]
    stored["made"] |= {"gateway": "beta", "reason": "as it was", "places": [["beta", "then", 0.5]], "losers": losers}
    stored["row"]["candidates"][1]["score"] = 0.99
    view = view_of(read(orjson.dumps(stored).decode()), number=1)
    assert (view.gateway, view.reason, view.candidates[0].score) == ("beta", "as it was", 0.99)
    assert [(one.gateway, one.rank) for one in view.candidates] == [("beta", 1), ("alpha", None), ("gamma", None)]
    assert [one.reason for one in view.candidates] == ["then", "why not", "nor this"]
