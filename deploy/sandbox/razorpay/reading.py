"""How a request in Razorpay's format is read: JSON bodies, amounts, notes, ids, pages."""

import re
import secrets
import string
from collections.abc import Sequence
from typing import Any, TypeVar

import orjson
from aiohttp import web

from deploy.sandbox.gateway import Gateway
from deploy.sandbox.order import AMOUNT_MAX
from deploy.sandbox.razorpay.errors import RazorpayError
from deploy.sandbox.times import TIME_MIN, at_unix_s

T = TypeVar("T")
COUNT, COUNT_MAX, SKIP_MAX = 10, 100, 2**31
THREE_DECIMALS = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}
_LETTERS = string.ascii_letters + string.digits


def short_id(prefix: str) -> str:
    """`order_` and 14 letters or digits."""
    return f"{prefix}_{''.join(secrets.choice(_LETTERS) for _ in range(14))}"


async def json_of(request: web.Request) -> dict[str, Any]:
    try:
        body = orjson.loads(await request.read() or b"{}")
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise RazorpayError(400, "The request body is not valid JSON.", reason="input_validation_failed")
    return body


def amount_of(body: dict[str, Any]) -> int:
    """In currency subunits; those of three decimals must end in 0."""
    amount = body.get("amount")
    if isinstance(amount, str) and amount.isascii() and amount.isdecimal() and len(amount) < 17:
        amount = int(amount)
    if not isinstance(amount, int) or isinstance(amount, bool) or not 1 <= amount <= AMOUNT_MAX:
        raise RazorpayError(400, "The amount must be an integer.", reason="input_validation_failed", field="amount")
    if body.get("currency") in THREE_DECIMALS and amount % 10:
        raise RazorpayError(400, "The amount's last digit must be 0 in this currency.", reason="input_validation_failed", field="amount")
    return amount


def currency_of(body: dict[str, Any]) -> str:
    currency = body.get("currency", "INR")
    if not isinstance(currency, str) or not re.fullmatch(r"[A-Z]{3}", currency):
        raise RazorpayError(400, "The currency should be a valid ISO code.", reason="invalid_currency", field="currency")
    return currency


def notes_of(body: dict[str, Any]) -> dict[str, str]:
    """At most 15 of at most 256 characters."""
    notes = body.get("notes") or {}
    if not isinstance(notes, dict) or len(notes) > 15 or any(len(str(value)) > 256 for value in notes.values()):
        raise RazorpayError(400, "notes: at most 15 pairs of at most 256 characters", reason="input_validation_failed", field="notes")
    return {str(name): str(value) for name, value in notes.items()}


def _number(request: web.Request, name: str, default: int, maximum: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isascii() or not text.isdecimal() or len(text) > 12 or int(text) > maximum:
        raise RazorpayError(400, f"The {name} must be between 0 and {maximum}.", reason="input_validation_failed", field=name)
    return int(text)


def paged(request: web.Request, found: Sequence[T]) -> Sequence[T]:
    skip, count = _number(request, "skip", 0, SKIP_MAX), _number(request, "count", COUNT, COUNT_MAX)
    return found[skip : skip + count]


def window(request: web.Request, gateway: Gateway) -> tuple[str, str]:
    """start ≤ created_at < end, of `from` and `to`, both inclusive, and what searches may show."""
    visible = gateway.visible_until()
    start = at_unix_s(_number(request, "from", 0, 2**33)) if "from" in request.query else TIME_MIN
    end = at_unix_s(_number(request, "to", 0, 2**33) + 1) if "to" in request.query else visible
    return start, min(end, visible)
