"""What stands in many requests: short texts, currencies, times."""

import re
from datetime import MAXYEAR, MINYEAR, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from services.api.domain.money import exponent

Text64 = Annotated[str, Field(min_length=1, max_length=64)]
Upper = BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value)


def counted(currency: str) -> str:
    """The same text. Raises BadMoney for what has no minor unit."""
    exponent(currency)
    return currency


Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$"), Upper, AfterValidator(counted)]

WRITTEN = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
WRONG = "Input should be a time of RFC 3339 with its zone; in an address + is %2B"


def written(value: object) -> datetime:
    """The time itself: behind a validator of ours, a body that is read strictly takes no text for one."""
    if not isinstance(value, str) or not WRITTEN.fullmatch(value):
        raise ValueError(WRONG)
    try:
        return datetime.fromisoformat(value.upper())
    except ValueError:  # whose words quote it
        raise ValueError(WRONG) from None


def bounded(value: datetime) -> datetime:
    """In the first and the last year a time of another zone may have no UTC."""
    if value.year in (MINYEAR, MAXYEAR):
        raise ValueError("Input should be a time between the first year and the last")
    return value


# As RFC 3339 writes them. pydantic alone would take 2026 as well, for half past midnight of 1970: it reads a number as seconds.
Time = Annotated[AwareDatetime, BeforeValidator(written), AfterValidator(bounded)]
