"""Who is asked and who answers are one thing: every question has an owner, and every owner a function for it."""

from importlib import import_module

import pytest

from shared import topology
from shared.contracts import questions
from shared.contracts.questions import Question
from shared.messaging.answers import Answers

QUESTIONS = [
    one
    for name in questions.__all__
    if isinstance(one := getattr(questions, name), type) and issubclass(one, Question) and one is not Question
]


def test_topology_knows_who_answers() -> None:
    assert {one.owner for one in QUESTIONS} == set(topology.ANSWER)


def test_a_kind_names_its_owner_and_is_one_questions() -> None:
    kinds = [one.kind_of() for one in QUESTIONS]
    assert len(kinds) == len(set(kinds))
    assert [one.kind_of() for one in QUESTIONS if not one.kind_of().startswith(f"{one.owner}.")] == []


@pytest.mark.parametrize("owner", topology.ANSWER)
def test_an_owner_answers_every_question_that_it_may_be_asked(owner: str) -> None:
    answers: Answers = import_module(f"services.{owner}.answers").answers
    assert answers.owner == owner
    assert sorted(answers.functions) == sorted(one.kind_of() for one in QUESTIONS if one.owner == owner)
