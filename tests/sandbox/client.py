"""A sandbox under test, spoken to over real HTTP."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

import aiohttp

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def order(reference: str, **fields: Any) -> dict[str, Any]:
    """A UPI order of no magic; `vpa=` and `number=` choose the instrument."""
    vpa, number = fields.pop("vpa", "asha@okbank"), fields.pop("number", None)
    card = {"type": "CARD", "number": number, "expiry_month": 12, "expiry_year": 2031, "cvv": "123", "name": "Asha"}
    defaults = {"reference": reference, "operation": "charge", "amount_minor": 49_950, "currency": "INR", "method": "UPI"}
    return defaults | {"instrument": card if number else {"type": "UPI", "vpa": vpa}} | fields


def signed(body: bytes, *, webhook_id: str = "msg_1", secret: str = SECRET, at_s: int | None = None) -> dict[str, str]:
    """The headers of a rightly signed delivery."""
    at = str(int(time.time()) if at_s is None else at_s)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{webhook_id}.{at}.".encode() + body, hashlib.sha256).digest()
    return {"webhook-id": webhook_id, "webhook-timestamp": at, "webhook-signature": f"v1,{base64.b64encode(digest).decode()}"}


@dataclass(frozen=True)
class Answer:
    """`status` 0: the connection was cut without an answer."""

    status: int
    body: bytes = b""
    headers: Any = None

    def json(self) -> Any:
        return json.loads(self.body)


class Sandbox:
    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self.url, self.http = url, http

    async def call(self, method: str, path: str, **request: Any) -> Answer:
        try:
            async with self.http.request(method, self.url + path, **request) as response:
                return Answer(response.status, await response.read(), response.headers)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            return Answer(0)

    async def get(self, path: str, **parameters: Any) -> Any:
        answer = await self.call("GET", path, params=parameters)
        assert answer.status == 200, answer
        return answer.json()

    async def put(self, path: str, **change: Any) -> Any:
        answer = await self.call("PUT", path, json=change)
        assert answer.status == 200, answer
        return answer.json()

    async def charge(self, account: str = "alpha", *, reference: str | None = None, key: str | None = None, **fields: Any) -> Answer:
        """One try at an order, with its reference as idempotency key unless another is given."""
        reference = reference or str(uuid.uuid4())
        headers = {"Authorization": f"Bearer sk_sandbox_{account}", "Idempotency-Key": key or reference}
        return await self.call("POST", f"/gateways/{account}/v1/charges", json=order(reference, **fields), headers=headers)

    async def list(self, account: str = "alpha", path: str = "", **parameters: Any) -> Any:
        headers = {"Authorization": f"Bearer sk_sandbox_{account}"}
        answer = await self.call("GET", f"/gateways/{account}/v1/charges{path}", params=parameters, headers=headers)
        assert answer.status == 200, answer
        return answer.json()

    async def found(self, reference: str, account: str = "alpha") -> Any:
        """The charges that a search by reference shows."""
        return (await self.list(account, reference=reference))["items"]

    async def journal(self, **parameters: Any) -> Any:
        return (await self.get("/gateways/journal", **parameters))["items"]

    async def deliver(self, body: bytes, headers: dict[str, str] | None = None, name: str = "") -> Answer:
        """A webhook, rightly signed unless headers are given."""
        return await self.call("POST", f"/shop/webhooks{name}", data=body, headers=signed(body) if headers is None else headers)
