"""JSON schemas of everything that routes take and give, in one go."""

from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from services.api.http.layer.problems import Code
from services.api.http.layer.routes import Hook
from services.api.http.layer.signature import PARTS, Signature

Schema = dict[str, Any]
Key = tuple[str, str]  # operation id, what of it
Schemas = dict[Key, Schema]
PREFIX = "#/components/schemas/"

COMPLAINT: Schema = {
    "type": "object",
    "required": ["in", "field", "message", "type"],
    "properties": {
        "in": {"type": "string", "enum": ["body", "query", "headers"]},
        "field": {"type": "string", "description": "the way to it: `instrument.vpa`, `items.0.amount`"},
        "message": {"type": "string", "description": "what is expected; never what was sent"},
        "type": {"type": "string", "description": "stable, for programs"},
    },
}
ERROR: Schema = {
    "type": "object",
    "description": "Every error, of every route.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "details"],
            "properties": {
                "code": {"type": "string", "enum": [code.name for code in Code], "description": "stable"},
                "message": {"type": "string", "description": "for people; may change"},
                "details": {
                    "type": "object",
                    "properties": {"errors": {"type": "array", "items": COMPLAINT, "description": "of a VALIDATION_ERROR"}},
                },
            },
        }
    },
}


def generate(signatures: list[Signature], hooks: list[Hook]) -> tuple[Schemas, Schema]:
    """→ schemas by key, components. pydantic then names a model once however often it is used, and input apart from output where they
    differ. A hook's key is its name."""
    wanted: list[tuple[Key, JsonSchemaMode, TypeAdapter[Any]]] = []
    for signature in signatures:
        name = signature.route.name
        wanted += [((name, part), "validation", TypeAdapter(model)) for part, model in signature.parts.items()]
        if signature.body not in (None, bytes):
            wanted.append(((name, "body"), "validation", TypeAdapter(signature.body)))
        if signature.value is not None:
            wanted.append(((name, "value"), "serialization", TypeAdapter(signature.value)))
    wanted += [((hook.name, "hook"), "serialization", TypeAdapter(hook.body)) for hook in hooks]
    made, rest = TypeAdapter.json_schemas(wanted, ref_template=f"{PREFIX}{{model}}")
    definitions = dict(rest.get("$defs", {}))
    schemas = {key: resolve(schema, definitions) if key[1] in PARTS else schema for (key, _), schema in made.items()}
    kept = reachable(list(schemas.values()), definitions)
    return schemas, {name: definitions[name] for name in sorted(kept)}


def resolve(schema: Schema, definitions: Schema) -> Schema:
    ref = schema.get("$ref")
    return dict(definitions[ref.rpartition("/")[2]]) if ref else schema


def reachable(roots: list[Any], definitions: Schema) -> set[str]:
    """Models of path, query and headers become parameters: as components nobody would refer to them."""
    kept: set[str] = set()
    waiting = list(roots)
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            name = str(node.get("$ref", "")).removeprefix(PREFIX)
            if name in definitions and name not in kept:
                kept.add(name)
                waiting.append(definitions[name])
            waiting += node.values()
    return kept
