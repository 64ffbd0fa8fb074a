"""Ids: how one follows from another, and what the outside sees of one: `pay_` and 22 base62 digits of the UUID."""

from hashlib import blake2b
from uuid import UUID

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
VALUE = {digit: value for value, digit in enumerate(DIGITS)}
LENGTH = 22  # 62**22 > 2**128

PAYMENT = "pay"
ORDER = "ord"
SUBSCRIPTION = "sub"
REFUND = "rfnd"
OPERATIONS = {"capture": "cap", "refund": REFUND, "void": "void", "reversal": "rev"}  # kind of operation → prefix


def derived(cause: UUID, name: str) -> UUID:
    """The id of what follows from `cause` under `name`: the same whenever it is asked for. A UUIDv8 (RFC 9562).

    It keeps the cause's first 48 bits, which in a UUIDv7 are its time, so that ids derived one after the other lie side by side in
    an index, as random ones (UUIDv5) would not. The rest is a hash of both.
    """
    digest = blake2b(cause.bytes + name.encode(), digest_size=10).digest()
    number = int.from_bytes(cause.bytes[:6] + digest, "big")
    return UUID(int=number & ~(0xF000 << 64 | 0xC000 << 48) | 0x8000 << 64 | 0x8000 << 48)


def public(prefix: str, uuid: UUID) -> str:
    number, digits = uuid.int, []
    for _ in range(LENGTH):
        number, digit = divmod(number, 62)
        digits.append(DIGITS[digit])
    return f"{prefix}_{''.join(reversed(digits))}"


def private(prefix: str, text: str) -> UUID:
    """Raises ValueError for anything `public` did not make."""
    head, _, digits = text.rpartition("_")
    if head != prefix or len(digits) != LENGTH:
        raise ValueError(f"not an id of the form {prefix}_…")
    number = 0
    for digit in digits:
        if digit not in VALUE:
            raise ValueError(f"not an id of the form {prefix}_…")
        number = number * 62 + VALUE[digit]
    if number >= 1 << 128:
        raise ValueError(f"not an id of the form {prefix}_…")
    return UUID(int=number)
