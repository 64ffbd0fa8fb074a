"""Money is an integer number of minor units and an ISO 4217 code. Never a float."""

from bisect import bisect_right
from typing import Annotated

from pydantic import Field

from shared.contracts.base import Frozen

AMOUNT_MAX = 2**53 - 1  # the largest integer that every JSON reader keeps exact


class Money(Frozen):
    amount_minor: Annotated[int, Field(ge=0, le=AMOUNT_MAX)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency}"


BELOW_MINOR = (50_000, 200_000, 1_000_000)
BUCKETS = (*(f"<{below}" for below in BELOW_MINOR), f">={BELOW_MINOR[-1]}")


def amount_bucket(amount_minor: int) -> str:
    """The band of amounts that statistics keep apart; minor units, whatever the currency."""
    return BUCKETS[bisect_right(BELOW_MINOR, amount_minor)]
