"""Webhooks that an account sends of what happened, signed as its format signs them, until they are answered with 2xx."""

import asyncio
import base64
import hmac
import time
from collections.abc import Mapping
from functools import partial

import aiohttp
import orjson
import uuid_utils

from deploy.sandbox import events
from deploy.sandbox.charge import Charge, Wire
from deploy.sandbox.gateway import Gateway
from deploy.sandbox.moves import Move
from deploy.sandbox.signature import key_of

PAUSES_S = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)  # before each try; hours and days at the real ones
TIMEOUT_S = 5.0
SENDING_MAX = 10_000  # more are lost, as the webhooks of a gateway may be


def secret_of(account: str) -> str:
    """An account's webhook secret unless its settings name another one. Fit for all three formats."""
    return "whsec_" + base64.b64encode(f"sandbox webhooks of {account}".encode()).decode()


def signed(wire: Wire, secret: str, event_id: str, body: bytes, now_s: int) -> dict[str, str]:
    """The headers of a format. Standard Webhooks take base64 as the key's bytes, the others the secret as it is written."""
    if wire == "razorpay":
        return {"X-Razorpay-Signature": hmac.digest(secret.encode(), body, "sha256").hex(), "x-razorpay-event-id": event_id}
    if wire == "stripe":
        mac = hmac.digest(secret.encode(), f"{now_s}.".encode() + body, "sha256").hex()
        return {"Stripe-Signature": f"t={now_s},v1={mac}"}
    mac64 = base64.b64encode(hmac.digest(key_of(secret), f"{event_id}.{now_s}.".encode() + body, "sha256")).decode()
    return {"webhook-id": event_id, "webhook-timestamp": str(now_s), "webhook-signature": f"v1,{mac64}"}


class Sender:
    """Sends for all accounts. What is under way when the process ends is lost."""

    def __init__(self, gateways: Mapping[str, Gateway]) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        for gateway in gateways.values():
            gateway.tell = partial(self._tell, gateway)

    def _tell(self, gateway: Gateway, fact: Charge | Move) -> None:
        url = gateway.settings.webhook_url
        if url is None:
            return
        charge = fact if isinstance(fact, Charge) else gateway.book.get(fact.charge_id)
        if charge is None:
            return
        for name, data in events.of(gateway, charge, fact if isinstance(fact, Move) else None):
            event_id = f"evt_{uuid_utils.uuid7().hex}"
            body = orjson.dumps(events.body(charge.wire, name, event_id, data, int(time.time())))
            for _ in range(gateway.settings.webhook_copies if len(self._tasks) < SENDING_MAX else 0):
                task = asyncio.create_task(self._deliver(gateway, url, charge.wire, event_id, body))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _deliver(self, gateway: Gateway, url: str, wire: Wire, event_id: str, body: bytes) -> None:
        await asyncio.sleep(gateway.settings.webhook_delay_s)
        for pause_s in PAUSES_S:
            await asyncio.sleep(pause_s)
            secret = gateway.settings.webhook_secret or secret_of(gateway.account)
            headers = signed(wire, secret, event_id, body, int(time.time())) | {"Content-Type": "application/json"}
            if await self._post(url, headers, body):
                return

    async def _post(self, url: str, headers: dict[str, str], body: bytes) -> bool:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S))
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                return 200 <= response.status < 300
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
