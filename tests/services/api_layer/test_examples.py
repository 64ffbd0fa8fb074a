"""Examples that are made fit the schema they are made from; where none is known to fit, none is given."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from services.api.http.layer.examples import NONE, Examples, fits

NODE = {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#/components/schemas/Node"}}}
DEFINITIONS: dict[str, Any] = {
    "Money": {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "integer"}, "note": {"type": "string"}}},
    "Given": {"type": "object", "examples": [{"a": 1}]},
    "Node": NODE,
}
SAMPLES = {"amount": 500, "gateway": "alpha", "status": "succeeded"}


def made(schema: dict[str, Any], *, sent: bool = False, name: str = "") -> Any:
    return Examples(DEFINITIONS, SAMPLES, sent).of(schema, name)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "examples": ["mine"]}, "mine"),
        ({"$ref": "#/components/schemas/Given"}, {"a": 1}),
        ({"$ref": "#/components/schemas/Money"}, {"amount": 500, "note": "text"}),
        ({"const": "UPI"}, "UPI"),
        ({"enum": ["open", "closed"], "type": "string"}, "open"),
        ({"anyOf": [{"type": "null"}, {"type": "integer", "minimum": 3}]}, 3),
        ({"anyOf": [{"type": "string", "pattern": "^x$"}, {"type": "null"}]}, None),
        ({"type": "integer", "exclusiveMinimum": 0}, 1),
        ({"type": "integer", "minimum": 5, "maximum": 4}, NONE),
        ({"type": "string", "pattern": "^x$"}, NONE),
        ({"type": "string", "maxLength": 2}, NONE),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [True, True]),
        ({"type": "array", "items": {"type": "string", "pattern": "^x$"}}, []),
        ({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "null"}]}, [0, None]),
        ({"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "pattern": "^x$"}}}, NONE),
        ({"type": "object", "properties": {"a": {"type": "string", "pattern": "^x$"}}}, {}),
        (NODE, NONE),
    ],
)
def test_what_is_made(schema: dict[str, Any], value: Any) -> None:
    assert made(schema) == value or (value is NONE and made(schema) is NONE)


def test_a_request_leaves_out_what_it_may_unless_something_is_known_of_it() -> None:
    fields = {"amount": {"type": "integer"}, "kind": {"type": "string", "default": "a"}, "note": {"type": "string", "examples": ["why"]}}
    schema = {"type": "object", "properties": fields}
    assert made(schema, sent=True) == {"amount": 500, "note": "why"}
    assert made(schema) == {"amount": 500, "kind": "a", "note": "why"}


@pytest.mark.parametrize(
    ("sample", "schema", "fit"),
    [
        ("alpha", {"type": "string"}, True),
        ("alpha", {"type": "integer"}, False),
        (True, {"type": "integer"}, False),
        ("alpha", {"type": "string", "enum": ["beta"]}, False),
        ("alpha", {"type": "string", "format": "uuid"}, False),
        ("alpha", {"type": "string", "pattern": "^[0-9]+$"}, False),
        ("alpha", {"type": "string", "maxLength": 4}, False),
        (500, {"type": "integer", "maximum": 100}, False),
        (500, {"anyOf": [{"type": "integer"}, {"type": "null"}]}, True),
        ({"a": 1}, {"$ref": "#/components/schemas/Money"}, False),
    ],
)
def test_a_sample_is_taken_where_it_fits(sample: Any, schema: dict[str, Any], *, fit: bool) -> None:
    assert fits(sample, schema) is fit


LEAVES = st.one_of(
    st.builds(lambda low, more: {"type": "integer", "minimum": low, "maximum": low + more}, st.integers(-9, 9), st.integers(0, 9)),
    st.builds(lambda most: {"type": "string", "maxLength": most}, st.integers(0, 9)),
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": "string", "enum": ["a"]}, {"type": "string", "pattern": "^x+$"}]),
    st.just({"$ref": "#/components/schemas/Money"}),
)
NAMES = st.sampled_from(["amount", "gateway", "status", "other"])


def grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    fields = st.dictionaries(NAMES, inner, max_size=3)
    return st.one_of(
        st.builds(lambda items, least: {"type": "array", "items": items, "minItems": least}, inner, st.integers(0, 2)),
        st.builds(lambda ways: {"anyOf": ways}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(
            lambda all_of, needed: {"type": "object", "properties": all_of, "required": list(all_of)[:needed]}, fields, st.integers(0, 3)
        ),
    )


@given(st.recursive(LEAVES, grown, max_leaves=12), st.booleans())
def test_whatever_is_made_fits(schema: dict[str, Any], sent: bool) -> None:
    value = made(schema, sent=sent)
    assert value is NONE or Draft202012Validator({**schema, "components": {"schemas": DEFINITIONS}}).is_valid(value)
