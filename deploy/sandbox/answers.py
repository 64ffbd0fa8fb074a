"""How answers look on the wire, and how a request's parameters are read."""

from typing import Any

import orjson
from aiohttp import web

WAIT_S_MAX = 30.0
PAGE_MAX = 1_000


class Problem(web.HTTPException):
    """An explicit refusal, raised from any handler: `{"error": {"code", "message", …}}`."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        self.status_code = status
        text = orjson.dumps({"error": {"code": code, "message": message}}).decode()
        super().__init__(text=text, content_type="application/json", headers=headers)


def json_answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json", headers=headers)


def number(request: web.Request, name: str, default: float, maximum: float) -> float:
    """A query parameter between 0 and `maximum`. Raises Problem."""
    text = request.query.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= maximum:
        raise Problem(400, "invalid_request", f"{name}: a number from 0 to {maximum:g}")
    return value


def whole(request: web.Request, name: str, default: int, maximum: int = 2**53) -> int:
    """A query parameter that is a whole number between 0 and `maximum`. Raises Problem."""
    text = request.query.get(name, str(default))
    if not text.isascii() or not text.isdecimal() or len(text) > 16 or int(text) > maximum:
        raise Problem(400, "invalid_request", f"{name}: a whole number from 0 to {maximum}")
    return int(text)


async def body_object(request: web.Request) -> dict[str, Any]:
    """The request's JSON object. Raises Problem."""
    try:
        body = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise Problem(400, "invalid_request", "the body must be a JSON object")
    return body
