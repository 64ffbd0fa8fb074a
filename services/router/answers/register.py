"""The register of the router's answers, and what they share."""

from collections.abc import Callable
from typing import NoReturn, TypeVar

from pydantic import ValidationError

from shared.messaging.answers import Answers, Refused

View = TypeVar("View")

answers = Answers("router")


def missing(what: str, name: object) -> NoReturn:
    raise Refused("NOT_FOUND", f"There is no {what} {name}.")


def wrong(message: str) -> NoReturn:
    raise Refused("VALIDATION_ERROR", message)


def valid(make: Callable[[], View]) -> View:
    """What `make` returns; a complaint where pydantic finds it wrong. The value is not quoted."""
    try:
        return make()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        wrong(f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
