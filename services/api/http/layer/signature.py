"""Reading a route's function once, when it is mounted or documented: what goes in, by name, and what comes out."""

import inspect
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from aiohttp import web
from pydantic import AliasChoices, AliasPath, BaseModel
from pydantic.fields import FieldInfo

from services.api.http.layer.caller import Caller, Client, Role
from services.api.http.layer.routes import Reply, Route

PARTS = ("path", "headers", "query")  # read and judged in this order, the body last
PATH_NAME = re.compile(r"\{(\w+)(?::[^{}]*)?\}")
KNOWN = {*PARTS, "body", "caller", "client", "request"}
BODILESS = {"GET", "DELETE"}


class SignatureError(TypeError):
    """A route's function cannot be served as it is written; said when it is mounted, with its name."""


@dataclass(frozen=True, slots=True)
class Field:
    """`wire` is the name in the request, `key` the one under which pydantic takes it."""

    wire: str
    key: str


@dataclass(frozen=True, slots=True)
class Signature:
    """`body` and `value` are annotations as written, `dependencies` maps every other parameter to its own.

    `raw`: may answer with an aiohttp response of its own. `empty`: may answer with no body.
    """

    route: Route
    parts: dict[str, type[BaseModel]]
    body: Any
    body_optional: bool
    caller: bool
    client: bool
    request: bool
    dependencies: dict[str, Any]
    value: Any
    raw: bool
    empty: bool
    status: int


def read_signature(route: Route) -> Signature:
    """Raises SignatureError for whatever would otherwise fail, or silently do something else, at the first request."""
    if not inspect.iscoroutinefunction(route.function):
        raise SignatureError(f"{route.name} must be an async function")
    hints = get_type_hints(route.function, include_extras=True)
    names = list(inspect.signature(route.function).parameters)
    for name in [*names, "return"]:
        if name not in hints:
            raise SignatureError(f"{route.name} has no annotation for {name}")
    value, raw, empty = read_return(hints["return"])
    body, optional = without_none(hints.get("body"))
    signature = Signature(
        route=route,
        parts={name: hints[name] for name in PARTS if name in names},
        body=body,
        body_optional=optional,
        caller="caller" in names,
        client="client" in names,
        request="request" in names,
        dependencies={name: hints[name] for name in names if name not in KNOWN},
        value=value,
        raw=raw,
        empty=empty,
        status=route.declared.get("status", 204 if empty and value is None and not raw else 200),
    )
    check(signature, hints)
    return signature


def read_return(annotation: Any) -> tuple[Any, bool, bool]:
    """→ (what a body is made from or None, may be an aiohttp response, may be empty)"""
    values, raw, empty = [], False, False
    for member in members(annotation):
        inner = get_args(member)[0] if get_origin(member) is Reply else member
        for kind in members(inner):
            if kind in (None, NoneType):
                empty = True
            elif isinstance(kind, type) and issubclass(kind, web.StreamResponse):
                raw = True
            else:
                values.append(kind)
    return (union(values) if values else None), raw, empty


def members(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def union(kinds: Iterable[Any]) -> Any:
    return reduce(or_, kinds)


def without_none(annotation: Any) -> tuple[Any, bool]:
    """`X | None` → X, True. A union inside Annotated (a discriminated one) is left alone."""
    kinds = members(annotation)
    if NoneType not in kinds:
        return annotation, False
    return union(kind for kind in kinds if kind is not NoneType), True


def check(signature: Signature, hints: dict[str, Any]) -> None:
    route, name = signature.route, signature.route.name
    for part, model in signature.parts.items():
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            raise SignatureError(f"{name}: {part} must be a pydantic model, not {model}")
    held = {field.wire for field in fields_of(signature.parts["path"], "path")} if "path" in signature.parts else set()
    if held != (said := set(PATH_NAME.findall(route.path))):
        raise SignatureError(f"{name}: {route.path} names {sorted(said)}, the path model {sorted(held)}")
    if signature.body is not None and route.method in BODILESS:
        raise SignatureError(f"{name}: a {route.method} has no body")
    if Role.PUBLIC in route.needs and (signature.caller or len(route.needs) > 1):
        raise SignatureError(f"{name} is public: nobody is asked who they are, so there is no caller and no other role")
    for parameter, kind in (("caller", Caller), ("client", Client), ("request", web.Request)):
        if parameter in hints and not (isinstance(hints[parameter], type) and issubclass(hints[parameter], kind)):
            raise SignatureError(f"{name}: {parameter} must be a {kind.__name__}")
    if signature.status == 204 and signature.value is not None:
        raise SignatureError(f"{name}: a 204 has no value")


def fields_of(model: type[BaseModel], part: str) -> list[Field]:
    """Every name under which the model's fields may come; a header without an alias is its field's name with `-` for `_`."""
    return [
        Field(wire=name.replace("_", "-") if part == "headers" and key == name else key, key=key)
        for name, info in model.model_fields.items()
        for key in keys_of(name, info)
    ]


def keys_of(name: str, info: FieldInfo) -> list[str]:
    alias = info.validation_alias or info.alias or name
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    if any(isinstance(choice, AliasPath) for choice in choices):
        raise SignatureError(f"{name}: an alias path has a meaning only in a body")
    return [str(choice) for choice in choices]
