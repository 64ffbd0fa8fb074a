"""Instruments are sealed where they are seen, to a key that only the executor holds.

Envelope encryption: each edge process makes a data key a minute, wraps it with HPKE (base mode, X25519, HKDF-SHA256, AES-128-GCM,
RFC 9180) to the executor's public key, and seals instruments with AES-256-GCM under it. A public-key operation costs 130 µs on both sides
together, AES 3 µs.
Associated data bind a blob to its merchant and key id, so that it opens in no other place.
`python -m shared.sealing generate --public FILE --private FILE` makes a key pair; a file holds the newest key first.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import sys
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from shared.clock import monotonic_s, new_id
from shared.contracts import SealedInstrument

DATA_KEY_LIFE_S = 60.0
DATA_KEY_USES_MAX = 1_000_000  # far below what random 96-bit nonces bear: 2**32 (NIST SP 800-38D, 8.3)
UNWRAPPED_MAX = 256  # data keys of that many edge processes and minutes
SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)


class CannotOpen(Exception):
    """The blob is not for us: another key, merchant or nonce, or it was changed."""


class Sealer:
    """The edge's half: public keys only, and a data key of its own that it forgets after a minute."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        """`keys`: key id → base64 raw X25519 public key, the newest first."""
        self.key_id, key = next(iter(keys.items()))
        self.public_key = X25519PublicKey.from_public_bytes(base64.b64decode(key))
        self.forget_at, self.sealed = 0.0, 0

    def seal(self, merchant_id: str, instrument: Mapping[str, Any]) -> SealedInstrument:
        if monotonic_s() >= self.forget_at or self.sealed >= DATA_KEY_USES_MAX:
            self._new_data_key()
        self.sealed += 1
        nonce = os.urandom(12)
        clear = json.dumps(instrument, separators=(",", ":")).encode()
        sealed = self.cipher.encrypt(nonce, clear, _bound_to(merchant_id, self.key_id))
        return SealedInstrument(key_id=self.key_id, wrapped_key=self.wrapped, nonce=_text(nonce), ciphertext=_text(sealed))

    def _new_data_key(self) -> None:
        data_key = AESGCM.generate_key(256)
        self.cipher = AESGCM(data_key)
        self.wrapped = _text(SUITE.encrypt(data_key, self.public_key, self.key_id.encode()))
        self.forget_at, self.sealed = monotonic_s() + DATA_KEY_LIFE_S, 0


class Opener:
    """The executor's half: private keys, as many as are still alive."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self.private_keys = {key_id: X25519PrivateKey.from_private_bytes(base64.b64decode(key)) for key_id, key in keys.items()}
        self.ciphers: OrderedDict[tuple[str, str], AESGCM] = OrderedDict()

    def open(self, merchant_id: str, sealed: SealedInstrument) -> dict[str, Any]:
        """Raises CannotOpen."""
        try:
            cipher = self._cipher(sealed.key_id, sealed.wrapped_key)
            clear = cipher.decrypt(
                base64.b64decode(sealed.nonce), base64.b64decode(sealed.ciphertext), _bound_to(merchant_id, sealed.key_id)
            )
        except (InvalidTag, ValueError) as error:
            raise CannotOpen("the sealed instrument was made for another merchant, or was changed") from error
        opened: dict[str, Any] = json.loads(clear)
        return opened

    def _cipher(self, key_id: str, wrapped: str) -> AESGCM:
        """A data key is unwrapped once for all that was sealed with it."""
        found = self.ciphers.get((key_id, wrapped))
        if found is None:
            key = self.private_keys.get(key_id)
            if key is None:
                raise CannotOpen(f"sealing key {key_id} is not here any more")
            found = AESGCM(SUITE.decrypt(base64.b64decode(wrapped), key, key_id.encode()))
            self.ciphers[key_id, wrapped] = found
            if len(self.ciphers) > UNWRAPPED_MAX:
                self.ciphers.popitem(last=False)
        return found


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


def _bound_to(merchant_id: str, key_id: str) -> bytes:
    """Associated data: the nonce is bound by the cipher itself."""
    return json.dumps([merchant_id, key_id]).encode()


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


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
