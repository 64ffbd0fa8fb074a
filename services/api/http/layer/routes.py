"""Declaring routes: a decorator that writes down what a function is, and changes nothing about it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Required, TypedDict, TypeVar, Unpack

from services.api.http.layer.caller import Role
from services.api.http.layer.problems import Code

T = TypeVar("T")
Handler = Callable[..., Awaitable[Any]]
H = TypeVar("H", bound=Handler)


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """A value with a status or headers of its own; without a status it is the route's."""

    value: T
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lead:
    """Where an answer leads: `at` (a JSON pointer into its body) is the path parameter of other operations; with `to`, the field
    of that name in that operation's body."""

    parameter: str
    at: str
    to: str | None = None


@dataclass(frozen=True, slots=True)
class Hook:
    """A request that we make to others: the event's name, its body's model, headers and what they mean."""

    name: str
    summary: str
    tag: str
    body: Any
    description: str = ""
    sends: Mapping[str, str] = field(default_factory=dict)


class Declared(TypedDict, total=False):
    """What a route says of itself beyond its signature. Errors that follow from the signature (401, 422 …) need no mention."""

    needs: Required[Role | tuple[Role, ...]]
    status: int  # of a success; 200, or 204 where the function returns None
    also: Sequence[int]  # other statuses that a Reply may give
    errors: Sequence[Code]
    sends: Mapping[str, str]  # response headers and what they mean
    leads: Sequence[Lead]
    media: str  # of an aiohttp response that the function makes itself
    summary: str  # else the first line of the docstring
    max_body_bytes: int  # else Limits.body_bytes
    browsers: bool  # True: pages of the origins that `mount` is told may call it (CORS)
    limited: bool  # False: outside the rate limit, for those who must not be turned away: probes, and gateways that tell of money


@dataclass(frozen=True, slots=True)
class Route:
    """One declared operation; its function's name is its operation id."""

    method: str
    path: str
    function: Handler
    tag: str
    declared: Declared

    @property
    def name(self) -> str:
        return str(getattr(self.function, "__name__", self.function))

    @property
    def needs(self) -> frozenset[Role]:
        needs = self.declared["needs"]
        return frozenset({needs} if isinstance(needs, Role) else needs)


class Routes:
    """Some routes under one tag of the API documentation."""

    def __init__(self, tag: str, description: str = "") -> None:
        self.tag = tag
        self.description = description
        self.routes: list[Route] = []

    def get(self, path: str, **declared: Unpack[Declared]) -> Callable[[H], H]:
        """Answers HEAD as well."""
        return self._declare("GET", path, declared)

    def post(self, path: str, **declared: Unpack[Declared]) -> Callable[[H], H]:
        return self._declare("POST", path, declared)

    def put(self, path: str, **declared: Unpack[Declared]) -> Callable[[H], H]:
        return self._declare("PUT", path, declared)

    def patch(self, path: str, **declared: Unpack[Declared]) -> Callable[[H], H]:
        return self._declare("PATCH", path, declared)

    def delete(self, path: str, **declared: Unpack[Declared]) -> Callable[[H], H]:
        return self._declare("DELETE", path, declared)

    def _declare(self, method: str, path: str, declared: Declared) -> Callable[[H], H]:
        if unknown := declared.keys() - Declared.__annotations__.keys():
            raise TypeError(f"{method} {path} declares {', '.join(sorted(unknown))}, which no route has")
        if not declared.get("needs"):
            raise TypeError(f"{method} {path} must say who may call it: needs=Role…")

        def declare(function: H) -> H:
            self.routes.append(Route(method, path, function, self.tag, declared))
            return function

        return declare
