"""What the mesh may know of a payment instrument: an opaque blob for the executor, and hints that name nobody."""

from typing import Literal

from shared.contracts.base import Frozen

Method = Literal["UPI", "CARD", "NETBANKING", "WALLET", "PAYMENT_LINK"]


class SealedInstrument(Frozen):
    """`wrapped_key` is an HPKE ciphertext that only the executor's key opens; what is in it opens `ciphertext`, and only under the same
    merchant, key id and nonce. All in base64."""

    key_id: str
    wrapped_key: str
    nonce: str
    ciphertext: str


class Hints(Frozen):
    """For routing and display. `fingerprint` is a keyed HMAC of the number or VPA: equal instruments, equal fingerprints."""

    bank: str | None = None
    network: str | None = None
    masked: str | None = None
    fingerprint: str | None = None
