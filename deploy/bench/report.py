"""The figures as one JSON object, and as text for people."""

from dataclasses import asdict
from typing import Any

from deploy.bench.heard import breaker_heard_text
from deploy.bench.measure import OUTSIDE, Measured

GOALS = {
    "finished_per_s": (">=", 600.0),
    "cpu_ms_per_payment": ("<=", 2.5),
    "p99_ms_final": ("<=", 100.0),
    "floor_ratio": ("<=", 4.0),
    "decisions_per_s": (">=", 20_000.0),
    "breaker_heard_ms_max": ("<=", 1_000.0),
}


def figures(loaded: Measured, light: Measured, floor_ms: dict[str, float], decisions: dict[str, Any]) -> dict[str, Any]:
    """`loaded` at the sustained rate, `light` at the low one whose latencies count, `decisions` as `deploy.simulate.decisions` says."""
    floor_cpu_ms = sum(floor_ms.values())
    return {
        "finished_per_s": loaded.finished_per_s,
        "accepted_per_s": loaded.accepted_per_s,
        "lost": loaded.lost + light.lost,
        "cpu_ms_per_payment": round(loaded.cpu_ms_per_payment, 3),
        "p50_ms_final": light.final_ms["p50"],
        "p99_ms_final": light.final_ms["p99"],
        "p99_ms_webhook": light.webhook_ms["p99"],
        "floor_cpu_ms": round(floor_cpu_ms, 3),
        "floor_ratio": round(loaded.cpu_ms_per_payment / floor_cpu_ms, 2),
        "decisions_per_s": decisions["decisions_per_s"],
        "routing_cpu_ms": round(loaded.cpu_ms.get("router", 0.0) + loaded.cpu_ms.get("metrics", 0.0), 3),
        "decisions": decisions["policies"],
        "floor": {name: round(ms, 3) for name, ms in floor_ms.items()},
        "loaded": asdict(loaded),
        "light": asdict(light),
    }


def grown(young: Measured, first: Measured, second: Measured) -> dict[str, Any]:
    """What a payment costs with old ones in the databases, against without: the better of two runs, because the first one warms caches."""
    old_ms = min(first.cpu_ms_per_payment, second.cpu_ms_per_payment)
    return {"growth_ratio": round(old_ms / young.cpu_ms_per_payment, 3), "old": asdict(second)}


def text(found: dict[str, Any]) -> str:
    """`found` is what `figures` says, and with it what `breaker_heard` and, perhaps, `grown` say."""
    loaded, light = found["loaded"], found["light"]
    lines = [
        f"offered {loaded['rate_per_s']:.0f}/s for {loaded['seconds']:.0f} s: accepted {loaded['accepted']} ({found['accepted_per_s']}/s),"
        f" finished {loaded['finished']} ({found['finished_per_s']}/s), lost {found['lost']}, refused {loaded['refused'] or 0}",
        f"  POST to final state   p50 {_ms(loaded['final_ms'])}",
        f"  POST to webhook       p50 {_ms(loaded['webhook_ms'])}",
        f"  POST to answer        p50 {_ms(loaded['answer_ms'])}",
        f"  CPU-ms a payment      {found['cpu_ms_per_payment']}: " + ", ".join(_shares(loaded["cpu_ms"])),
        f"  per payment           {loaded['commits']} commits, {loaded['envelopes']} messages with {loaded['contracts']} contracts",
        f"offered {light['rate_per_s']:.0f}/s for {light['seconds']:.0f} s:",
        f"  POST to final state   p50 {_ms(light['final_ms'])}",
        f"  POST to webhook       p50 {_ms(light['webhook_ms'])}",
        f"the floor: {found['floor_cpu_ms']} CPU-ms a payment: " + ", ".join(_shares(found["floor"])),
        f"mesh / floor: {found['floor_ratio']}",
        f"deciding and learning: router and metrics {found['routing_cpu_ms']} CPU-ms a payment; with 20 gateways, pure, on one core:",
        "  decisions a second    " + ", ".join(f"{policy} {one['decisions_per_s']}" for policy, one in found["decisions"].items()),
        breaker_heard_text(found),
        *([f"with old payments: {found['growth_ratio']} × the CPU a payment"] if "growth_ratio" in found else []),
        "",
    ]
    for name, (sign, goal) in GOALS.items():
        reached = found[name] >= goal if sign == ">=" else found[name] <= goal
        lines.append(f"{'reached    ' if reached else 'NOT REACHED'} {name} {found[name]} (goal {sign} {goal:g})")
    return "\n".join(lines)


def _ms(found: dict[str, float]) -> str:
    return f"{found['p50']} ms, p95 {found['p95']}, p99 {found['p99']}"


def _shares(cpu_ms: dict[str, float]) -> list[str]:
    ordered = sorted(cpu_ms.items(), key=lambda one: -one[1])
    return [f"{name} {ms}{' (stand-in, not counted)' if name in OUTSIDE else ''}" for name, ms in ordered]
