"""What all codecs read alike: JSON that may be anything, money, times, codes of a table, signatures in hex."""

import hmac
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import orjson

from shared.contracts import Attempt, Money, Operation, Refusal
from shared.gateways.codec import Codes, Finding, Listed, Pending, Refused, Succeeded, Unclear, Unsupported

CODE_MAX = 100
MESSAGE_MAX = 200
OPERATIONS: frozenset[Operation] = frozenset({"charge", "authorize", "capture", "refund", "void", "link"})
WEIGHT = (Succeeded, Pending, Unclear, Refused)  # what may have moved money outranks what did not


def json_object(body: bytes) -> dict[str, Any]:
    """Empty for whatever is no JSON object."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def inner(body: object, *names: str) -> dict[str, Any]:
    """The object found by going down by `names`; empty where there is none."""
    for name in names:
        body = body.get(name) if isinstance(body, Mapping) else None
    return dict(body) if isinstance(body, Mapping) else {}


def text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def money(amount_minor: object, currency: object) -> Money | None:
    """None for what is no amount. Currencies come in capitals or, at Stripe, in small letters."""
    if not isinstance(currency, str) or (amount := whole(amount_minor)) is None:
        return None
    try:
        return Money(amount_minor=amount, currency=currency.upper())
    except ValueError:
        return None


def took(reference: str, amount_minor: object, currency: object) -> Succeeded | Unclear:
    """A success, if the gateway says of how much."""
    confirmed = money(amount_minor, currency)
    return Succeeded(reference, confirmed) if confirmed else Unclear("success without a readable amount", reference)


def refused(codes: Codes, code: object, message: object, reference: str | None = None) -> Refused | None:
    """None for a code that the table does not know, or knows to prove nothing."""
    if not isinstance(code, str) or code not in codes or codes[code].outcome_class == "unknown":
        return None
    row = codes[code]
    told = message[:MESSAGE_MAX] if isinstance(message, str) else ""
    return Refused(Refusal(code=code, message=told, outcome_class=row.outcome_class, retryable=row.retryable), reference)


def unlisted(codes: Codes, status: int, *names: object) -> str | None:
    """The code by which an answer refuses, where the table lacks it; None where the answer could as well be about something else: about
    an earlier request (409), about time (408, 425) or about nothing in particular (no code, or one that proves nothing)."""
    there = [name for name in names if isinstance(name, str) and name]
    if status not in (400, 402, 403, 422) or not there or any(name in codes for name in there) or len(there[0]) > CODE_MAX:
        return None
    return there[0]


def weightiest(findings: Iterable[Finding]) -> Finding | None:
    """Of several pieces of evidence on one reference. None of none."""
    there = list(findings)
    return next((one for kind in WEIGHT for one in there if isinstance(one, kind)), None)


def listed(status: int, items: object, read: Callable[[Mapping[str, Any]], Listed | None]) -> tuple[Listed, ...] | Unclear:
    """What a page of a list holds. With an item that `read` cannot read it is no page: what we have would be missing from it."""
    if status != 200 or not isinstance(items, list):
        return Unclear(f"no readable list, status {status}")
    there = [one for item in items if (one := read(inner(item)))]
    return tuple(there) if len(there) == len(items) else Unclear("an item of the list is unreadable")


def moment(unix_s: object) -> datetime | None:
    """Within what a datetime can hold."""
    seconds = whole(unix_s)
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None and 0 <= seconds < 2**37 else None


def seconds_around(start: datetime, end: datetime) -> tuple[int, int]:
    """The whole Unix seconds, both inclusive, that cover start ≤ t < end."""
    return int(start.timestamp()), int((end - timedelta(microseconds=1)).timestamp())


def target_of(attempt: Attempt) -> str:
    """The gateway's id of the charge, fit for a path. Raises Unsupported."""
    if not attempt.target_reference:
        raise Unsupported(f"a {attempt.operation} needs the gateway's id of its charge")
    return quote(attempt.target_reference, safe="")


def operation_of(value: object) -> Operation | None:
    return next((one for one in OPERATIONS if one == value), None)


def header(headers: Mapping[str, str], name: str) -> str:
    """A header's value whatever the case of its name; empty where there is none."""
    wanted = name.lower()
    return next((value for key, value in headers.items() if key.lower() == wanted), "")


def recent(unix_s: str, now_s: float, within_s: int) -> bool:
    """Whether a signature's time is one, and no further from now than that in either direction."""
    return unix_s.isascii() and unix_s.isdecimal() and len(unix_s) <= 15 and abs(now_s - int(unix_s)) <= within_s


def signed(secrets: Iterable[str], message: bytes, signatures: Iterable[str]) -> bool:
    """Whether any secret made any of the signatures: hex HMAC-SHA256, compared in constant time."""
    given = [one.encode() for one in signatures]
    return any(
        hmac.compare_digest(hmac.digest(secret.encode(), message, "sha256").hex().encode(), one) for secret in secrets for one in given
    )
