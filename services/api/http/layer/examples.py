"""An example of everything: what a model gives of its own, and around it the plainest value that fits its schema."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]
NONE = object()  # nothing fits that we could think of: a pattern, say
FORMATS = {"date-time": "2026-01-05T09:30:00Z", "date": "2026-01-05", "uuid": "019b8d5e-6c40-7a1b-8f00-0242ac120002"}
TEXT = "text"
KINDS: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "array": list,
}


@dataclass(frozen=True, slots=True)
class Examples:
    """`definitions` are the models that schemas may refer to; `samples` values by the name of a field, taken where they fit.

    `sent`: of a request, where what has a default is better left out.
    """

    definitions: Schema
    samples: Mapping[str, Any]
    sent: bool = False

    def of(self, schema: Schema, name: str = "", inside: tuple[str, ...] = ()) -> Any:
        """A value that fits `schema`, or NONE. `name` is the field's, `inside` the models that it is within."""
        if reference := schema.get("$ref"):
            model = str(reference).rpartition("/")[2]
            return NONE if model in inside else self.of(self.definitions[model], name, (*inside, model))
        if given := schema.get("examples"):
            return given[0]
        if "const" in schema:
            return schema["const"]
        if fits(sample := self.samples.get(name, NONE), schema):
            return sample
        if "default" in schema:
            return schema["default"]
        if listed := schema.get("enum"):
            return listed[0]
        if ways := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
            found = (self.of(way, name, inside) for way in ways if way.get("type") != "null")
            return next((value for value in found if value is not NONE), None if {"type": "null"} in ways else NONE)
        match schema.get("type"):
            case "object":
                return self.object(schema, inside)
            case "array":
                return self.array(schema, name, inside)
            case "string":
                return text_of(schema)
            case "integer" | "number":
                return number_of(schema)
            case "boolean":
                return True
        return None if schema.get("type") == "null" else {}

    def object(self, schema: Schema, inside: tuple[str, ...]) -> Any:
        """What may be left out is, where nothing is known that fits."""
        made: Schema = {}
        for name, field in schema.get("properties", {}).items():
            needed = name in schema.get("required", ())
            if self.sent and not needed and "examples" not in field and not fits(self.samples.get(name, NONE), field):
                continue
            value = self.of(field, name, inside)
            if value is not NONE:
                made[name] = value
            elif needed:
                return NONE
        return made

    def array(self, schema: Schema, name: str, inside: tuple[str, ...]) -> Any:
        one_by_one = schema.get("prefixItems", ())
        items = [self.of(item, name, inside) for item in one_by_one or [schema.get("items", {})]]
        if NONE not in items:
            return items if one_by_one else items * max(schema.get("minItems", 1), 1)
        return NONE if one_by_one or schema.get("minItems") else []


def fits(sample: Any, schema: Schema) -> bool:
    """Type, list, pattern and length; a sample is a plain value, so there is no more to it."""
    if ways := schema.get("anyOf"):
        return any(fits(sample, way) for way in ways)
    kind = KINDS.get(schema.get("type", ""))
    if sample is NONE or kind is None or not isinstance(sample, kind) or isinstance(sample, bool) != (kind is bool):
        return False
    if "format" in schema or ("enum" in schema and sample not in schema["enum"]):
        return False
    if isinstance(sample, str):
        return bool(re.search(schema.get("pattern", ""), sample)) and len(sample) <= schema.get("maxLength", len(sample))
    return not isinstance(sample, int) or schema.get("minimum", sample) <= sample <= schema.get("maximum", sample)


def text_of(schema: Schema) -> Any:
    if "pattern" in schema:
        return NONE
    text = FORMATS.get(schema.get("format", ""), TEXT)
    return text if schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text)) else NONE


def number_of(schema: Schema) -> Any:
    low = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
    return low if low <= schema.get("maximum", schema.get("exclusiveMaximum", low + 1)) else NONE
