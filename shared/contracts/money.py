"""Money is an integer number of minor units and an ISO 4217 code. Never a float."""

from typing import Annotated

from pydantic import Field

from shared.contracts.base import Frozen

AMOUNT_MAX = 2**53 - 1  # the largest integer that every JSON reader keeps exact


class Money(Frozen):
    amount_minor: Annotated[int, Field(ge=0, le=AMOUNT_MAX)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency}"
