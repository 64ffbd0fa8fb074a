"""What a codec is: pure functions between an attempt and a gateway's wire format, and the meanings an answer can have."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from shared.accounts import Account
from shared.contracts import Attempt, Money, Operation, OutcomeClass, Refusal

Captures = Literal["whole", "partial", "several"]  # of an authorisation: all of it once, a part once, parts until it is spent


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
class Code:
    """A row of a gateway's error table: whose doing it is, may another gateway try, and what a person should do about it.

    The class `unknown` says that the code proves nothing, whatever anybody thinks of it: no operator can make it a refusal.
    """

    outcome_class: OutcomeClass
    retryable: bool
    advice: str = ""


Codes = Mapping[str, Code]


@dataclass(frozen=True, slots=True)
class Succeeded:
    """`confirmed` is what the gateway says it took (or captured, gave back, released), which may differ from what was asked."""

    reference: str
    confirmed: Money


@dataclass(frozen=True, slots=True)
class Refused:
    """Proof that nothing was charged: an explicit code that the gateway's table knows."""

    refusal: Refusal
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class ActionRequired:
    """`url` is where the payer goes; None: the payer's own app asks for consent."""

    reference: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Unclear:
    """Money may have moved: a 5xx, an unreadable body, a status or code we do not know.

    `unlisted` is the code of an answer that refuses in so many words what was just asked, where only the table lacks that code: an
    operator who knows what it means may classify it. Never set otherwise (see `reading.unlisted`).
    """

    reason: str
    reference: str | None = None
    unlisted: str | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class NotFound:
    """The gateway knows nothing of our reference, now. It may yet: see the verifier's grace."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A harmless object is there by which the charge can be found whatever happens. Commit `reference`, then `execute` with it."""

    reference: str


Answer = Succeeded | Refused | ActionRequired | Unclear
Finding = Succeeded | Refused | Pending | NotFound | Unclear


@dataclass(frozen=True, slots=True)
class Window:
    """start ≤ created < end, both with a zone. Gateways that count in seconds round outwards: who compares filters by `created_at`."""

    start: datetime
    end: datetime


What = Literal["charge", "refund"]


@dataclass(frozen=True, slots=True)
class Listed:
    """A charge or refund as the gateway's list has it. `reference` is ours; None for one that was not made by us, or not with one."""

    reference: str | None
    gateway_reference: str
    finding: Finding
    created_at: datetime
    what: What = "charge"


@dataclass(frozen=True, slots=True)
class Page:
    """`cursor` is for the next page; None: this is the last."""

    items: tuple[Listed, ...]
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What a webhook says. The event's id need not be signed (Razorpay's is a header): deduplicate by it and the body's hash."""

    event_id: str
    event: str
    reference: str | None
    operation: Operation | None
    finding: Finding

    @property
    def gateway_reference(self) -> str | None:
        """The charge's name, whatever object the webhook is about: two names would be two charges."""
        return getattr(self.finding, "reference", None)


class Unsupported(Exception):
    """This gateway cannot do that. Nothing was sent, so nothing was charged: `refusal` says so to whoever routes."""

    @property
    def refusal(self) -> Refusal:
        return Refusal(code="UNSUPPORTED", message=str(self)[:200], outcome_class="our_fault", retryable=True)


class Unverified(Exception):
    """A webhook that is not from whom it claims, or not from now: answer 401 and store nothing. Its text quotes nothing of it."""


NOT_PREPARED = Refusal(
    code="NOT_PREPARED", message="the gateway took no order, and was not asked to charge", outcome_class="gateway_fault", retryable=True
)


class Codec(Protocol):
    """One gateway's wire format. Our reference and the gateway's idempotency key are both the attempt's id.

    A charge goes `prepare` → commit the id → `execute`; where `prepare` returns None it is `execute` alone. `known` is what the gateway
    has called it so far: a prepared order's id, a charge's, a link's. Functions that build a request raise Unsupported.
    """

    @property
    def codes(self) -> Codes:
        """The error table: a code that is not in it, or is `unknown` there, proves nothing."""

    @property
    def operations(self) -> frozenset[Operation]:
        """What this gateway can do at all."""

    @property
    def replay_window_s(self) -> int | None:
        """How old a webhook may be; None: its signature has no time, so repeats are told by event id and body alone."""

    def captures(self, account: Account) -> Captures: ...

    def prepare(self, account: Account, attempt: Attempt) -> HttpRequest | None:
        """The harmless object first, where searches by our reference are not consistent or a charge must name its order."""

    def read_prepared(self, response: HttpResponse, attempt: Attempt) -> Prepared | Refused:
        """Never Unclear: whatever the answer was, and if there was none (NOT_PREPARED), nothing is charged yet."""

    def execute(self, account: Account, attempt: Attempt, instrument: Mapping[str, Any], prepared: str | None = None) -> HttpRequest:
        """The request that carries out `attempt.operation`."""

    def read(self, response: HttpResponse, attempt: Attempt) -> Answer: ...

    def lookup(self, account: Account, attempt: Attempt, known: str | None = None) -> HttpRequest: ...

    def read_lookup(self, response: HttpResponse, attempt: Attempt) -> Finding: ...

    def list_made(self, account: Account, what: What, window: Window, cursor: str | None = None) -> HttpRequest:
        """All charges of a time, or all refunds."""

    def read_list(self, response: HttpResponse, cursor: str | None = None) -> Page | Unclear:
        """Of either. `cursor` is the one that was asked with."""

    def verify_webhook(self, account: Account, headers: Mapping[str, str], body: bytes, now_s: float) -> None:
        """`body` as it came over the wire; `now_s` in Unix seconds. Raises Unverified."""

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> Heard | None:
        """Of a verified one. None: it says nothing of a charge, capture, refund, void or link."""
