"""A mutant whose guard has moved must not come through as one that survived: it fails when its process starts."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deploy.faults import crash
from deploy.faults import swap as module
from deploy.faults.guards import GUARDS
from deploy.faults.mutants import ALL
from deploy.faults.points import POINTS
from deploy.faults.scenarios import SCENARIOS
from deploy.faults.swap import Gone, named, swap
from deploy.local.instance import ROOT
from deploy.local.programs import SERVICES
from shared.topology import inlets

HERE = "tests.faults.test_swap"
EVERY_GUARD = """
from deploy.faults import guards, hearing

async def bind(queue, exchange, routing_key):
    assert routing_key == "attempt.unknown.v1"

hearing.bind = bind  # there is no broker here
for guard in guards.GUARDS.values():
    guard()
"""
EVERY_POINT = """
from deploy.faults.points import POINTS

for point in POINTS.values():
    point.arm(lambda: None)
"""


class Parent:
    def inherited(self) -> str:
        return "parent"


class Child(Parent):
    def method(self, number: int) -> str:
        """Says which."""
        return f"method {number}"


def louder(original: Any) -> Any:
    return lambda self, number: original(self, number).upper()


def test_a_method_is_replaced_and_keeps_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Child, "method", Child.method)
    swap(f"{HERE}:Child.method", louder, takes="self number")
    assert Child().method(3) == "METHOD 3"
    assert Child.method.__doc__ == "Says which."


@pytest.mark.parametrize(
    "target",
    ["no.such.module:name", f"{HERE}:NoSuchClass.method", f"{HERE}:Child.no_such_method", f"{HERE}:Child.inherited", f"{HERE}:no_such"],
)
def test_what_is_not_there_is_gone(target: str) -> None:
    with pytest.raises(Gone, match="no "):
        swap(target, louder, takes="self number")


@pytest.mark.parametrize("takes", ["self", "number self", "self number more", "self other"])
def test_what_takes_something_else_is_gone(takes: str) -> None:
    with pytest.raises(Gone, match="takes"):
        swap(f"{HERE}:Child.method", louder, takes=takes)


def test_what_deploy_may_not_import_is_found_by_name() -> None:
    assert named("deploy.faults.swap:swap") is module.swap
    with pytest.raises(Gone):
        named("deploy.faults.swap:no_such")


@pytest.mark.parametrize("program", [EVERY_GUARD, EVERY_POINT], ids=["guards", "points"])
def test_everything_that_is_replaced_is_where_it_is_looked_for(program: str) -> None:
    """In a process of its own: it is no use for anything else afterwards."""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("deploy.faults.mutant", "no-such-guard", "services.router"),
        ("deploy.faults.crash", ".", "no-such-point", "services.router"),
        ("deploy.faults.crash", ".", "charged-not-recorded", "services.router"),
    ],
)
def test_a_launcher_refuses_what_it_does_not_know(command: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert command[-2] in done.stderr


def test_nobody_dies_before_it_begins(tmp_path: Path) -> None:
    """A mesh that is still starting sweeps already; whoever died then would be taken for one that cannot start."""
    mark = crash.marker(tmp_path, "api", "swept-not-said")
    crash.passed(mark)
    assert list(tmp_path.iterdir()) == []


def test_mutants_name_what_there_is() -> None:
    for one in ALL:
        assert one.scenario in SCENARIOS
        assert one.red
        assert one.without.keys() <= set(SERVICES)
        assert {guard for guards in one.without.values() for guard in guards} <= GUARDS.keys()


def test_every_guard_and_every_scenario_is_used() -> None:
    assert {guard for one in ALL for guards in one.without.values() for guard in guards} == GUARDS.keys()
    assert {one.scenario for one in ALL} == SCENARIOS.keys()


def test_parts_of_a_mutant_lack_one_guard_less() -> None:
    (pair,) = [one for one in ALL if one.name == "failed-without-proof"]
    assert [dict(part.without) for part in pair.parts()] == [{"router": ("give-up-on-proof",)}, {"api": ("fail-on-proof",)}]
    (alone,) = [one for one in ALL if one.name == "no-arbiter"]
    assert list(alone.parts()) == []


def test_scenarios_break_what_there_is() -> None:
    there = list(inlets(["alpha", "beta", "gamma"]))
    for order in SCENARIOS.values():
        for fault in order.faults:
            match fault.act:
                case "kill" | "strike" | "cut-off":
                    assert fault.target in SERVICES
                case "steal":
                    assert fault.target in {inlet.queue for inlet in there}
                case "unbind":
                    hearers = [inlet.queue for inlet in there if fault.target in inlet.routing_keys]
                    assert len(hearers) == 1  # with another hearer the message would reach somebody, and nobody would be told
                case _:
                    pytest.fail(f"{fault.act} stands in no scenario")


def test_every_point_belongs_to_a_service() -> None:
    for point in POINTS.values():
        assert point.of
        assert set(point.of) <= set(SERVICES)


def test_points_are_armed_in_order_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    armed: list[str] = []
    monkeypatch.setattr(crash, "POINTS", {name: SimpleNamespace(arm=lambda die, name=name: armed.append(name)) for name in ("a", "b")})
    for crashed_next in ("a", "b", None):
        crash.arm(tmp_path, "api", ["a", "b"])
        if crashed_next:
            crash.marker(tmp_path, "api", crashed_next).touch()
    assert armed == ["a", "b"]
