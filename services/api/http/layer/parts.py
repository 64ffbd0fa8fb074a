"""Path, query and headers: from aiohttp's mappings to the route's models."""

from collections.abc import Callable
from typing import Any, get_origin

from aiohttp import web
from multidict import istr
from pydantic import BaseModel, ValidationError

from services.api.http.layer.complaints import invalid, refused
from services.api.http.layer.problems import Code, Problem
from services.api.http.layer.signature import fields_of, keys_of, members

Read = Callable[[web.Request], BaseModel]


def reader(part: str, model: type[BaseModel]) -> Read:
    return {"path": path_reader, "query": query_reader, "headers": headers_reader}[part](model)


def path_reader(model: type[BaseModel]) -> Read:
    """A path that does not fit names nothing: the same 404 as an id that nobody has."""
    validate = model.__pydantic_validator__.validate_python

    def read(request: web.Request) -> Any:
        values = dict(request.match_info)
        if "%00" in request.rel_url.raw_path:
            raise Problem(Code.NOT_FOUND)
        try:
            return validate(values)
        except ValidationError:
            raise Problem(Code.NOT_FOUND) from None

    return read


def query_reader(model: type[BaseModel]) -> Read:
    """A name that comes twice is an error, unless its field is a list."""
    validate = model.__pydantic_validator__.validate_python
    lists = {field.wire for field in fields_of(model, "query") if takes_many(model, field.key)}

    def read(request: web.Request) -> Any:
        query = request.query
        values: dict[str, Any] = {}
        for name in dict.fromkeys(query):
            every = query.getall(name)
            if any("\x00" in value for value in every):
                raise refused("query", name, "Text must not contain U+0000", "string_nul")
            if name not in lists and len(every) > 1:
                raise refused("query", name, "Give this once", "repeated")
            values[name] = every if name in lists else every[0]
        try:
            return validate(values)
        except ValidationError as error:
            raise invalid("query", error, values) from None

    return read


def headers_reader(model: type[BaseModel]) -> Read:
    """Only the headers that the model names are looked at; one that comes twice is an error."""
    validate = model.__pydantic_validator__.validate_python
    slots = [(istr(field.wire), field.key) for field in fields_of(model, "headers")]
    wires = {field.key: field.wire for field in fields_of(model, "headers")}

    def read(request: web.Request) -> Any:
        headers = request.headers
        values: dict[str, Any] = {}
        for wire, key in slots:
            if wire in headers:
                every = headers.getall(wire)
                if len(every) > 1:
                    raise refused("headers", wire, "Give this once", "repeated")
                values[key] = every[0]
        try:
            return validate(values)
        except ValidationError as error:
            problem = invalid("headers", error, values)
            for one in problem.details["errors"]:
                one["field"] = wires.get(one["field"], one["field"])
            raise problem from None

    return read


def takes_many(model: type[BaseModel], key: str) -> bool:
    kinds = [kind for name, info in model.model_fields.items() if key in keys_of(name, info) for kind in members(info.annotation)]
    return any((get_origin(kind) or kind) in (list, tuple, set, frozenset) for kind in kinds)
