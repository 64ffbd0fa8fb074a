"""A campaign's result for programs and for people."""

from collections.abc import Mapping

from deploy.faults.campaign import Result
from deploy.faults.judge import KINDS
from deploy.faults.order import SETTINGS
from deploy.faults.soak import Soaked

SHOWN_MAX = 5


def figures(result: Result) -> dict[str, object]:
    """What `--json` prints; all of lost … leftover are 0 where the promises held."""
    verdict = result.verdict
    return {
        "accepted": verdict.accepted,
        **{kind: verdict.red.get(kind, 0) for kind in KINDS},
        "kills": result.kills,
        "faults": sum(result.faults.values()),
        "duplicates": result.duplicates,
        "seconds_to_quiet": result.seconds_to_quiet,
        "unanswered": result.unanswered,
        "settings": dict(SETTINGS),
    }


def text(result: Result) -> str:
    """The verdict with its first cases, what was done, and whether the promises held."""
    verdict, lines = result.verdict, []
    for kind in KINDS[:-1]:
        cases: list[str] = getattr(verdict, kind)
        lines.append(f"{kind:12} {len(cases)}")
        lines += [f"             {case}" for case in cases[:SHOWN_MAX]]
    lines.append(f"leftover     {sum(verdict.leftover.values())} {verdict.leftover or ''}")
    done, links = words(result.faults), words(result.links) or "none"
    quiet = "not quiet by the deadline" if result.seconds_to_quiet is None else f"quiet after {result.seconds_to_quiet} s"
    head = [f"accepted     {verdict.accepted} (answers {dict(sorted(result.answers.items()))}, {result.unanswered} never answered)"]
    lines += [f"links        {links}", f"faults       {done}"]
    return "\n".join([*head, *lines, quiet, "the promises held" if verdict.clean else "THE PROMISES DID NOT HOLD"])


def words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ×{count}" for name, count in sorted(counts.items()))


def soak_text(soaked: Soaked) -> str:
    """Averages over the second and the last third of the rounds, and what grew."""
    lines = [f"{'average over the':>43} second  last third of {len(soaked.samples)} rounds"]
    for (what, whom), (second, last) in soaked.thirds().items():
        lines.append(f"{what:>24} {whom:<18} {second:>6.1f}  {last:.1f}")
    return "\n".join([*lines, *(f"GREW: {one}" for one in soaked.grown())])
