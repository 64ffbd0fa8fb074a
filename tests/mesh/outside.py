"""The world outside the mesh, which is what tests believe: the gateways' journal of charges, and what the shop received."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from typing import Any
from uuid import UUID

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

    async def _received(self, payment: Payment, within_s: float, what: str) -> AsyncGenerator[Record, None]:
        """What the shop has taken about the payment, and then what it takes next. AssertionError when the time is over."""
        after, deadline = 0, time.monotonic() + within_s
        while True:
            left_s = deadline - time.monotonic()
            assert left_s > 0, f"{payment.id}: the shop was not told of {what} within {within_s:.0f} s"
            wait_s = f"{min(left_s, LONG_POLL_S):.3f}"
            page = await self._read("/shop/received", payment_id=payment.id, answered="204", after=str(after), wait_s=wait_s)
            for record in page["items"]:
                yield record
            after = page["next"]

    async def told(self, payment: Payment, types: Collection[str] = ENDS, *, within_s: float = 60.0) -> Record:
        """Wait until the shop has taken a webhook of one of these types; its body. That it ended, by default."""
        async with aclosing(self._received(payment, within_s, " or ".join(types))) as received:
            async for record in received:
                if record["type"] in types:
                    body: Record = json.loads(record["body"])
                    return body
        raise AssertionError("unreachable")

    async def webhooks(self, payment: Payment, last: int, *, within_s: float = 60.0) -> list[Record]:
        """Wait until the shop has taken every sequence up to `last`, in whatever order; each webhook once, by sequence."""
        wanted, seen = set(range(1, last + 1)), dict[str, Record]()
        async with aclosing(self._received(payment, within_s, f"sequences up to {last}")) as received:
            async for record in received:
                seen[record["webhook_id"]] = record
                if wanted <= {int(one["sequence"]) for one in seen.values()}:
                    break
        return sorted(seen.values(), key=lambda one: int(one["sequence"]))

    async def operators(self, event_id: UUID) -> list[Record]:
        """What the operators' endpoint has taken of one event. It journals only what is rightly signed."""
        page = await self._read("/shop/webhooks/operators/received", limit="1000")
        return [record for record in page["items"] if json.loads(record["body"])["event_id"] == str(event_id)]

    async def change(self, path: str, **settings: Any) -> None:
        """Change how a gateway account (`/gateways/alpha`) or the shop (`/shop`) behaves."""
        async with self.http.put(f"{self.url}{path}/settings", json=settings) as response:
            assert response.status == 200, await response.text()

    async def approve(self, payment_url: str) -> None:
        """Do what the payer was asked to."""
        async with self.http.post(payment_url, params={"outcome": "approve"}) as response:
            assert response.status == 200, await response.text()
