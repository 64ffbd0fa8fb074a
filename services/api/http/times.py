"""Times as RFC 3339 writes them. pydantic alone would take 2026 as well, for half past midnight of 1970: it reads a number as seconds."""

import re
from datetime import MAXYEAR, MINYEAR, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

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


Time = Annotated[AwareDatetime, BeforeValidator(written), AfterValidator(bounded)]
