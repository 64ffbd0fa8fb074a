"""One route, ready to be called: everything that can be known before a request is known here, so a request only runs through it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pydantic import TypeAdapter

from services.api.http.layer.caller import Caller, Client, Network, Role, client_of
from services.api.http.layer.complaints import vocabulary
from services.api.http.layer.cors import Origins, allowing
from services.api.http.layer.guard import CORS, RATE, REQUEST_ID
from services.api.http.layer.parts import reader
from services.api.http.layer.problems import Code, Problem
from services.api.http.layer.reading import check_media_type, read_body, read_json
from services.api.http.layer.routes import Reply
from services.api.http.layer.signature import Signature

Authenticate = Callable[[web.Request], Awaitable[Caller | None]]
Admit = Callable[[Client, Caller | None], Mapping[str, str] | None]
BASIC = {"WWW-Authenticate": 'Basic realm="paymesh", charset="UTF-8"'}


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one request. The headers' own limits are EdgeRunner's."""

    body_bytes: int = 64 * 1024
    body_wait_s: float = 10.0
    json_depth: int = 32


@dataclass(frozen=True, slots=True)
class Setting:
    """What all routes of one mount share."""

    dependencies: Mapping[str, Any]
    authenticate: Authenticate
    admit: Admit | None
    origins: Origins | None
    trusted_proxies: tuple[Network, ...]
    limits: Limits


class Endpoint:
    """Order: rate limit by address, who calls, rate limit by key, path, headers, query, body, the function, its answer."""

    def __init__(self, signature: Signature, setting: Setting) -> None:
        route = signature.route
        self.function = route.function
        self.fixed = {name: setting.dependencies[name] for name in signature.dependencies}
        self.readers = [(name, reader(name, model)) for name, model in signature.parts.items()]
        self.roles = route.needs
        self.guarded = Role.PUBLIC not in route.needs
        self.challenge = BASIC if Role.MERCHANT in route.needs else {}  # not for browsers: they would open a dialog of their own
        self.authenticate, self.trusted = setting.authenticate, setting.trusted_proxies
        self.origins = setting.origins if route.declared.get("browsers", False) else None
        self.admit = setting.admit if route.declared.get("limited", True) else None
        self.needs_client = signature.client or self.admit is not None
        self.takes_client, self.takes_caller, self.takes_request = signature.client, signature.caller, signature.request
        self.has_body, self.raw_body = signature.body is not None, signature.body is bytes
        self.body_optional = signature.body_optional
        adapter: TypeAdapter[Any] | None = TypeAdapter(signature.body) if self.has_body and not self.raw_body else None
        self.validator: Any = adapter.validator if adapter else None
        self.known = vocabulary(adapter.json_schema()) if adapter else frozenset()
        self.body_bytes = route.declared.get("max_body_bytes", setting.limits.body_bytes)
        self.body_wait_s, self.json_depth = setting.limits.body_wait_s, setting.limits.json_depth
        self.status, self.may_be_empty = signature.status, signature.empty
        self.to_json = TypeAdapter(signature.value).serializer.to_json if signature.value is not None else None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        values: dict[str, Any] = dict(self.fixed)
        client = client_of(request, request[REQUEST_ID], self.trusted) if self.needs_client else None
        if client is not None:
            self.count(request, client, None)
            if self.takes_client:
                values["client"] = client
        if self.origins is not None:
            request[CORS] = await allowing(request, self.origins)
        if self.guarded:
            caller = await self.identify(request)
            if client is not None:
                self.count(request, client, caller)
            if self.takes_caller:
                values["caller"] = caller
        if self.takes_request:
            values["request"] = request
        for name, read in self.readers:
            values[name] = read(request)
        if self.has_body:
            values["body"] = await self.body(request)
        return self.render(await self.function(**values))

    async def identify(self, request: web.Request) -> Caller:
        try:
            caller = await self.authenticate(request)
        except Problem as problem:
            if problem.code is Code.UNAUTHENTICATED:
                problem.headers = {**self.challenge, **problem.headers}
            raise
        if caller is None:
            raise Problem(Code.UNAUTHENTICATED, headers=self.challenge)
        if caller.role not in self.roles:
            raise Problem(Code.FORBIDDEN, details={"needs": sorted(self.roles)})
        return caller

    def count(self, request: web.Request, client: Client, caller: Caller | None) -> None:
        if self.admit is not None and (headers := self.admit(client, caller)):
            request[RATE] = headers

    async def body(self, request: web.Request) -> Any:
        if self.raw_body:
            return await read_body(request, self.body_bytes, self.body_wait_s)
        if self.body_optional and not request.body_exists:
            return None
        check_media_type(request)
        raw = await read_body(request, self.body_bytes, self.body_wait_s)
        if self.body_optional and not raw:
            return None
        return read_json(raw, self.validator, self.json_depth, self.known)

    def render(self, result: Any) -> web.StreamResponse:
        status, headers = self.status, {"Content-Type": "application/json", "Cache-Control": "no-store"}
        if isinstance(result, Reply):
            status = result.status or status
            headers.update(result.headers)
            result = result.value
        if isinstance(result, web.StreamResponse):
            return result
        if self.to_json is None or (result is None and self.may_be_empty):
            del headers["Content-Type"]
            return web.Response(status=204 if status == 200 else status, headers=headers)
        return web.Response(body=self.to_json(result, by_alias=True, warnings="error"), status=status, headers=headers)
