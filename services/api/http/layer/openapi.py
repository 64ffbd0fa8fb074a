"""The OpenAPI 3.1 document, from the same declarations that serve the requests."""

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from services.api.http.layer.caller import Role
from services.api.http.layer.problems import Code
from services.api.http.layer.routes import Routes
from services.api.http.layer.signature import PARTS, Signature, fields_of, read_signature

Schema = dict[str, Any]
Key = tuple[str, str]  # operation id, what of it
Schemas = dict[Key, Schema]

ALWAYS = (Code.MALFORMED_REQUEST, Code.EXPECTATION_FAILED, Code.INTERNAL_ERROR)
GUARDED = (Code.UNAUTHENTICATED, Code.FORBIDDEN)
BODY = (Code.REQUEST_TIMEOUT, Code.PAYLOAD_TOO_LARGE)
JSON_BODY = (Code.MALFORMED_JSON, Code.JSON_TOO_DEEP, Code.UNSUPPORTED_MEDIA_TYPE, Code.VALIDATION_ERROR)
LIMITED = (Code.RATE_LIMITED, Code.OVERLOADED, Code.TEMPORARILY_UNAVAILABLE)

SECURITY: dict[Role, list[dict[str, list[str]]]] = {
    Role.PUBLIC: [{}],
    Role.MERCHANT: [{"ApiKey": [], "ApiSecret": []}, {"Basic": []}],
    Role.PUBLISHABLE: [{"ApiKey": [], "ClientSecret": []}],
    Role.OPERATOR: [{"InternalApiKey": []}],
}
SCHEMES: dict[str, Schema] = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "ApiSecret": {"type": "apiKey", "in": "header", "name": "X-Api-Secret"},
    "Basic": {"type": "http", "scheme": "basic", "description": "The API key as user name, its secret as password."},
    "ClientSecret": {"type": "apiKey", "in": "header", "name": "X-Client-Secret", "description": "Short-lived, for one order."},
    "InternalApiKey": {"type": "apiKey", "in": "header", "name": "X-Internal-Api-Key", "description": "An operator's named key."},
}
ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "details"],
            "properties": {
                "code": {"type": "string", "enum": [code.name for code in Code]},
                "message": {"type": "string"},
                "details": {"type": "object"},
            },
        }
    },
}
REQUEST_ID = {"description": "The sender's own, or one made here; it is on every answer.", "schema": {"type": "string", "maxLength": 128}}


@dataclass(frozen=True, slots=True)
class Info:
    """The document's head."""

    title: str
    version: str
    description: str = ""


def openapi(groups: Iterable[Routes], info: Info, prefixes: tuple[str, ...] = ("", "/api/v1")) -> Schema:
    """Each operation stands once; the prefixes under which all of them are served are the document's servers."""
    groups = list(groups)
    signatures = [read_signature(route) for group in groups for route in group.routes]
    schemas, definitions = generate(signatures)
    paths: dict[str, Schema] = {}
    for signature in signatures:
        route = signature.route
        paths.setdefault(route.path, {})[route.method.lower()] = operation(signature, schemas, definitions)
    used = {scheme for signature in signatures for way in security(signature) for scheme in way}
    codes = {code for signature in signatures for code in codes_of(signature)}
    return {
        "openapi": "3.1.0",
        "info": {"title": info.title, "version": info.version, "description": info.description},
        "servers": [{"url": prefix or "/"} for prefix in prefixes],
        "tags": [{"name": group.tag, "description": group.description} for group in groups],
        "paths": paths,
        "components": {
            "schemas": definitions | {"Error": ERROR},
            "headers": {"X-Request-Id": REQUEST_ID},
            "examples": {code.name: example(code) for code in Code if code in codes},
            "securitySchemes": {name: scheme for name, scheme in SCHEMES.items() if name in used},
        },
    }


def generate(signatures: list[Signature]) -> tuple[Schemas, Schema]:
    """All schemas in one go: pydantic then names a model once however often it is used, and input apart from output where they differ."""
    wanted: list[tuple[Key, JsonSchemaMode, TypeAdapter[Any]]] = []
    for signature in signatures:
        name = signature.route.name
        wanted += [((name, part), "validation", TypeAdapter(model)) for part, model in signature.parts.items()]
        if signature.body not in (None, bytes):
            wanted.append(((name, "body"), "validation", TypeAdapter(signature.body)))
        if signature.value is not None:
            wanted.append(((name, "value"), "serialization", TypeAdapter(signature.value)))
    made, rest = TypeAdapter.json_schemas(wanted, ref_template="#/components/schemas/{model}")
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
            name = str(node.get("$ref", "")).removeprefix("#/components/schemas/")
            if name in definitions and name not in kept:
                kept.add(name)
                waiting.append(definitions[name])
            waiting += node.values()
    return kept


