"""Contracts are what was published: a kind keeps its schema for ever. New kinds are written with `python -m tests.contracts.golden`."""

import re
from typing import Any

import pytest

from shared.contracts import Frozen
from tests.contracts.golden import kinds, published, schema
from tests.contracts.samples import MESSAGES

KINDS = dict(kinds())
KIND = re.compile(r"[a-z_]+\.[a-z_]+\.v\d+")


def test_every_kind_is_published_and_every_published_kind_still_exists() -> None:
    assert sorted(published()) == sorted(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_schema_is_the_published_one(kind: str) -> None:
    """Where this fails, a reader of yesterday meets a writer of today: make it a new version."""
    assert schema(KINDS[kind]) == published()[kind]


STATISTICS = {"health.picture.v1", "reliability.success_rate_drop.v1", "experiment.guardrail_violation.v1"}  # shares and weights


@pytest.mark.parametrize("kind", KINDS)
def test_kind_names_itself_and_its_version(kind: str) -> None:
    assert KIND.fullmatch(kind)
    assert schema(KINDS[kind])["properties"]["kind"]["const"] == kind


def test_no_two_contracts_share_a_kind() -> None:
    assert len(KINDS) == len(list(kinds()))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in STATISTICS])
def test_nothing_that_moves_money_is_a_floating_point_number(kind: str) -> None:
    """Money and milliseconds are integers; a float would make two readers disagree."""
    assert "number" not in types_in(schema(KINDS[kind]))


def types_in(part: Any) -> set[str]:
    if isinstance(part, dict):
        own = {part["type"]} if isinstance(part.get("type"), str) else set()
        return own.union(*(types_in(inner) for inner in part.values()))
    return set().union(*(types_in(inner) for inner in part)) if isinstance(part, list) else set()


def test_there_is_a_sample_of_every_kind() -> None:
    assert sorted(kind_of(one) for one in MESSAGES) == sorted(KINDS)


def kind_of(message: Frozen) -> str:
    kind = message.model_dump()["kind"]
    assert isinstance(kind, str)
    return kind
