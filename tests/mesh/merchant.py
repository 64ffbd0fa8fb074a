"""A merchant's program: it posts orders, asks again with the same key when it heard nothing, and looks at its payments."""

import asyncio
import itertools
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import aiohttp

from shared import ids
from shared.contracts import attempt_id
from tests.mesh.instruments import upi

AMOUNTS = itertools.count(10_100, 100)  # every payment its own, and none of them magic
ATTEMPTS_MAX = 4  # one more than the mesh may make


@dataclass(frozen=True)
class Answer:
    """What the edge said. `body` is `{}` where it was no JSON object."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def code(self) -> str:
        """The error's stable code."""
        return str(self.body.get("error", {}).get("code"))


@dataclass(frozen=True)
class Payment:
    """A payment that was accepted, as it was then."""

    id: str
    key: str
    body: Mapping[str, Any] = field(compare=False)
    answer: Answer = field(compare=False)

    @property
    def uuid(self) -> UUID:
        """As the mesh names it inside."""
        return ids.private(ids.PAYMENT, self.id)

    @property
    def references(self) -> tuple[str, ...]:
        """The attempts that gateways may have heard of, the first first."""
        return tuple(str(attempt_id(self.uuid, number)) for number in range(1, ATTEMPTS_MAX + 1))


def order(**change: Any) -> dict[str, Any]:
    """A body of `POST /payments`: a UPI payment that succeeds, unless `change` says otherwise. None takes a field away."""
    body = {"amount": next(AMOUNTS), "currency": "INR", **upi(), **change}
    return {name: value for name, value in body.items() if value is not None}


def accepted(answer: Answer, body: Mapping[str, Any], key: str = "") -> Payment:
    """The payment that the edge took."""
    assert answer.status == 201, answer.body
    return Payment(answer.body["payment_id"], key, body, answer)


class Merchant:
    """`keys` are the headers that say who it is."""

    def __init__(self, http: aiohttp.ClientSession, api: str, keys: Mapping[str, str]) -> None:
        self.http, self.api, self.keys = http, api, dict(keys)

    async def call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """`body` is sent as JSON, bytes as they are. Raises aiohttp.ClientError, TimeoutError."""
        sent = {**self.keys, **(headers or {})}
        content: dict[str, Any] = {"data": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
        async with self.http.request(method, self.api + path, headers=sent, **content) as response:
            text = await response.read()
            parsed = await response.json(content_type=None) if text else {}
        return Answer(response.status, response.headers, parsed if isinstance(parsed, dict) else {})

    async def post(self, body: Any, *, key: str | None = None, wait_s: int | None = 0, path: str = "/payments", **headers: str) -> Answer:
        """Once. Without `key` no Idempotency-Key is sent, with `wait_s=None` no Prefer."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= {"Idempotency-Key": key} if key else {}
        sent |= {"Prefer": f"wait={wait_s}"} if wait_s is not None else {}
        return await self.call("POST", path, body, sent)

    async def pay(self, body: Mapping[str, Any] | None = None, *, wait_s: int = 0) -> Payment:
        """Post an order that must be accepted at once."""
        body, key = body or order(), f"k-{uuid.uuid4().hex}"
        answer = await self.post(dict(body), key=key, wait_s=wait_s)
        return accepted(answer, body, key)

    async def insist(self, body: Mapping[str, Any], *, within_s: float) -> Payment:
        """Post an order again and again, as a merchant whose line is bad does, until it is accepted: one key, so one payment."""
        key, deadline = f"k-{uuid.uuid4().hex}", time.monotonic() + within_s
        while True:
            try:
                answer = await self.post(dict(body), key=key)
            except (aiohttp.ClientError, TimeoutError):
                answer = Answer(0, {}, {})
            if answer.status == 201:
                return accepted(answer, body, key)
            assert answer.status in (0, 503), answer.body
            assert time.monotonic() < deadline, f"not accepted within {within_s} s: {answer}"
            await asyncio.sleep(0.2)  # between two tries

    async def show(self, payment: Payment) -> dict[str, Any]:
        """The payment as it is now."""
        answer = await self.call("GET", f"/payments/{payment.id}")
        assert answer.status == 200, answer.body
        return answer.body

    async def timeline(self, payment: Payment) -> list[tuple[str, dict[str, Any]]]:
        """What happened to it, in order: (event, detail)."""
        answer = await self.call("GET", f"/payments/{payment.id}/tracking")
        assert answer.status == 200, answer.body
        return [(item["event"], item["detail"]) for item in answer.body["items"]]

    async def events(self, payment: Payment) -> list[str]:
        """The names of what happened to it, in order."""
        return [event for event, _ in await self.timeline(payment)]
