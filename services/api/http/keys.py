"""Who calls: an API key with its secret, in two headers or as HTTP Basic, or an operator's key."""

import asyncio
import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from services.api.http.availability import available
from services.api.http.layer import Caller, Code, Problem, Role
from services.api.queries import Key, Queries
from shared.clock import monotonic_s

REMEMBERED_S = 1.0  # a revoked key works at most this long on any replica
REMEMBERED_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Merchant(Caller):
    """The caller of a merchant's route, with the settings that its requests follow."""

    currency: str = "INR"
    answer_wait_s: int = 0
    derive_idempotency_key: bool = False


class Keys:
    def __init__(self, queries: Queries, *, internal_api_key: str) -> None:
        self.queries = queries
        self.internal = digest(internal_api_key)
        self.remembered: dict[str, tuple[float, asyncio.Future[Key | None]]] = {}

    async def who(self, headers: Mapping[str, str]) -> Caller | None:
        """None where nobody says who they are or the secret is wrong."""
        if internal := headers.get("X-Internal-Api-Key"):
            same = hmac.compare_digest(digest(internal), self.internal)
            return Caller(Role.OPERATOR, "operator", "internal") if same else None
        key_id, secret = headers.get("X-Api-Key"), headers.get("X-Api-Secret")
        if key_id is None or secret is None:
            key_id, secret = basic(headers.get("Authorization", ""))
        key = await self._key(key_id) if key_id and len(key_id) <= 128 else None
        if key is None or not hmac.compare_digest(digest(secret), key.secret_sha256):
            return None
        said = headers.get("X-Merchant-Id")
        if said is not None and said != key.merchant_id:
            raise Problem(Code.FORBIDDEN, "X-Merchant-Id names another merchant than the key's.")
        return Merchant(Role.MERCHANT, key.name, key.key_id, key.merchant_id, key.currency, key.answer_wait_s, key.derive_idempotency_key)

    async def _key(self, key_id: str) -> Key | None:
        """One query a second and key, however many requests ask: those that come while it runs wait for its answer."""
        now, found = monotonic_s(), self.remembered.get(key_id)
        if found is None or now - found[0] >= REMEMBERED_S:
            if len(self.remembered) >= REMEMBERED_MAX:
                self.remembered.clear()
            found = now, asyncio.ensure_future(self.queries.key(key_id))
            self.remembered[key_id] = found
        with available():
            try:
                return await asyncio.shield(found[1])
            except Exception:
                self.remembered.pop(key_id, None)  # the next request asks anew
                raise


def digest(secret: str) -> bytes:
    """A header that is not UTF-8 reaches us with surrogates; it is no key of ours, and no error either."""
    return hashlib.sha256(secret.encode(errors="surrogateescape")).digest()


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
