"""Stripe's form encoding: `a[b][0][c]=x` is a value deep in an object."""

import re
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from deploy.sandbox.stripe.errors import invalid

DEPTH_MAX = 8
KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


def parse(body: str) -> dict[str, Any]:
    """Objects all the way: a list is an object with numbers for names. Raises StripeError."""
    form: dict[str, Any] = {}
    for name, value in parse_qsl(body, keep_blank_values=True):
        matched = KEY.fullmatch(name)
        if matched is None:
            raise invalid(f"Invalid parameter name: {name[:40]}")
        path = [matched[1], *re.findall(r"\[([^\[\]]*)\]", matched[2])]
        if len(path) > DEPTH_MAX:
            raise invalid("Parameters are nested too deeply")
        where = form
        for part in path[:-1]:
            where = where.setdefault(part or str(len(where)), {})
            if not isinstance(where, dict):
                raise invalid(f"Invalid object: {path[0]}", param=path[0])
        where[path[-1] or str(len(where))] = value
    return form


async def form_of(request: web.Request) -> dict[str, Any]:
    try:
        return parse((await request.read()).decode())
    except UnicodeDecodeError:
        raise invalid("The request body is not valid UTF-8") from None


def query_of(request: web.Request) -> dict[str, Any]:
    return parse(request.query_string)


def inner(form: object, *names: str) -> dict[str, Any]:
    """The object found by going down by `names`; empty where there is none."""
    for name in names:
        form = form.get(name) if isinstance(form, dict) else None
    return form if isinstance(form, dict) else {}


def whole(form: dict[str, Any], name: str, default: int | None = None, *, minimum: int = 1, maximum: int = 99_999_999_999) -> int:
    """A parameter that is a whole number. Raises StripeError."""
    text = form.get(name)
    if text is None and default is not None:
        return default
    if text is None:
        raise invalid(f"Missing required param: {name}.", code="parameter_missing", param=name)
    if not isinstance(text, str) or not text.isascii() or not text.isdecimal() or len(text) > 15:
        raise invalid(f"Invalid integer: {name}", code="parameter_invalid_integer", param=name)
    if not minimum <= int(text) <= maximum:
        code = "amount_too_small" if int(text) < minimum else "amount_too_large"
        raise invalid(f"{name} must be between {minimum} and {maximum}", code=code if "amount" in name else None, param=name)
    return int(text)


def currency_of(form: dict[str, Any]) -> str:
    """In capitals, as the books have it. Raises StripeError."""
    currency = form.get("currency")
    if currency is None:
        raise invalid("Missing required param: currency.", code="parameter_missing", param="currency")
    if not isinstance(currency, str) or not re.fullmatch(r"[A-Za-z]{3}", currency):
        raise invalid("Invalid currency", param="currency")
    return currency.upper()


def metadata_of(form: object) -> dict[str, str]:
    """At most 50 keys of at most 40 characters, values of at most 500. Raises StripeError."""
    metadata = inner(form, "metadata")
    if len(metadata) > 50 or any(len(key) > 40 or len(str(value)) > 500 for key, value in metadata.items()):
        raise invalid("Metadata: at most 50 keys of at most 40 characters, values of at most 500", param="metadata")
    return {key: str(value) for key, value in metadata.items() if value != ""}
