"""Who says and who hears: what topology promises, what handlers answer, and what services really make, are one thing."""

import ast
from importlib import import_module

import pytest

from shared import contracts, topology
from shared.contracts import Command, Message
from shared.messaging.handlers import Hears
from tests.tidy.tree import SERVICES, modules, references

CONTRACTS: dict[str, type[Message]] = {
    name: one
    for name in contracts.__all__
    if isinstance(one := getattr(contracts, name), type) and issubclass(one, Message) and isinstance(one.model_fields["kind"].default, str)
}
HEARD = {kind for inlet in topology.TEMPLATES for kind in inlet.hears}
SAID = {kind for kinds in topology.SAYS.values() for kind in kinds}


def test_topology_knows_every_service() -> None:
    assert sorted(topology.SAYS) == sorted(SERVICES)
    assert {topology.service_of(inlet) for inlet in topology.TEMPLATES} == set(SERVICES)


def test_all_that_is_said_is_heard_and_all_that_is_heard_is_said() -> None:
    """A fact that nobody hears stays a row; a queue for what nobody says is a mistake. There are no other contracts."""
    assert SAID == HEARD == set(CONTRACTS.values())


def test_each_command_has_one_queue() -> None:
    commands = [kind for inlet in topology.TEMPLATES for kind in inlet.hears if issubclass(kind, Command)]
    assert len(commands) == len(set(commands))


# Router and edge each say these of their own attempts only; the edge's ids follow from the attempt as well, or from nothing.
SAID_BY_TWO = {contracts.ExecuteAttempt, contracts.AttemptDoubted}


def test_a_kind_is_said_by_one_service() -> None:
    """Ids are derived from cause and kind: two services that said one kind of one cause would say one id."""
    said = [kind for kinds in topology.SAYS.values() for kind in kinds]
    assert {kind for kind in said if said.count(kind) > 1} == SAID_BY_TWO


def test_each_queue_is_bound_where_its_kinds_are_sent() -> None:
    for inlet in topology.TEMPLATES:
        assert {topology.exchange_of(kind) for kind in inlet.hears} == {inlet.exchange}, inlet.queue


@pytest.mark.parametrize("service", SERVICES)
def test_handlers_answer_exactly_what_topology_says(service: str) -> None:
    hears: Hears = import_module(f"services.{service}.consumers").hears
    answered = sorted((heard.inlet.queue, kind.kind_of()) for heard in hears.heard for kind in heard.kinds)
    promised = sorted(
        (inlet.queue, kind.kind_of()) for inlet in topology.TEMPLATES if topology.service_of(inlet) == service for kind in inlet.hears
    )
    assert answered == promised


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_makes_exactly_what_topology_lets_it_say(service: str) -> None:
    assert made_by(service) == {kind.__name__ for kind in topology.SAYS[service]}


def made_by(service: str) -> set[str]:
    """Names of the contracts that the service's code constructs, itself, with `caused_by`, or out of `EVENT_OF`."""
    made: set[str] = set()
    for tree in modules(f"services/{service}/").values():
        named = {
            called
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            for called in [ast.unparse(node.func).removesuffix(".caused_by")]
        }
        made |= named & set(CONTRACTS)
        if any(one == "shared.contracts.EVENT_OF" for _, one in references(tree)) and any(one.startswith("EVENT_OF[") for one in named):
            made |= {kind.__name__ for kind in contracts.EVENT_OF.values()}
    return made
