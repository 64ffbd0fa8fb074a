"""`./paymesh faults`: do the promises hold while everything breaks?"""

import asyncio
import json
import sys
from typing import Annotated

from cyclopts import Parameter

from deploy.faults.campaign import SETTINGS, Order, Result, run
from deploy.local.console import err, notice, shown
from deploy.local.instance import Instance
from deploy.local.leftovers import wipe
from deploy.local.mesh import Mesh

SHOWN_MAX = 5


def faults(
    *,
    seed: Annotated[int, Parameter(help="The same seed makes the same plan.")] = 1,
    payments: Annotated[int, Parameter(help="How many payments are posted.")] = 2_000,
    rate: Annotated[float, Parameter(help="Payments per second.")] = 50.0,
    kills: Annotated[int, Parameter(help="How many times a service is killed with SIGKILL.")] = 22,
    as_json: Annotated[bool, Parameter(name="--json", negative="", help="One JSON object on standard output.")] = False,
    instance: Annotated[str, Parameter(help="Where the servers' data lie: .paymesh/<instance>; emptied first.")] = "faults",
) -> int:
    """Real processes under load while a seeded nemesis kills and restarts them; then a judge reads the outsiders' journals.

    Exit status 0 only if nothing is lost, doubled, mismatched, unnotified, invented or left over.
    """
    found = Instance.named(instance)
    wipe(found)
    mesh = Mesh(found.folder, SETTINGS, notice=notice)
    with shown("the mesh for the campaign") as progress:
        mesh.start(progress)
    err.print("settings: " + " ".join(f"{name}={value}" for name, value in SETTINGS.items()))
    try:
        order = Order(seed=seed, payments=payments, rate_per_s=rate, kills=kills)
        result = asyncio.run(run(mesh, order, err.print))
    finally:
        mesh.stop()
    sys.stdout.write((json.dumps(figures(result)) if as_json else text(result)) + "\n")
    return 0 if result.verdict.clean else 1


def figures(result: Result) -> dict[str, object]:
    verdict = result.verdict
    return {
        "accepted": verdict.accepted,
        "lost": len(verdict.lost),
        "doubled": len(verdict.doubled),
        "mismatched": len(verdict.mismatched),
        "unnotified": len(verdict.unnotified),
        "invented": len(verdict.invented),
        "leftover": sum(verdict.leftover.values()),
        "kills": result.kills,
        "faults": sum(result.faults.values()),
        "seconds_to_quiet": result.seconds_to_quiet,
        "unanswered": result.unanswered,
        "settings": dict(SETTINGS),
    }


def text(result: Result) -> str:
    verdict, lines = result.verdict, []
    for name in ("lost", "doubled", "mismatched", "unnotified", "invented"):
        cases: list[str] = getattr(verdict, name)
        lines.append(f"{name:12} {len(cases)}")
        lines += [f"             {case}" for case in cases[:SHOWN_MAX]]
    left = {name: count for name, count in verdict.leftover.items() if count}
    lines.append(f"leftover     {sum(left.values())} {left or ''}")
    done = ", ".join(f"{name} ×{count}" for name, count in sorted(result.faults.items()))
    quiet = "not quiet by the deadline" if result.seconds_to_quiet is None else f"quiet after {result.seconds_to_quiet} s"
    head = [f"accepted     {verdict.accepted} (answers {dict(sorted(result.answers.items()))}, {result.unanswered} never answered)"]
    return "\n".join([*head, *lines, f"faults       {done}", quiet, "the promises held" if verdict.clean else "THE PROMISES DID NOT HOLD"])
