"""Stripe's idempotency: for 24 hours a key stands for one request and its answer, errors included."""

import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from deploy.sandbox.stripe.errors import StripeError

KEEP_S = 24 * 3600
KEYS_MAX = 200_000  # the oldest go first
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Kept:
    fingerprint: bytes
    at_s: float
    answer: tuple[int, bytes] | None = None  # None while the first request is under way


class Keys:
    """Of one account. In memory: after a restart what was booked under a key is still found by it, in the books."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}

    async def once(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return await handler(request)
        fingerprint = hashlib.sha256(request.path.encode() + b"\n" + await request.read()).digest()
        kept = self._kept.get(key)
        if kept is not None and time.time() - kept.at_s < KEEP_S:
            return _again(kept, fingerprint, key)
        while len(self._kept) >= KEYS_MAX:
            del self._kept[next(iter(self._kept))]
        mine = self._kept[key] = Kept(fingerprint, time.time())
        try:
            return await self._first(request, handler, mine)
        finally:
            if mine.answer is None and self._kept.get(key) is mine:
                del self._kept[key]  # refused before it began, or never answered: the next copy is executed

    async def _first(self, request: web.Request, handler: Handler, mine: Kept) -> web.StreamResponse:
        try:
            response = await handler(request)
        except StripeError as error:
            if error.status_code == 402:  # a request that was never executed keeps nothing
                mine.answer = (error.status_code, (error.text or "").encode())
            raise
        if isinstance(response, web.Response) and response.status != 429 and isinstance(response.body, bytes) and response.body:
            mine.answer = (response.status, response.body)
        return response


def _again(kept: Kept, fingerprint: bytes, key: str) -> web.Response:
    """Raises StripeError."""
    if kept.fingerprint != fingerprint:
        message = f"Keys for idempotent requests can only be used with the same parameters they were first used with: not '{key}'."
        raise StripeError(400, {"type": "idempotency_error", "message": message})
    if kept.answer is None:
        message = "There is currently another in-progress request using this idempotency key."
        raise StripeError(409, {"type": "idempotency_error", "code": "idempotency_key_in_use", "message": message})
    status, body = kept.answer
    return web.Response(status=status, body=body, content_type="application/json", headers={"Idempotent-Replayed": "true"})
