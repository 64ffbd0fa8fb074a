"""What the mesh may know of a payment instrument: an opaque blob for the executor, and hints that name nobody."""

from typing import Literal

from shared.contracts.base import Frozen

Method = Literal["UPI", "CARD", "NETBANKING", "WALLET", "PAYMENT_LINK"]


class SealedInstrument(Frozen):
    """HPKE ciphertext (base64). It opens only with the executor's key and only under the same merchant, key id and nonce."""

    key_id: str
    nonce: str
    ciphertext: str


class Hints(Frozen):
    """For routing and display. `fingerprint` is a keyed HMAC of the number or VPA: equal instruments, equal fingerprints."""

    bank: str | None = None
    network: str | None = None
    masked: str | None = None
    fingerprint: str | None = None
