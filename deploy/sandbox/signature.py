"""Standard Webhooks verification, as a merchant does it: HMAC-SHA256 over `id.timestamp.body`, five minutes of tolerance."""

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping

TOLERANCE_S = 300


class InvalidSignature(Exception):
    """The message is not from whom it claims, or not from now."""


class InvalidSecret(ValueError):
    """Not a `whsec_` secret: base64 of at least one byte."""


def key_of(secret: str) -> bytes:
    """The raw key of `whsec_<base64>`, with or without prefix and padding. Raises InvalidSecret."""
    text = secret.removeprefix("whsec_")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidSecret("a webhook secret is whsec_ and base64") from error
    if not key:
        raise InvalidSecret("a webhook secret may not be empty")
    return key


def verify(keys: Iterable[bytes], headers: Mapping[str, str], body: bytes, now_s: float) -> str:
    """The webhook's id, if any of the keys made any of the signatures. `headers` finds names in any case. Raises InvalidSignature."""
    webhook_id, timestamp = headers.get("webhook-id"), headers.get("webhook-timestamp")
    signatures = headers.get("webhook-signature")
    if not webhook_id or not timestamp or not signatures:
        raise InvalidSignature("webhook-id, webhook-timestamp and webhook-signature are needed")
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 15 and abs(now_s - int(timestamp)) <= TOLERANCE_S):
        raise InvalidSignature("webhook-timestamp is not within five minutes of now")
    given = [signature.encode() for version, _, signature in (one.partition(",") for one in signatures.split(" ")) if version == "v1"]
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    for key in keys:
        expected = base64.b64encode(hmac.digest(key, signed, "sha256"))
        if any(hmac.compare_digest(expected, one) for one in given):
            return webhook_id
    raise InvalidSignature("no signature is ours")
