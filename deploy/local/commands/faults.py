"""`./paymesh faults`: do the promises hold while everything breaks?"""

import asyncio
import json
import sys
from typing import Annotated

from cyclopts import Parameter

from deploy.faults.campaign import Result, run
from deploy.faults.mutants import ALL, MUTANTS
from deploy.faults.order import SETTINGS, Order
from deploy.faults.report import figures, soak_text, text
from deploy.faults.scenarios import SCENARIOS
from deploy.faults.soak import Soaked, soak
from deploy.faults.stage import stage
from deploy.local.commands.options import SOME
from deploy.local.console import err, notice, shown
from deploy.local.errors import LocalError


def faults(
    *,
    seed: Annotated[int, Parameter(help="The same seed makes the same plan.")] = 1,
    payments: Annotated[int, SOME, Parameter(help="How many payments are posted.")] = 2_000,
    rate: Annotated[float, SOME, Parameter(help="Payments per second.")] = 50.0,
    kills: Annotated[int, Parameter(help="How many times a service is killed with SIGKILL.")] = 22,
    minutes: Annotated[float, Parameter(help="A long soak instead: rounds of load and faults for so long, memory and tables watched.")] = 0,
    mutant: Annotated[str, Parameter(help="A mesh with guards switched off instead: success is that the judge finds it out.")] = "",
    mutants: Annotated[bool, Parameter(negative="", help="List the mutants.")] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="", help="One JSON object on standard output.")] = False,
    instance: Annotated[str, Parameter(help="Where the servers' data lie: `.paymesh/<instance>`; emptied first.")] = "faults",
) -> int:
    """Real processes under load while a seeded nemesis kills and restarts them; then a judge reads the outsiders' journals.

    Exit status 0 only if nothing is lost, doubled, mismatched, unnotified, invented or left over.
    """
    if mutants:
        sys.stdout.write("\n".join(f"{one.name:22} {one.does}; turns red: {', '.join(sorted(one.red))}" for one in ALL) + "\n")
        return 0
    if mutant:
        return run_mutant(mutant, instance, as_json=as_json)
    order = Order(seed=seed, payments=payments, rate_per_s=rate, kills=kills)
    if minutes > 0:
        return run_soak(order, minutes, instance, as_json=as_json)
    result = played(order, instance, {})
    sys.stdout.write((json.dumps(figures(result)) if as_json else text(result)) + "\n")
    return 0 if result.verdict.clean else 1


def played(order: Order, instance: str, launchers: dict[str, tuple[str, ...]]) -> Result:
    with shown("the mesh for the campaign") as progress, stage(instance, launchers=launchers, notice=notice, progress=progress) as mesh:
        err.print("settings: " + " ".join(f"{name}={value}" for name, value in SETTINGS.items()))
        return asyncio.run(run(mesh, order, err.print))


def run_mutant(name: str, instance: str, *, as_json: bool) -> int:
    """0 if the judge found what it should have."""
    if name not in MUTANTS:
        raise LocalError(f"no mutant {name!r}: `./paymesh faults --mutants` lists them")
    found = MUTANTS[name]
    without = ", ".join(f"{service} without {' and '.join(guards)}" for service, guards in found.without.items())
    err.print(f"the mutant {name} {found.does}: {without}")
    result = played(SCENARIOS[found.scenario], instance, found.launchers)
    missed = sorted(found.red - result.verdict.red.keys())
    if as_json:
        sys.stdout.write(json.dumps({**figures(result), "mutant": name, "expected": sorted(found.red), "found_out": not missed}) + "\n")
    else:
        says = f"NOT found out: nothing {' or '.join(missed)}" if missed else f"found out, as it must be: {', '.join(result.verdict.red)}"
        sys.stdout.write(f"{text(result)}\nthe mutant {name} was {says}\n")
    return 1 if missed else 0


def run_soak(order: Order, minutes: float, instance: str, *, as_json: bool) -> int:
    """0 if every promise held and nothing grew."""
    with shown("the mesh for the soak") as progress, stage(instance, notice=notice, progress=progress) as mesh:
        soaked: Soaked = asyncio.run(soak(mesh, order, minutes=minutes, tell=err.print))
    grown = soaked.grown()
    if as_json:
        sys.stdout.write(json.dumps({**figures(soaked.result), "rounds": len(soaked.samples), "grown": grown}) + "\n")
    else:
        sys.stdout.write(f"{soak_text(soaked)}\n{text(soaked.result)}\n")
    return 0 if soaked.result.verdict.clean and not grown else 1
