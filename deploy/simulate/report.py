"""A simulation's result for programs and for people."""

from collections.abc import Mapping
from statistics import fmean
from typing import Any

from deploy.simulate.measure import DEFAULT, FIXED, ORACLE, SEEDS, Difference, Run

ADVANTAGE_MIN = 0.90  # of what the oracle gains over the fixed order
Runs = Mapping[str, Mapping[str, Run]]  # world → policy → run
WORDS = {
    FIXED: "fixed order",
    SEEDS: "scoring",
    "score_breaker": "scoring + breaker",
    "bandit": "bandit",
    DEFAULT: "adaptive (default)",
    ORACLE: "oracle",
}


def figures(runs: Runs) -> dict[str, Any]:
    """What `--json` prints. `oracle_advantage_share` and `worlds_behind_seed_scoring` are there if the policies that they need were played.

    The share is that of the sums over the worlds: what the default gains over the fixed order of what the oracle gains, on average.
    Beside it is the mean of the worlds' own shares, each within 0 and 1, of those worlds where the oracle gains more than two standard
    errors: elsewhere a share is chance divided by chance.
    """
    found: dict[str, Any] = {"worlds": {name: {policy: row(run, by) for policy, run in by.items()} for name, by in runs.items()}}
    if all({DEFAULT, FIXED, ORACLE} <= by.keys() for by in runs.values()):
        gained = {name: (rate(by, DEFAULT) - rate(by, FIXED), rate(by, ORACLE) - rate(by, FIXED)) for name, by in runs.items()}
        there = sum(oracle for _, oracle in gained.values())
        found["oracle_advantage_share"] = round(sum(ours for ours, _ in gained.values()) / there, 4) if there > 0 else 1.0
        told = {name for name, by in runs.items() if Difference.of(by[FIXED], by[ORACLE]).behind}
        by_world = {name: round(a / b, 4) if name in told else None for name, (a, b) in gained.items()}
        found["oracle_advantage_share_by_world"] = by_world
        known = [min(1.0, max(0.0, one)) for one in by_world.values() if one is not None]
        found["oracle_advantage_share_mean_of_worlds"] = round(fmean(known), 4) if known else 1.0
    if all({DEFAULT, SEEDS} <= by.keys() for by in runs.values()):
        differences = {name: Difference.of(by[DEFAULT], by[SEEDS]) for name, by in runs.items()}
        found["worlds_behind_seed_scoring"] = [name for name, one in differences.items() if one.behind]
        found["ahead_of_seed_scoring"] = {
            name: {"mean": round(one.mean, 5), "standard_error": round(one.error, 5), "over": one.over} for name, one in differences.items()
        }
    return found


def missed(found: Mapping[str, Any]) -> list[str]:
    """The goals that were not reached, in words. What was not played is not judged."""
    says = []
    share = found.get("oracle_advantage_share")
    if share is not None and share < ADVANTAGE_MIN:
        says.append(f"the default reaches {share:.1%} of the oracle's advantage over the fixed order, less than {ADVANTAGE_MIN:.0%}")
    if behind := found.get("worlds_behind_seed_scoring"):
        says.append(f"the default is behind the scoring by more than two standard errors in {', '.join(behind)}")
    return says


def row(run: Run, by: Mapping[str, Run]) -> dict[str, Any]:
    regret = rate(by, ORACLE) - run.success_rate if ORACLE in by else None
    return {
        "payments": run.payments,
        "success_rate": round(run.success_rate, 5),
        "late_success_rate": round(run.late / run.payments, 5),
        "regret": None if regret is None else round(regret, 5),
        "attempts_per_payment": round(run.attempts / run.payments, 4),
        "share_to_broken": rounded(run.sent_to_broken, 4),
        "seconds_to_leave": rounded(run.left_s, 1),
        "seconds_to_come_back": rounded(run.back_s, 1),
    }


def rate(by: Mapping[str, Run], policy: str) -> float:
    return by[policy].success_rate


def rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def text(found: Mapping[str, Any]) -> str:
    """A table for each world, and how the goals stand."""
    lines = []
    ahead, shares = found.get("ahead_of_seed_scoring", {}), found.get("oracle_advantage_share_by_world", {})
    for name, by in found["worlds"].items():
        lines.append(f"{name:28} success   regret  attempts  to broken  leaves in  is back in")
        lines += [line_of(policy, one) for policy, one in by.items()]
        notes = []
        if shares.get(name) is not None:
            notes.append(f"{shares[name]:.1%} of the oracle's advantage")
        if name in ahead:
            notes.append(f"{ahead[name]['mean']:+.2%} ± {2 * ahead[name]['standard_error']:.2%} against scoring")
        lines += [f"  the default: {', '.join(notes)}", ""] if notes else [""]
    if "oracle_advantage_share" in found:
        pooled, by_world = found["oracle_advantage_share"], found["oracle_advantage_share_mean_of_worlds"]
        lines.append(f"oracle's advantage over the fixed order: {pooled:.1%} reached ({by_world:.1%} as a mean of worlds' shares)")
    if "worlds_behind_seed_scoring" in found:
        lines.append(f"worlds behind scoring: {', '.join(found['worlds_behind_seed_scoring']) or 'none'}")
    lines += [f"MISSED: {one}" for one in missed(found)]
    return "\n".join(lines)


def line_of(policy: str, one: Mapping[str, Any]) -> str:
    regret = "" if one["regret"] is None else f"{one['regret']:.2%}"
    broken = "" if one["share_to_broken"] is None else f"{one['share_to_broken']:.1%}"
    times = ["" if one[key] is None else f"{one[key]:.0f} s" for key in ("seconds_to_leave", "seconds_to_come_back")]
    head = f"  {WORDS[policy]:26} {one['success_rate']:.2%} {regret:>8} {one['attempts_per_payment']:>9.3f}"
    return f"{head} {broken:>10} {times[0]:>10} {times[1]:>11}".rstrip()
