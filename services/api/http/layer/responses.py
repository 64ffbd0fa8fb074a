"""What an operation answers: its success and where that leads, every error it may give, and the headers on them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from services.api.http.layer.caller import Role
from services.api.http.layer.examples import NONE, Examples
from services.api.http.layer.problems import Code
from services.api.http.layer.routes import Lead
from services.api.http.layer.schemas import Schema, Schemas
from services.api.http.layer.signature import PATH_NAME, Signature, SignatureError

ALWAYS = (Code.MALFORMED_REQUEST, Code.EXPECTATION_FAILED, Code.INTERNAL_ERROR)
GUARDED = (Code.UNAUTHENTICATED, Code.FORBIDDEN)
BODY = (Code.REQUEST_TIMEOUT, Code.PAYLOAD_TOO_LARGE)
JSON_BODY = (Code.MALFORMED_JSON, Code.JSON_TOO_DEEP, Code.UNSUPPORTED_MEDIA_TYPE, Code.VALIDATION_ERROR)
AWAY = (Code.OVERLOADED, Code.TEMPORARILY_UNAVAILABLE)

WHOLE: Schema = {"type": "string", "pattern": "^[0-9]+$"}
RATE = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
HEADERS: Schema = {
    "X-Request-Id": {
        "description": "The sender's own, or one made here; it is on every answer.",
        "required": True,
        "schema": {"type": "string", "maxLength": 128},
    },
    "RateLimit-Limit": {"description": "Requests that may come at once.", "schema": WHOLE},
    "RateLimit-Remaining": {"description": "How many of them may still come now.", "schema": WHOLE},
    "RateLimit-Reset": {"description": "Seconds until all of them may.", "schema": WHOLE},
    "Retry-After": {"description": "Seconds to wait before the next try.", "schema": WHOLE},
    "WWW-Authenticate": {"description": "Which credentials are needed.", "schema": {"type": "string"}},
}


@dataclass(frozen=True, slots=True)
class Told:
    """What has been found out of all routes together."""

    signatures: list[Signature]
    schemas: Schemas
    definitions: Schema
    samples: Mapping[str, Any]

    def example(self, schema: Schema, *, sent: bool = False) -> Any:
        """A value that fits, or NONE."""
        return Examples(self.definitions, self.samples, sent).of(schema)


def header(name: str) -> Schema:
    return {"$ref": f"#/components/headers/{name}"}


def responses(signature: Signature, told: Told) -> Schema:
    declared = signature.route.declared
    common = {name: header(name) for name in ("X-Request-Id", *(RATE if declared.get("limited", True) else ()))}
    sent = {name: {"description": meaning, "schema": {"type": "string"}} for name, meaning in declared.get("sends", {}).items()}
    leads = links(signature, told)
    made: Schema = {}
    for status in (signature.status, *declared.get("also", ())):
        made[str(status)] = {"description": HTTPStatus(status).phrase, "headers": {**common, **sent}}
        if content := answered(signature, told) if status != 204 else None:
            made[str(status)]["content"] = content
        if leads and status < 300:
            made[str(status)]["links"] = leads
    codes = codes_of(signature)
    for status in sorted({code.status for code in codes}):
        failed = failure([code for code in codes if code.status == status], common)
        if content := made.get(str(status), {}).get("content"):  # readiness, say: its 503 is an answer or an error
            media = failed["content"]["application/json"]
            media["schema"] = {"anyOf": [content["application/json"]["schema"], media["schema"]]}
        made[str(status)] = failed
    return made


def answered(signature: Signature, told: Told) -> Schema | None:
    """None where there is no body."""
    if media := signature.route.declared.get("media"):
        return {media: {"schema": {"type": "string"}}}
    if signature.value is None:
        return None
    schema = told.schemas[signature.route.name, "value"]
    value = told.example(schema)
    return {"application/json": {"schema": schema} | ({} if value is NONE else {"examples": {"example_1": {"value": value}}})}


def links(signature: Signature, told: Told) -> Schema:
    """To every operation of one of the same roles that takes what this one's answer gives."""
    made: Schema = {}
    for lead in signature.route.declared.get("leads", ()):
        value = f"$response.body#{lead.at}"
        for other in told.signatures:
            if other is signature or not other.route.needs & signature.route.needs:
                continue
            if lead.to is None and PATH_NAME.findall(other.route.path) == [lead.parameter]:
                made[other.route.name] = {"operationId": other.route.name, "parameters": {f"path.{lead.parameter}": value}}
            elif lead.to == other.route.name:
                body = body_of(other, told) | {lead.parameter: value}
                made[other.route.name] = {"operationId": other.route.name, "requestBody": body}
    return made


def body_of(signature: Signature, told: Told) -> Schema:
    found: Any = told.example(told.schemas[signature.route.name, "body"], sent=True)
    return dict(found) if isinstance(found, dict) else {}


def check_leads(signatures: Iterable[Signature]) -> None:
    """Raises SignatureError for a lead that leads nowhere."""
    every = list(signatures)
    names, places = {one.route.name for one in every}, {name for one in every for name in PATH_NAME.findall(one.route.path)}
    for signature in every:
        lead: Lead
        for lead in signature.route.declared.get("leads", ()):
            if lead.to not in names if lead.to else lead.parameter not in places:
                raise SignatureError(f"{signature.route.name} leads to {lead.to or lead.parameter}, which there is not")


def codes_of(signature: Signature) -> list[Code]:
    """What the signature implies, and what the route declares."""
    route = signature.route
    implied = [*ALWAYS, *AWAY]
    implied += (Code.RATE_LIMITED,) if route.declared.get("limited", True) else ()
    implied += GUARDED if Role.PUBLIC not in route.needs else ()
    implied += BODY if signature.body is not None else ()
    implied += JSON_BODY if signature.body not in (None, bytes) else ()
    implied += (Code.VALIDATION_ERROR,) if signature.parts.keys() & {"query", "headers"} else ()
    implied += (Code.NOT_FOUND,) if "path" in signature.parts else ()
    said = {*implied, *route.declared.get("errors", ())}
    return [code for code in Code if code in said]


def failure(codes: list[Code], common: Schema) -> Schema:
    content = {
        "schema": {"$ref": "#/components/schemas/Error"},
        "examples": {code.name: {"$ref": f"#/components/examples/{code.name}"} for code in codes},
    }
    headers: Schema = common | {name: header(name) for code in codes for name in code.headers}
    return {"description": ", ".join(code.name for code in codes), "headers": headers, "content": {"application/json": content}}


def example(code: Code) -> Schema:
    return {"summary": code.message, "value": {"error": {"code": code.name, "message": code.message, "details": {}}}}
