"""Errors: one shape, `{"error": {"code", "message", "details"}}`, and one table of the codes that the edge ever says."""

import json
from collections.abc import Mapping
from enum import Enum, unique
from types import MappingProxyType
from typing import Any

from aiohttp import web

NO_HEADERS: Mapping[str, str] = MappingProxyType({})
SOON = MappingProxyType({"Retry-After": "1"})


@unique
class Code(Enum):
    """A stable code: its HTTP status, what it says when nobody says better, and the headers that always go with it."""

    MALFORMED_REQUEST = 400, "The request is not valid HTTP, ended early, or has a head beyond the limits."
    MALFORMED_JSON = 400, "The body is not valid JSON."
    JSON_TOO_DEEP = 400, "The body is nested too deeply."
    MISSING_IDEMPOTENCY_KEY = 400, "This operation moves money and needs an Idempotency-Key."
    QUOTA_EXHAUSTED = 400, "The subscription has no token left or is not active."
    UNAUTHENTICATED = 401, "Valid credentials are needed.", {"WWW-Authenticate": 'ApiKey realm="paymesh"'}
    FORBIDDEN = 403, "These credentials may not do this."
    NOT_FOUND = 404, "There is nothing here."
    METHOD_NOT_ALLOWED = 405, "This resource does not answer that method."
    REQUEST_TIMEOUT = 408, "The body did not arrive in time."
    IDEMPOTENCY_KEY_REUSED_WITH_DIFFERENT_PAYLOAD = 409, "This Idempotency-Key was used for another request."
    CONFLICT = 409, "The current state does not allow this."
    PAYMENT_NOT_CAPTURABLE = 409, "There is nothing to capture."
    PAYMENT_NOT_VOIDABLE = 409, "There is nothing to release."
    PAYMENT_NOT_REFUNDABLE = 409, "There is nothing to refund."
    AMOUNT_EXCEEDS_CAPTURABLE = 409, "That is more than what is left to capture."
    AMOUNT_EXCEEDS_REFUNDABLE = 409, "That is more than what is left to refund."
    ORDER_HAS_LIVE_PAYMENT = 409, "This order is being paid, or has been."
    ORDER_EXPIRED = 409, "This order has expired."
    PAYLOAD_TOO_LARGE = 413, "The body is too large."
    UNSUPPORTED_MEDIA_TYPE = 415, "Send application/json, in UTF-8 and not compressed."
    EXPECTATION_FAILED = 417, "The only expectation met here is 100-continue."
    VALIDATION_ERROR = 422, "The request has fields that are not valid."
    RATE_LIMITED = 429, "Too many requests.", SOON
    VELOCITY_EXCEEDED = 429, "Too many different cards, or one card too often.", SOON
    INTERNAL_ERROR = 500, "Something went wrong here; the request id finds it in the logs."
    BAD_GATEWAY = 502, "The provider did not give a usable answer."
    OVERLOADED = 503, "Too much is waiting here already. Nothing was done: try again.", SOON
    TEMPORARILY_UNAVAILABLE = 503, "A part that this needs is away. Try again.", SOON
    TIMED_OUT = 504, "The part that knows the answer did not give it in time."

    def __init__(self, status: int, message: str, headers: Mapping[str, str] = NO_HEADERS) -> None:
        self.status = status
        self.message = message
        self.headers = headers


class Problem(Exception):
    """Raise it anywhere below a route. Message and details are shown to the caller: they say what is expected, never what was sent."""

    def __init__(
        self,
        code: Code,
        message: str | None = None,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> None:
        self.code = code
        self.message = message or code.message
        self.details = dict(details or {})
        self.headers = headers
        super().__init__(f"{code.name}: {self.message}")

    def body(self) -> bytes:
        return json.dumps({"error": {"code": self.code.name, "message": self.message, "details": self.details}}).encode()

    def response(self) -> web.Response:
        headers = {"Content-Type": "application/json", **self.code.headers, **self.headers}
        response = web.Response(body=self.body(), status=self.code.status, headers=headers)
        if self.code in CLOSING:
            response.force_close()
        return response


CLOSING = {Code.MALFORMED_REQUEST, Code.PAYLOAD_TOO_LARGE, Code.REQUEST_TIMEOUT}  # the rest of that body is not worth reading

BY_STATUS = {
    404: Code.NOT_FOUND,
    405: Code.METHOD_NOT_ALLOWED,
    413: Code.PAYLOAD_TOO_LARGE,
    415: Code.UNSUPPORTED_MEDIA_TYPE,
    417: Code.EXPECTATION_FAILED,
}


def from_aiohttp(raised: web.HTTPException) -> Problem:
    """What aiohttp itself refuses (no such path, no such method), in our shape."""
    if raised.status >= 500:
        return Problem(Code.INTERNAL_ERROR)
    code = BY_STATUS.get(raised.status, Code.MALFORMED_REQUEST)
    if isinstance(raised, web.HTTPMethodNotAllowed):
        allowed = sorted(raised.allowed_methods)
        return Problem(code, details={"allowed": allowed}, headers={"Allow": ", ".join(allowed)})
    return Problem(code)
