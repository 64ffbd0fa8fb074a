"""Who calls: an API key with its secret, a browser with a key that is none, or an operator by name."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from aiohttp import web

from services.api.domain import tokens
from services.api.http.access.remembered import Remembered
from services.api.http.layer import Caller, Code, Problem, Role
from services.api.queries import Key, Queries
from services.api.secrets import OPERATOR, digest
from shared.clock import utc_now

ROOT = "root"  # whose key is a setting
CHECKOUT, LIVE = "checkout", "live"  # what client secrets are for, and tickets
KEY_CHARS_MAX = 128


@dataclass(frozen=True, slots=True)
class Merchant(Caller):
    """The caller of a merchant's route, with the settings that its requests follow."""

    currency: str = "INR"
    answer_wait_s: int = 0
    derive_idempotency_key: bool = False
    allowed_origins: tuple[str, ...] = ()


class Shop(Merchant):
    """A page that has a publishable key, and no more than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer(Merchant):
    """A page with the client secret of one order."""

    order_id: UUID


class Keys:
    """`token_key` opens client secrets and tickets."""

    def __init__(self, queries: Queries, *, internal_api_key: str, token_key: bytes) -> None:
        self.root, self.token_key = digest(internal_api_key), token_key
        self.keys: Remembered[Key | None] = Remembered(queries.key)
        self.operators: Remembered[str | None] = Remembered(queries.operator)
        self.origins: Remembered[bool] = Remembered(queries.origin_allowed)

    async def caller(self, request: web.Request) -> Caller | None:
        """Who asks: by a ticket in the query, for browsers that can send no headers, or by the headers."""
        if request.rel_url.raw_query_string and (ticket := request.query.get("ticket")):
            claims = tokens.read(self.token_key, LIVE, ticket, now=utc_now())
            key = await self.keys.get(claims["key"]) if claims else None
            return Merchant(Role.LISTENER, **settings_of(key)) if key else None
        return await self.who(request.headers)

    async def still(self, caller: Caller, request: web.Request) -> bool:
        """Whether who was let in would be again. A ticket is for beginning only: later its key counts."""
        if caller.role is Role.LISTENER:
            return await self.keys.get(caller.key_id) is not None
        return await self.who(request.headers) is not None

    async def who(self, headers: Mapping[str, str]) -> Caller | None:
        """None where nobody says who they are or the secret is wrong."""
        if internal := headers.get("X-Internal-Api-Key"):
            return await self._operator(internal)
        key_id, secret = credentials(headers)
        key = await self.keys.get(key_id) if could_be(key_id) else None
        if key is None:
            return None
        if secret is not None and not opens(key, secret):
            self.keys.forget(key_id)  # a new secret works at once; who guesses costs a query, as who makes up ids does
            key = await self.keys.get(key_id)
            if key is None or not opens(key, secret):
                return None
        said = headers.get("X-Merchant-Id")
        if said is not None and said != key.merchant_id:
            raise Problem(Code.FORBIDDEN, "X-Merchant-Id names another merchant than the key's.")
        if secret is not None:
            return Merchant(Role.MERCHANT, **settings_of(key))
        return self._browser(key, headers.get("X-Client-Secret")) if key.publishable else None

    async def _operator(self, internal: str) -> Caller | None:
        """A named key is found by its digest; what does not look like one is not asked for."""
        given = digest(internal)
        if hmac.compare_digest(given, self.root):
            return Caller(Role.OPERATOR, ROOT, ROOT)
        name = await self.operators.get(given.hex()) if internal.startswith(OPERATOR) else None
        return Caller(Role.OPERATOR, name, f"operator:{name}") if name else None

    def _browser(self, key: Key, token: str | None) -> Caller | None:
        if token is None:
            return Shop(Role.PUBLISHABLE, **settings_of(key))
        claims = tokens.read(self.token_key, CHECKOUT, token, now=utc_now())
        if claims is None or claims["key"] != key.key_id:
            return None
        return Payer(Role.PAYER, **settings_of(key), order_id=UUID(claims["order"]))


def could_be(key_id: str) -> bool:
    """Nobody need ask for what is none. By HTTP Basic U+0000 comes, too, which PostgreSQL has no text for."""
    return 0 < len(key_id) <= KEY_CHARS_MAX and key_id.isascii() and key_id.isprintable()


def settings_of(key: Key) -> dict[str, Any]:
    return {
        "name": key.name,
        "key_id": key.key_id,
        "merchant_id": key.merchant_id,
        "currency": key.currency,
        "answer_wait_s": key.answer_wait_s,
        "derive_idempotency_key": key.derive_idempotency_key,
        "allowed_origins": key.allowed_origins,
    }


def opens(key: Key, secret: str) -> bool:
    """Both are always compared: how long it takes says nothing of which one it was."""
    given = digest(secret)
    now = hmac.compare_digest(given, key.secret_sha256 or b"")
    before = hmac.compare_digest(given, key.previous_sha256 or b"")
    return now or before


def credentials(headers: Mapping[str, str]) -> tuple[str, str | None]:
    """The key's id and its secret: in two headers, as HTTP Basic, or the id alone as a browser sends it."""
    key_id, secret = headers.get("X-Api-Key"), headers.get("X-Api-Secret")
    if key_id is not None and (secret is not None or "Authorization" not in headers):
        return key_id, secret
    return basic(headers.get("Authorization", ""))


def basic(authorization: str) -> tuple[str, str]:
    """RFC 7617. Two empty strings where there is none."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password
