"""A secret on its way to the one who asked for it: closed to a key made for that answer alone, so that no broker sees it in between.

HPKE in base mode, as instruments are sealed (`shared/sealing.py`).
"""

import base64

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from shared.sealing import SUITE

ABOUT = b"letter"


class Letterbox:
    """Made for one question, with which `address` goes: base64 of a raw X25519 public key."""

    def __init__(self) -> None:
        self.private_key = X25519PrivateKey.generate()
        self.address = base64.b64encode(self.private_key.public_key().public_bytes_raw()).decode()

    def open(self, letter: str) -> str:
        """Raises ValueError for a letter to another address."""
        try:
            return SUITE.decrypt(base64.b64decode(letter, validate=True), self.private_key, ABOUT).decode()
        except InvalidTag as error:
            raise ValueError("this letter is for somebody else") from error


def letter(address: str, secret: str) -> str:
    """Base64. Raises ValueError for an address that is none."""
    key = X25519PublicKey.from_public_bytes(base64.b64decode(address, validate=True))
    return base64.b64encode(SUITE.encrypt(secret.encode(), key, ABOUT)).decode()
