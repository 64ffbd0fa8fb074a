"""Endpoint secrets at rest: AES-256-GCM, bound to the endpoint's id. Opened ones are kept in memory for as long as the row is the same."""

import base64
import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.notifier.domain.signature import key_of

OPENED_MAX = 10_000


class Secrets:
    def __init__(self, key: str) -> None:
        """`key`: base64 of 32 bytes. Raises ValueError for anything else."""
        self.cipher = AESGCM(base64.b64decode(key, validate=True))
        self.opened: dict[tuple[str, str], bytes] = {}

    def seal(self, endpoint_id: str, secret: str) -> str:
        key_of(secret)  # a secret nobody could sign with is refused here, not at its first delivery
        nonce = os.urandom(12)
        return base64.b64encode(nonce + self.cipher.encrypt(nonce, secret.encode(), endpoint_id.encode())).decode()

    def signing_key(self, endpoint_id: str, sealed: str) -> bytes:
        found = self.opened.get((endpoint_id, sealed))
        if found is None:
            if len(self.opened) >= OPENED_MAX:
                self.opened.clear()
            raw = base64.b64decode(sealed)
            found = key_of(self.cipher.decrypt(raw[:12], raw[12:], endpoint_id.encode()).decode())
            self.opened[endpoint_id, sealed] = found
        return found
