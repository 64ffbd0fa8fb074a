"""pydantic's errors as `details.errors`, in words that never quote what was sent: it may be a card number."""

import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails, core_schema

from services.api.http.layer.problems import Code, Problem

SHOWN = 20  # errors; a body of 64 KiB can hold tens of thousands
QUOTABLE = 3  # characters; a CVV has three
SHORT = 6  # below it a value counts as quoted only as a word of its own
WORDS = re.compile(r"\w+")
NONE: frozenset[str] = frozenset()
OWN = frozenset(get_args(core_schema.ErrorType)) - {"value_error", "assertion_error"}  # pydantic's words; the rest are ours
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
LONG_NUMBER = re.compile(r"\d{9}")


def invalid(part: str, error: ValidationError, sent: Any, known: frozenset[str] = NONE) -> Problem:
    """`part` is body, query or headers; `sent` is what was judged, and is only walked, never shown; `known` as from `vocabulary`."""
    found = error.errors(include_url=False)
    told = [
        {"in": part, "field": field(one["loc"], sent, one["type"]), "message": message(one, known), "type": one["type"]}
        for one in found[:SHOWN]
    ]
    return Problem(Code.VALIDATION_ERROR, details={"errors": told} | ({"more": len(found) - SHOWN} if len(found) > SHOWN else {}))


def refused(part: str, name: str, text: str, kind: str) -> Problem:
    """A complaint of the layer's own about one field."""
    return Problem(Code.VALIDATION_ERROR, details={"errors": [{"in": part, "field": safe(name), "message": text, "type": kind}]})


def field(location: tuple[int | str, ...], sent: Any, kind: str) -> str:
    """`instrument.vpa`, `items.0.amount`: the way through what was sent. Tags and type names that pydantic puts between are left out."""
    names, here = [], sent
    for depth, step in enumerate(location, 1):
        if isinstance(here, dict) and (step in here or (kind == "missing" and depth == len(location))):
            names.append(safe(str(step)))
            here = here.get(step)
        elif isinstance(here, list | tuple) and isinstance(step, int) and step < len(here):
            names.append(str(step))
            here = here[step]
    return ".".join(names)


def safe(name: str) -> str:
    """Names come from the sender too."""
    return name if NAME.fullmatch(name) and not LONG_NUMBER.search(name) else "*"


def message(error: ErrorDetails, known: frozenset[str]) -> str:
    kind, text, context = error["type"], error["msg"], error.get("ctx", {})
    if kind == "union_tag_invalid":  # pydantic's own text quotes the tag
        return f"Input should have {context['discriminator']} set to one of {context['expected_tags']}"
    if kind in OWN:
        return text.partition(",")[0] if "error" in context else text  # after the comma a parser quotes characters
    text = text.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return "Input is not valid" if quotes(text, error["input"], known) else text


def quotes(text: str, sent: Any, known: frozenset[str]) -> bool:
    """Whether a validator's own words hold a value of its input, however spaced or cased, that the model does not itself name."""
    plain, words = squeezed(text), set(WORDS.findall(text.casefold()))
    for value in map(squeezed, scalars(sent)):
        if len(value) >= QUOTABLE and value not in known and (value in words or (len(value) >= SHORT and value in plain)):
            return True
    return False


def vocabulary(schema: Any) -> frozenset[str]:
    """The values that a JSON schema itself lists (UPI, CARD …): to say one of them gives nothing away."""
    if isinstance(schema, list):
        return NONE.union(*map(vocabulary, schema))
    if not isinstance(schema, dict):
        return NONE
    listed = {squeezed(value) for value in [schema.get("const"), *schema.get("enum", ())] if value is not None}
    return NONE.union(listed, *map(vocabulary, schema.values()))


def squeezed(value: Any) -> str:
    return "".join(character for character in str(value).casefold() if character.isalnum())


def scalars(sent: Any) -> Iterator[Any]:
    if isinstance(sent, dict):
        for value in sent.values():
            yield from scalars(value)
    elif isinstance(sent, list | tuple):
        for value in sent:
            yield from scalars(value)
    elif sent is not None and not isinstance(sent, bool):
        yield sent
