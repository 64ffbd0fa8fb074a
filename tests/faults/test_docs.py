"""The page on faults lists the mutants, the crash points and the bounds that there are, and none of yesterday."""

import re

from deploy.faults.judge import KINDS
from deploy.faults.mutants import ALL
from deploy.faults.points import POINTS
from deploy.local.instance import ROOT

PAGE = (ROOT / "docs" / "faults.md").read_text()


def table(heading: str) -> list[list[str]]:
    """Cells of the first table below a heading, without its head."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_every_mutant_is_listed_with_what_it_lacks_and_what_it_turns_red() -> None:
    without = ["; ".join(f"{who}: {', '.join(f'`{one}`' for one in guards)}" for who, guards in one.without.items()) for one in ALL]
    wanted = [
        [f"`{one.name}` {one.does}", lacks, one.scenario, ", ".join(sorted(one.red))] for one, lacks in zip(ALL, without, strict=True)
    ]
    assert table("Mutants") == wanted


def test_every_crash_point_is_listed_with_its_services() -> None:
    assert table("Crash points") == [[f"`{one.name}`", one.says, ", ".join(one.of)] for one in POINTS.values()]


def test_every_figure_of_a_verdict_is_explained() -> None:
    explained = {name for row in table("Reading a verdict") for name in re.findall(r"`(\w+)`", row[0])}
    assert explained == {*KINDS, "kills", "faults", "duplicates", "unanswered", "seconds_to_quiet"}
