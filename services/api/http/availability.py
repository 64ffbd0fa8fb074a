"""The database's absence is the merchant's 503, with a word on when to come again."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.api.http.layer import Code, Problem
from shared.storage.blame import Blame, blame


@contextmanager
def available() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if blame(error) is Blame.AWAY:
            raise Problem(Code.TEMPORARILY_UNAVAILABLE) from error
        raise
