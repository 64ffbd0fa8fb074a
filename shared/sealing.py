"""Instruments are sealed where they are seen, to a key that only the executor holds.

HPKE base mode, X25519, HKDF-SHA256, AES-128-GCM (RFC 9180).
`info` binds a blob to its merchant, key id and nonce, so that it opens in no other place.
`python -m shared.sealing generate --public FILE --private FILE` makes a key pair; a file holds the newest key first.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from shared.clock import new_id
from shared.contracts import SealedInstrument

SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)


class CannotOpen(Exception):
    """The blob is not for us: another key, merchant or nonce, or it was changed."""


class Sealer:
    """The edge's half: public keys only."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        """`keys`: key id → base64 raw X25519 public key, the newest first."""
        self.key_id, key = next(iter(keys.items()))
        self.public_key = X25519PublicKey.from_public_bytes(base64.b64decode(key))

    def seal(self, merchant_id: str, instrument: Mapping[str, Any]) -> SealedInstrument:
        nonce = base64.b64encode(os.urandom(12)).decode()
        clear = json.dumps(instrument, separators=(",", ":")).encode()
        sealed = SUITE.encrypt(clear, self.public_key, _info(merchant_id, self.key_id, nonce))
        return SealedInstrument(key_id=self.key_id, nonce=nonce, ciphertext=base64.b64encode(sealed).decode())


class Opener:
    """The executor's half: private keys, as many as are still alive."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self.private_keys = {key_id: X25519PrivateKey.from_private_bytes(base64.b64decode(key)) for key_id, key in keys.items()}

    def open(self, merchant_id: str, sealed: SealedInstrument) -> dict[str, Any]:
        """Raises CannotOpen."""
        key = self.private_keys.get(sealed.key_id)
        if key is None:
            raise CannotOpen(f"sealing key {sealed.key_id} is not here any more")
        try:
            clear = SUITE.decrypt(base64.b64decode(sealed.ciphertext), key, _info(merchant_id, sealed.key_id, sealed.nonce))
        except (InvalidTag, ValueError) as error:
            raise CannotOpen("the sealed instrument was made for another merchant, or was changed") from error
        opened: dict[str, Any] = json.loads(clear)
        return opened


def fingerprint(key: bytes, number: str) -> str:
    """Equal numbers, equal fingerprints, and no way back without the key: HMAC-SHA256, 128 bits in hex."""
    return hmac.new(key, number.lower().encode(), hashlib.sha256).hexdigest()[:32]


def load_keys(path: Path) -> dict[str, str]:
    keys: dict[str, str] = json.loads(path.read_text())
    return keys


def generate(public: Path, private: Path) -> str:
    """Make a key pair unless there is one; returns the current key id."""
    if public.exists() and private.exists():
        return next(iter(load_keys(public)))
    key, key_id = X25519PrivateKey.generate(), str(new_id())
    _write(private, {key_id: base64.b64encode(key.private_bytes_raw()).decode()}, mode=0o600)
    _write(public, {key_id: base64.b64encode(key.public_key().public_bytes_raw()).decode()}, mode=0o644)
    return key_id


def _write(path: Path, keys: Mapping[str, str], *, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as file:
        json.dump(keys, file)


def _info(merchant_id: str, key_id: str, nonce: str) -> bytes:
    return json.dumps([merchant_id, key_id, nonce]).encode()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m shared.sealing", description="Keys that seal payment instruments to the executor.")
    parser.add_argument("action", choices=["generate"])
    parser.add_argument("--public", type=Path, required=True)
    parser.add_argument("--private", type=Path, required=True)
    given = parser.parse_args(arguments)
    sys.stdout.write(f"sealing key {generate(given.public, given.private)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
