"""Pages: bytes that are the same for everybody, sent once to whoever keeps them, and small to whoever can unpack them."""

import asyncio
import gzip
import hashlib
from collections.abc import Mapping

from aiohttp import web

NO_HEADERS: Mapping[str, str] = {}
SMALL_BYTES = 1_400  # one packet either way
REVALIDATED = "no-cache"
IMMUTABLE = "public, max-age=31536000, immutable"  # for what has its hash in its address


class Page:
    """`kept` is its Cache-Control."""

    def __init__(self, body: bytes, media_type: str, *, kept: str = REVALIDATED, headers: Mapping[str, str] = NO_HEADERS) -> None:
        self.body = body
        self.packed: bytes | None = None
        self.tag = hashlib.sha256(body).hexdigest()[:32]
        self.headers = {
            **headers,
            "Content-Type": media_type,
            "ETag": f'W/"{self.tag}"',  # weak: packed or not, it is the same page
            "Cache-Control": kept,
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
        }

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if any(etag.value in (self.tag, "*") for etag in request.if_none_match or ()):
            return web.Response(status=304, headers={name: value for name, value in self.headers.items() if name != "Content-Type"})
        if len(self.body) <= SMALL_BYTES or "gzip" not in request.headers.get("Accept-Encoding", "").lower():
            return web.Response(body=self.body, headers=self.headers)
        if self.packed is None:  # 60 ms of CPU for 2 MB, beside the loop and only once
            self.packed = await asyncio.to_thread(gzip.compress, self.body, mtime=0)
        return web.Response(body=self.packed, headers={**self.headers, "Content-Encoding": "gzip"})
