"""The middleware around every route: whatever happens inside, what leaves is an answer in our shape, with its request id."""

import re
import traceback
from collections.abc import Awaitable, Callable, Mapping

import structlog
from aiohttp import web

from services.api.http.layer.problems import Code, Problem, from_aiohttp
from shared.clock import new_id_text

REQUEST_ID = web.RequestKey("request_id", str)
RATE = web.RequestKey("rate", Mapping[str, str])  # headers of the rate limit, which go on refusals as well
SAFE_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
ABOUT_CODE = (TypeError, AttributeError, NameError, ImportError, OSError)  # their texts speak of code, not of data
CORS = web.RequestKey("cors", Mapping[str, str])  # what lets a page of another origin read the answer, a refusal too
FRAMES = 20
SERVER = "paymesh"

log = structlog.get_logger(__name__)


@web.middleware
async def guard(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
    """aiohttp runs each request in a task of its own, so what is bound to the log's context here ends with the request."""
    request_id = request_id_of(request.headers)
    request[REQUEST_ID] = request_id
    structlog.contextvars.bind_contextvars(request_id=request_id)
    try:
        response = await handler(request)
    except Problem as problem:
        response = problem.response()
    except web.HTTPException as raised:
        if raised.status < 400:
            raise
        response = from_aiohttp(raised).response()
    except Exception as error:
        log.error("request_failed", method=request.method, route=route_of(request), **described(error))
        response = Problem(Code.INTERNAL_ERROR, details={"request_id": request_id}).response()
    if not response.prepared:
        headers = response.headers
        headers["X-Request-Id"] = request_id
        for key in (RATE, CORS):
            for name, value in request.get(key, {}).items():
                headers.setdefault(name, value)  # a refusal's own say by which limit
    return response


def request_id_of(headers: Mapping[str, str]) -> str:
    """The sender's own, so that one id follows a request through its systems and ours; one that is not safe to log is replaced."""
    sent = headers.get("X-Request-Id")
    return sent if sent and SAFE_ID.fullmatch(sent) else new_id_text()


def refused_early(problem: Problem, headers: Mapping[str, str]) -> web.Response:
    """For what is refused before this middleware is asked."""
    response = problem.response()
    response.headers.update({"X-Request-Id": request_id_of(headers), "Server": SERVER})
    return response


async def signed(request: web.Request, response: web.StreamResponse) -> None:
    """Not by which version of what serves it."""
    response.headers["Server"] = SERVER


def route_of(request: web.Request) -> str:
    """The template, `/payments/{payment_id}`: the path itself is the sender's text."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else ""


def described(error: BaseException) -> dict[str, object]:
    """Class and frames. The text only where it cannot quote the request: pydantic, json and SQLAlchemy all quote values."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    cause = error.__cause__ or error.__context__
    return {
        "error": type(error).__qualname__,
        "text": str(error) if isinstance(error, ABOUT_CODE) else "",
        "cause": type(cause).__qualname__ if cause else "",
        "frames": [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames],
    }
