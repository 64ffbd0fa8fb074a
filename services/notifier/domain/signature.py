"""Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA256 of `id.timestamp.body`, over the exact bytes that are sent."""

import base64
import hmac

PREFIX = "whsec_"


def key_of(secret: str) -> bytes:
    """The key inside `whsec_<base64>`. Raises ValueError for anything else."""
    if not secret.startswith(PREFIX):
        raise ValueError(f"a webhook secret starts with {PREFIX}")
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)


def sign(key: bytes, *, webhook_id: str, timestamp_s: int, body: bytes) -> str:
    """The `webhook-signature` header: `v1,<base64>`."""
    signed = b".".join((webhook_id.encode(), str(timestamp_s).encode(), body))
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def hex_signature(key: bytes, body: bytes) -> str:
    """The older `X-Webhook-Signature`: hex HMAC-SHA256 of the body alone."""
    return hmac.digest(key, body, "sha256").hex()
