"""Short-lived proofs that a browser may hold: signed claims that any replica can read, and that nobody has to store.

    <base64url of the claims as JSON> . <base64url of HMAC-SHA256(key, purpose ‖ "." ‖ the first part)>

A proof for one purpose is none for another, and it says itself when it ends. It cannot be taken back sooner: keep it to minutes.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime

TOKEN_CHARS_MAX = 2048


def key_of(fingerprint_key: bytes) -> bytes:
    """A key of its own, so that nothing signed here says anything of fingerprints."""
    return hmac.new(fingerprint_key, b"tokens", hashlib.sha256).digest()


def mint(key: bytes, purpose: str, claims: Mapping[str, str], *, expires_at: datetime) -> str:
    """`claims` may not name `exp`, which is when it ends, in whole seconds since 1970."""
    if "exp" in claims:
        raise ValueError("exp is the token's own")
    body = json.dumps({**claims, "exp": str(int(expires_at.timestamp()))}, sort_keys=True, separators=(",", ":"))
    head = _text(body.encode())
    return f"{head}.{_text(_seal(key, purpose, head))}"


def read(key: bytes, purpose: str, token: str, *, now: datetime) -> dict[str, str] | None:
    """The claims, without `exp`. None for one that is not ours, for another purpose, or over."""
    head, dot, seal = token.partition(".")
    if len(token) > TOKEN_CHARS_MAX or not dot or not token.isascii():
        return None
    try:
        if not hmac.compare_digest(_bytes(seal), _seal(key, purpose, head)):
            return None
    except (binascii.Error, ValueError):
        return None
    claims: dict[str, str] = json.loads(_bytes(head))  # ours, since the seal holds
    ends = int(claims.pop("exp"))
    return claims if now.timestamp() < ends else None


def _seal(key: bytes, purpose: str, head: str) -> bytes:
    return hmac.new(key, f"{purpose}.{head}".encode(), hashlib.sha256).digest()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
