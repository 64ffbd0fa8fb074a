"""`python -m deploy.faults.crash MARKERS POINT[,POINT…] services.NAME`: one service that dies at each of these points, once.

A start arms the first point that has no marker yet. At its passage the marker is written and the process ends as if it had been killed;
whoever starts it again arms the next one, and after the last it lives. Nobody dies before `begin`: a service that is not ready yet may
already sweep or hear something, and who starts a mesh waits for all of it.
"""

import argparse
import os
import runpy
import sys
from functools import partial
from pathlib import Path

from deploy.faults.points import POINTS

EXIT_STATUS = 137  # as the shell shows a SIGKILL
BEGUN = "begun"


def marker(folder: Path, service: str, point: str) -> Path:
    """The file that says that this service has crashed there."""
    return folder / f"{service}.{point}"


def begin(folder: Path) -> None:
    """From here on passages are deadly."""
    (folder / BEGUN).touch()


def arm(folder: Path, service: str, points: list[str]) -> None:
    """Crash at the first point that has not been crashed at."""
    for name in points:
        mark = marker(folder, service, name)
        if not mark.exists():
            POINTS[name].arm(partial(passed, mark))
            return


def passed(mark: Path) -> None:
    """Die at once: no handler runs, no buffer is flushed, no connection says goodbye."""
    if (mark.parent / BEGUN).exists():
        mark.touch()
        os._exit(EXIT_STATUS)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.faults.crash", description=__doc__)
    parser.add_argument("markers", type=Path, help="a folder that is there: one file for each crash that has happened")
    parser.add_argument("points", metavar="POINT[,POINT…]", help=f"where, in this order: {', '.join(POINTS)}")
    parser.add_argument("service", metavar="services.NAME", help="the service that dies")
    given = parser.parse_args(arguments)
    service, points = given.service.rpartition(".")[2], given.points.split(",")
    for name in points:
        if name not in POINTS or service not in POINTS[name].of:
            parser.error(f"{service} has no point {name!r}")
    arm(given.markers, service, points)
    runpy.run_module(given.service, run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
