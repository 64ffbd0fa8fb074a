"""The judge is not blind: a mesh with a guard switched off comes through none of these campaigns, and with all of them through each."""

import asyncio

import pytest

from deploy.faults.campaign import Result, run
from deploy.faults.mutants import ALL, Mutant
from deploy.faults.report import text
from deploy.faults.scenarios import SCENARIOS
from deploy.faults.stage import stage

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]
PARTS = [part for one in ALL for part in one.parts()]


def played(instance: str, scenario: str, launchers: dict[str, tuple[str, ...]]) -> Result:
    with stage(instance, launchers=launchers) as mesh:
        return asyncio.run(run(mesh, SCENARIOS[scenario], lambda said: None))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_mesh_comes_through(instance: str, scenario: str) -> None:
    """So that it is the mutant, not the scenario, that turns the verdict red."""
    result = played(instance, scenario, {})
    assert result.verdict.clean, text(result)


@pytest.mark.parametrize("mutant", ALL, ids=lambda one: one.name)
def test_a_mutant_does_not(instance: str, mutant: Mutant) -> None:
    result = played(instance, mutant.scenario, mutant.launchers)
    assert mutant.red <= result.verdict.red.keys(), text(result)


@pytest.mark.parametrize("part", PARTS, ids=lambda one: one.name.replace(" ", "-"))
def test_where_guards_overlap_one_of_them_is_enough(instance: str, part: Mutant) -> None:
    result = played(instance, part.scenario, part.launchers)
    assert result.verdict.clean, text(result)
