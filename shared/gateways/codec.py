"""What a codec is: four pure functions between an attempt and a gateway's wire format, and the meanings an answer can have."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from shared.accounts import Account
from shared.contracts import Attempt, Money, Refusal


@dataclass(frozen=True, slots=True)
class HttpRequest:
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Succeeded:
    """`confirmed` is what the gateway says it took, which may differ from what was asked."""

    reference: str
    confirmed: Money


@dataclass(frozen=True, slots=True)
class Refused:
    """Proof that nothing was charged: an explicit code that the gateway's table knows."""

    refusal: Refusal
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class ActionRequired:
    reference: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Unclear:
    """Money may have moved: a 5xx, an unreadable body, a status or code we do not know."""

    reason: str
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class NotFound:
    """The gateway knows nothing of our reference, now. It may yet: see the verifier's grace."""


Answer = Succeeded | Refused | ActionRequired | Unclear
Finding = Succeeded | Refused | Pending | NotFound | Unclear


class Codec(Protocol):
    """One gateway's wire format. Our reference and the gateway's idempotency key are both the attempt's id."""

    def execute(self, account: Account, attempt: Attempt, instrument: Mapping[str, Any]) -> HttpRequest: ...

    def read(self, response: HttpResponse, attempt: Attempt) -> Answer: ...

    def lookup(self, account: Account, attempt: Attempt) -> HttpRequest: ...

    def read_lookup(self, response: HttpResponse, attempt: Attempt) -> Finding: ...
