"""The OpenAPI 3.1 document, from the same declarations that serve the requests."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.api.http.layer.caller import Role
from services.api.http.layer.examples import NONE
from services.api.http.layer.problems import Code
from services.api.http.layer.responses import HEADERS, Told, check_leads, codes_of, example, responses
from services.api.http.layer.routes import Hook, Routes
from services.api.http.layer.schemas import ERROR, Schema, generate
from services.api.http.layer.signature import Signature, fields_of, read_signature

SECURITY: dict[Role, list[dict[str, list[str]]]] = {
    Role.PUBLIC: [{}],
    Role.MERCHANT: [{"ApiKey": [], "ApiSecret": []}, {"Basic": []}],
    Role.PUBLISHABLE: [{"ApiKey": []}],
    Role.LISTENER: [{"Ticket": []}],
    Role.PAYER: [{"ApiKey": [], "ClientSecret": []}],
    Role.OPERATOR: [{"InternalApiKey": []}],
}
SCHEMES: dict[str, Schema] = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "A merchant's key; not secret by itself."},
    "ApiSecret": {"type": "apiKey", "in": "header", "name": "X-Api-Secret", "description": "The key's secret, for servers only."},
    "Basic": {"type": "http", "scheme": "basic", "description": "The API key as user name, its secret as password."},
    "ClientSecret": {"type": "apiKey", "in": "header", "name": "X-Client-Secret", "description": "Short-lived, for one order."},
    "Ticket": {"type": "apiKey", "in": "query", "name": "ticket", "description": "Of `POST /events/tickets`, for a minute."},
    "InternalApiKey": {"type": "apiKey", "in": "header", "name": "X-Internal-Api-Key", "description": "An operator's named key."},
}


@dataclass(frozen=True, slots=True)
class Info:
    """The document's head. `description` is CommonMark; `license` an SPDX identifier; `samples` are values for examples by
    field name."""

    title: str
    version: str
    summary: str = ""
    description: str = ""
    license: str | None = None
    samples: Mapping[str, Any] = field(default_factory=dict)

    def told(self) -> Schema:
        said: Schema = {"title": self.title, "version": self.version, "summary": self.summary, "description": self.description}
        return said | ({"license": {"name": self.license, "identifier": self.license}} if self.license else {})


def openapi(groups: Iterable[Routes], info: Info, prefixes: tuple[str, ...] = ("", "/api/v1"), hooks: Sequence[Hook] = ()) -> Schema:
    """Each operation stands once; the prefixes under which all of them are served are the document's servers. `hooks` are its webhooks.

    Raises SignatureError.
    """
    groups = list(groups)
    signatures = [read_signature(route) for group in groups for route in group.routes]
    check_leads(signatures)
    schemas, definitions = generate(signatures, list(hooks))
    told = Told(signatures, schemas, definitions, info.samples)
    paths: dict[str, Schema] = {}
    for signature in signatures:
        route = signature.route
        paths.setdefault(route.path, {})[route.method.lower()] = operation(signature, told)
    used = {scheme for signature in signatures for way in security(signature) for scheme in way}
    codes = {code for signature in signatures for code in codes_of(signature)}
    descriptions: dict[str, str] = {}
    for group in groups:
        descriptions[group.tag] = descriptions.get(group.tag) or group.description
    return {
        "openapi": "3.1.0",
        "info": info.told(),
        "servers": [{"url": prefix or "/", "description": "the same operations"} for prefix in prefixes],
        "tags": [{"name": tag, "description": description} for tag, description in descriptions.items()],
        "paths": paths,
        **({"webhooks": {hook.name: {"post": webhook(hook, told)} for hook in hooks}} if hooks else {}),
        "components": {
            "schemas": definitions | {"Error": ERROR},
            "headers": HEADERS,
            "examples": {code.name: example(code) for code in Code if code in codes},
            "securitySchemes": {name: scheme for name, scheme in SCHEMES.items() if name in used},
        },
    }


def operation(signature: Signature, told: Told) -> Schema:
    route = signature.route
    summary, _, description = (inspect.getdoc(route.function) or "").partition("\n")
    made: Schema = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": route.declared.get("summary", summary),
        "description": description.strip(),
        "parameters": parameters(signature, told),
        "responses": responses(signature, told),
        "security": security(signature),
    }
    if signature.body is not None:
        made["requestBody"] = request_body(signature, told)
    return made


def security(signature: Signature) -> list[dict[str, list[str]]]:
    return [way for role in sorted(signature.route.needs) for way in SECURITY[role]]


def parameters(signature: Signature, told: Told) -> list[Schema]:
    made: list[Schema] = []
    for part, model in signature.parts.items():
        schema = told.schemas[signature.route.name, part]
        wires = {found.key: found.wire for found in fields_of(model, part)}
        for key, one in schema.get("properties", {}).items():
            made.append(
                {
                    "name": wires[key],
                    "in": {"headers": "header"}.get(part, part),
                    "required": key in schema.get("required", ()),
                    "description": one.get("description", ""),
                    "schema": on_the_wire(one),
                }
            )
    return made


def on_the_wire(schema: Schema) -> Schema:
    """A parameter is there or it is not: it is never null."""
    plain = {name: value for name, value in schema.items() if name not in ("description", "title")}
    if plain.get("default", 0) is None:
        del plain["default"]
    ways = [way for way in plain.pop("anyOf", ()) if way != {"type": "null"}]
    if len(ways) == 1:
        return {**on_the_wire(ways[0]), **plain}
    return plain | ({"anyOf": ways} if ways else {})


def request_body(signature: Signature, told: Told) -> Schema:
    """Every example that the model gives, or one that fits it."""
    if signature.body is bytes:
        return {"required": True, "content": {"*/*": {"schema": {}}}}
    schema = told.schemas[signature.route.name, "body"]
    model = told.definitions.get(str(schema.get("$ref", "")).rpartition("/")[2], schema)
    examples = model.get("examples") or [value for value in [told.example(schema, sent=True)] if value is not NONE]
    media: Schema = {"schema": schema}
    if examples:
        media["examples"] = {f"example_{number}": {"value": value} for number, value in enumerate(examples, 1)}
    return {"required": not signature.body_optional, "content": {"application/json": media}}


def webhook(hook: Hook, told: Told) -> Schema:
    schema = told.schemas[hook.name, "hook"]
    return {
        "operationId": hook.name,
        "tags": [hook.tag],
        "summary": hook.summary,
        "description": hook.description,
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": meaning, "schema": {"type": "string"}}
            for name, meaning in hook.sends.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema, "examples": {"example_1": {"value": told.example(schema)}}}},
        },
        "responses": {
            "2XX": {"description": "It has arrived; the body is not looked at."},
            "410": {"description": "Send nothing here any more: the endpoint is disabled."},
            "default": {"description": "It is tried again later."},
        },
        "security": [{}],
    }
