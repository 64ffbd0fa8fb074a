"""How long a breaker's move takes to reach the router: from an operator's post to the first decision that goes by it."""

import random
import time
from typing import Any

from deploy.bench.measure import percentiles
from deploy.local.mesh import Mesh
from deploy.local.web import Reply, call

GATEWAY, METHOD = "alpha", "WALLET"  # a method of which the load has no payments
TIMES = 20
PAUSE_S_MAX = 0.25  # metrics looks four times a second: forced at any moment of it, not always just after
LOOK_EVERY_S = 0.005
PATIENCE_S = 10.0


def breaker_heard(mesh: Mesh, times: int = TIMES) -> dict[str, Any]:
    """Force it open and release it so often; the breaker is closed afterwards. Raises RuntimeError where the router does not follow."""
    chance = random.Random(1)
    heard_ms: list[float] = []
    try:
        for _ in range(times):
            heard_ms += [_moved_ms(mesh, act, act == "force-open", chance) for act in ("force-open", "release")]
    finally:
        for act in ("force-close", "release"):
            _move(mesh, act)
    return {"breaker_heard_ms_p50": percentiles(heard_ms)["p50"], "breaker_heard_ms_max": round(max(heard_ms), 1)}


def breaker_heard_text(found: dict[str, Any]) -> str:
    p50, longest = found["breaker_heard_ms_p50"], found["breaker_heard_ms_max"]
    return f"a breaker forced open or released is in the router's decisions after p50 {p50} ms, max {longest}"


def _moved_ms(mesh: Mesh, act: str, opened: bool, chance: random.Random) -> float:
    time.sleep(chance.uniform(0.0, PAUSE_S_MAX))
    started = time.perf_counter()
    _move(mesh, act)
    while _is_open(mesh) is not opened:
        if time.perf_counter() - started > PATIENCE_S:
            raise RuntimeError(f"the router has not heard of {act} after {PATIENCE_S:.0f} s")
        time.sleep(LOOK_EVERY_S)
    return (time.perf_counter() - started) * 1000


def _move(mesh: Mesh, act: str) -> None:
    _ask(mesh, "POST", f"/circuit-breaker/{act}/{GATEWAY}/{METHOD}", {"reason": "benchmark"})


def _is_open(mesh: Mesh) -> bool:
    decision = _ask(mesh, "GET", f"/scoring/debug?amount=50000&method={METHOD}").body
    return any((one["gateway"], one["breaker"]) == (GATEWAY, "forced_open") for one in decision["candidates"])


def _ask(mesh: Mesh, method: str, path: str, body: object = None) -> Reply:
    reply = call(method, f"{mesh.blueprint.url('api')}{path}", body, {"X-Internal-Api-Key": mesh.blueprint.internal_api_key})
    if reply.status != 200:
        raise RuntimeError(f"{method} {path}: {reply.status} {reply.body}")
    return reply
