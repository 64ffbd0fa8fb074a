"""What the outside sees of an id: a prefix that says what it is, and 22 base62 digits of the UUID: `pay_03bZ…`."""

from uuid import UUID

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
VALUE = {digit: value for value, digit in enumerate(DIGITS)}
LENGTH = 22  # 62**22 > 2**128

PAYMENT = "pay"


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
