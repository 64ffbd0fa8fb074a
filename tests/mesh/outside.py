"""The world outside the mesh, which is what tests believe: the gateways' journal of charges, and what the shop received."""

import asyncio
import json
import time
from collections.abc import Iterable
from typing import Any

import aiohttp

from tests.mesh.merchant import Payment

Record = dict[str, Any]
ENDS = frozenset({"payment.succeeded", "payment.failed", "payment.conflicted"})
LONG_POLL_S = 20.0


class Outside:
    """`url` is the sandbox's."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.http, self.url = http, url

    async def _read(self, path: str, **query: str) -> Record:
        async with self.http.get(self.url + path, params=query) as response:
            found: Record = await response.json()
            assert response.status == 200, found
        return found

    async def journal(self, payment: Payment) -> list[Record]:
        """Every line about any attempt of the payment, at whatever gateway."""
        pages = await asyncio.gather(*(self._read("/gateways/journal", reference=reference) for reference in payment.references))
        return [record for page in pages for record in page["items"]]

    async def charges(self, payment: Payment) -> list[Record]:
        """Money that was taken."""
        return [record for record in await self.journal(payment) if record["kind"] in ("charged", "authorized")]

    async def webhooks(self, payment: Payment) -> list[Record]:
        """What the shop received and took, each event once, in the order of their sequence."""
        page = await self._read("/shop/received", payment_id=payment.id, answered="204")
        return sorted({record["webhook_id"]: record for record in page["items"]}.values(), key=lambda record: int(record["sequence"]))

    async def told(self, payment: Payment, types: Iterable[str] = ENDS, *, within_s: float = 30.0) -> Record:
        """Wait until the shop has taken a webhook of one of these types; its body. That it ended, by default."""
        wanted, after, deadline = frozenset(types), 0, time.monotonic() + within_s
        while True:
            left_s = deadline - time.monotonic()
            assert left_s > 0, f"{payment.id}: the shop was not told of {', '.join(sorted(wanted))} within {within_s:.0f} s"
            page = await self._read(
                "/shop/received", payment_id=payment.id, answered="204", after=str(after), wait_s=f"{min(left_s, LONG_POLL_S):.3f}"
            )
            for record in page["items"]:
                if record["type"] in wanted:
                    body: Record = json.loads(record["body"])
                    return body
            after = page["next"]

    async def change(self, path: str, **settings: Any) -> None:
        """Change how a gateway account (`/gateways/alpha`) or the shop (`/shop`) behaves."""
        async with self.http.put(f"{self.url}{path}/settings", json=settings) as response:
            assert response.status == 200, await response.text()

    async def approve(self, payment_url: str) -> None:
        """Do what the payer was asked to."""
        async with self.http.post(payment_url, params={"outcome": "approve"}) as response:
            assert response.status == 200, await response.text()
