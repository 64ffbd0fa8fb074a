"""How an order is answered once it has been booked: after its wait, with its result or with what its behaviour makes of it."""

import asyncio
import math
from collections.abc import Callable

from aiohttp import web

from deploy.sandbox.choice import Plan
from deploy.sandbox.gateway import Gateway
from deploy.sandbox.misbehaving import HOLDER, cut

TICK_S = 0.005  # drawn latencies end on a tick, so that one wake-up of the process serves several answers


async def speak(
    request: web.Request,
    gateway: Gateway,
    plan: Plan,
    started_s: float,
    result: web.Response | None,
    rate_limited: Callable[[dict[str, str]], web.Response],
) -> web.StreamResponse:
    """`result` is what a format makes of what was booked, `rate_limited` its 429 with these headers, `started_s` of the loop's clock."""
    answers = plan.behaviour.answers
    if answers == "silence":
        return await request.app[HOLDER].hold(request, gateway.settings.hang_s)
    answer_at_s = math.ceil((started_s + plan.wait_s) / TICK_S) * TICK_S if plan.wait_s else 0.0
    left_s = answer_at_s - asyncio.get_running_loop().time()
    if left_s > 0:
        await asyncio.sleep(left_s)
    if answers == "result" and result is not None:
        return result
    if answers == "cut":
        return cut(request)
    if answers == "rate_limited":
        return rate_limited({"Retry-After": str(gateway.settings.retry_after_s)})
    if answers == "garbage":
        return web.Response(body=b'{"id": "ch_0190', content_type="application/json")
    return web.Response(text="Internal Server Error", status=500)
