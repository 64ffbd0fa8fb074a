"""`./paymesh simulate`: how well the router decides, in worlds of gateways that change."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from deploy.local.console import err
from deploy.local.errors import LocalError
from deploy.local.instance import ROOT
from deploy.simulate.chance import random_worlds
from deploy.simulate.measure import FIXED, ORACLE, POLICIES, measure
from deploy.simulate.plot import draw
from deploy.simulate.reading import BadWorld, read_worlds
from deploy.simulate.report import figures, missed, text

WORLDS = ROOT / "deploy" / "simulate" / "worlds"


def simulate(
    *,
    policy: Annotated[str, Parameter(help=f"Play only this policy, beside fixed order and oracle: {', '.join(POLICIES)}.")] = "",
    seed: Annotated[int, Parameter(help="The first seed: the same seed, the same payments and the same luck.")] = 1,
    seeds: Annotated[int, Parameter(help="How many seeds, one after the other.")] = 2,
    worlds: Annotated[Path, Parameter(help="A folder of worlds, one TOML each (docs/simulation.md).")] = WORLDS,
    random: Annotated[int, Parameter(help="So many worlds made by chance instead.")] = 0,
    quick: Annotated[bool, Parameter(negative="", help="One seed only.")] = False,
    jobs: Annotated[int, Parameter(help="Processes; 0: one for each processor.")] = 0,
    plots: Annotated[Path | None, Parameter(help="Write an SVG of the shares for each world into this folder.")] = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="", help="One JSON object on standard output.")] = False,
) -> int:
    """Play worlds through the router's and metrics' own code with a virtual clock, every policy on the same luck.

    Exit status 1 where the default policy misses a goal: 90 % of the oracle's advantage over the fixed order, and in no world behind the
    scoring by more than two standard errors of the paired difference.
    """
    if policy and policy not in POLICIES:
        raise LocalError(f"no policy {policy!r}: there are {', '.join(POLICIES)}")
    if seeds < 1:
        raise LocalError("--seeds: at least one")
    if min(random, jobs) < 0:
        raise LocalError("--random, --jobs: not below 0")
    try:
        if plots:
            plots.mkdir(parents=True, exist_ok=True)  # before all that is to be plotted is played
        known = random_worlds(random, seed) if random else read_worlds(worlds)
    except BadWorld as error:
        raise LocalError(str(error)) from None
    except OSError as error:
        raise LocalError(f"--plots: {error}") from None
    names = list(dict.fromkeys([FIXED, policy, ORACLE])) if policy else list(POLICIES)
    order = range(seed, seed + (1 if quick else seeds))
    err.print(f"{len(known)} worlds, {len(order)} seeds, {len(names)} policies")
    runs = measure(known, order, names, jobs=jobs or os.cpu_count() or 1, tell=err.print)
    if plots:
        draw(plots, known, runs)
    found = figures(runs)
    sys.stdout.write((json.dumps(found) if as_json else text(found)) + "\n")
    return 1 if missed(found) else 0