def operation(signature: Signature, schemas: Schemas, definitions: Schema) -> Schema:
    route = signature.route
    summary, _, description = (inspect.getdoc(route.function) or "").partition("\n")
    made: Schema = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": route.declared.get("summary", summary),
        "description": description.strip(),
        "parameters": parameters(signature, schemas),
        "responses": responses(signature, schemas),
        "security": security(signature),
    }
    if signature.body is not None:
        made["requestBody"] = request_body(signature, schemas, definitions)
    return made


def security(signature: Signature) -> list[dict[str, list[str]]]:
    return [way for role in sorted(signature.route.needs) for way in SECURITY[role]]


def parameters(signature: Signature, schemas: Schemas) -> list[Schema]:
    made: list[Schema] = []
    for part, model in signature.parts.items():
        schema = schemas[signature.route.name, part]
        wires = {field.key: field.wire for field in fields_of(model, part)}
        for key, field in schema.get("properties", {}).items():
            told = {name: value for name, value in field.items() if name != "description"}
            made.append(
                {
                    "name": wires[key],
                    "in": {"headers": "header"}.get(part, part),
                    "required": key in schema.get("required", ()),
                    "description": field.get("description", ""),
                    "schema": told,
                }
            )
    return made


def request_body(signature: Signature, schemas: Schemas, definitions: Schema) -> Schema:
    if signature.body is bytes:
        return {"required": True, "content": {"*/*": {"schema": {}}}}
    schema = schemas[signature.route.name, "body"]
    examples = resolve(schema, definitions).get("examples", [])
    media: Schema = {"schema": schema}
    if examples:
        media["examples"] = {f"example_{number}": {"value": value} for number, value in enumerate(examples, 1)}
    return {"required": not signature.body_optional, "content": {"application/json": media}}


def responses(signature: Signature, schemas: Schemas) -> Schema:
    declared = signature.route.declared
    sent = {name: {"description": meaning, "schema": {"type": "string"}} for name, meaning in declared.get("sends", {}).items()}
    headers = {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}, **sent}
    made: Schema = {}
    for status in (signature.status, *declared.get("also", ())):
        made[str(status)] = {"description": HTTPStatus(status).phrase, "headers": headers}
        if signature.value is not None and status != 204:
            made[str(status)]["content"] = {"application/json": {"schema": schemas[signature.route.name, "value"]}}
    codes = codes_of(signature)
    for status in sorted({code.status for code in codes}):
        failed = failure([code for code in codes if code.status == status])
        if answered := made.get(str(status), {}).get("content"):  # readiness, say: its 503 is an answer or an error
            media = failed["content"]["application/json"]
            media["schema"] = {"anyOf": [answered["application/json"]["schema"], media["schema"]]}
        made[str(status)] = failed
    return made


def codes_of(signature: Signature) -> list[Code]:
    """What the signature implies, and what the route declares."""
    implied = [*ALWAYS, *LIMITED]
    implied += GUARDED if Role.PUBLIC not in signature.route.needs else ()
    implied += BODY if signature.body is not None else ()
    implied += JSON_BODY if signature.body not in (None, bytes) else ()
    implied += (Code.VALIDATION_ERROR,) if signature.parts.keys() & {"query", "headers"} else ()
    implied += (Code.NOT_FOUND,) if "path" in signature.parts else ()
    said = {*implied, *signature.route.declared.get("errors", ())}
    return [code for code in Code if code in said]


def failure(codes: list[Code]) -> Schema:
    content = {
        "schema": {"$ref": "#/components/schemas/Error"},
        "examples": {code.name: {"$ref": f"#/components/examples/{code.name}"} for code in codes},
    }
    headers: Schema = {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}}
    headers |= {name: {"schema": {"type": "string"}} for code in codes for name in code.headers}
    return {"description": ", ".join(code.name for code in codes), "headers": headers, "content": {"application/json": content}}


def example(code: Code) -> Schema:
    return {"summary": code.message, "value": {"error": {"code": code.name, "message": code.message, "details": {}}}}
