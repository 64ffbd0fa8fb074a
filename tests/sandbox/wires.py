"""A merchant who speaks to the sandbox by a codec, in each of its formats: what an executor does, without the mesh around it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from deploy.sandbox.magic import CODES, card_of
from deploy.sandbox.webhooks import secret_of
from shared.accounts import Account
from shared.contracts import Attempt, Money, Operation
from shared.gateways import (
    CODECS,
    ActionRequired,
    Answer,
    Codec,
    Finding,
    HttpRequest,
    HttpResponse,
    Listed,
    Page,
    Prepared,
    Refused,
    Succeeded,
    What,
    Window,
)
from tests.sandbox.client import Sandbox

KINDS = tuple(CODECS)  # a codec that stands in no table below is red
GOOD_CARD = "4100280000001007"
NUMBER_OF = {name: card_of(code) for code, name in CODES.items()} | {"succeed": GOOD_CARD}
BASES = {"sandbox": "gateways", "razorpay": "razorpay", "stripe": "stripe"}
KEYS = {"sandbox": "sk_sandbox_alpha", "razorpay": "rzp_test_alpha", "stripe": "sk_test_alpha"}


def account_of(kind: str, url: str, **more: Any) -> Account:
    """The sandbox's account alpha in one of its formats."""
    fields: dict[str, Any] = {
        "name": "alpha",
        "kind": kind,
        "base_url": f"{url}/{BASES[kind]}/alpha",
        "api_key": KEYS[kind],
        "key_secret": "sk_sandbox_alpha",
        "webhook_secret": secret_of("alpha"),
        "return_url": "https://shop.example/thanks",
        "multicapture": True,
        "methods": ("CARD", "UPI"),
        "currencies": ("INR",),
    }
    return Account(**fields | more)


def card(behaviour: str = "succeed") -> dict[str, Any]:
    return {"type": "CARD", "number": NUMBER_OF[behaviour], "expiry_month": 12, "expiry_year": 2031, "cvv": "123", "name": "Asha"}


def new_attempt(operation: Operation = "charge", amount_minor: int = 49_950, target: str | None = None, method: Any = "CARD") -> Attempt:
    return Attempt(
        attempt_id=uuid4(),
        payment_id=UUID("019b8d5a-2c00-7000-8000-000000000001"),
        merchant_id="m_001",
        operation=operation,
        gateway="alpha",
        number=1,
        amount=Money(amount_minor=amount_minor, currency="INR"),
        method=method,
        target_reference=target,
    )


@dataclass
class Merchant:
    """`prepared` remembers, by attempt, the harmless object that came first."""

    kind: str
    sandbox: Sandbox
    account: Account
    prepared: dict[UUID, str] = field(default_factory=dict)

    @property
    def codec(self) -> Codec:
        return CODECS[self.kind]

    async def send(self, request: HttpRequest) -> HttpResponse | None:
        """None when the connection was cut without an answer."""
        path = request.url.removeprefix(self.sandbox.url)
        answer = await self.sandbox.call(request.method, path, data=request.body, headers=dict(request.headers))
        return HttpResponse(answer.status, answer.headers, answer.body) if answer.status else None

    async def prepare(self, attempt: Attempt) -> Refused | None:
        """The harmless object, where one comes first and is not there yet."""
        first = self.codec.prepare(self.account, attempt)
        if first is None or attempt.attempt_id in self.prepared:
            return None
        response = await self.send(first)
        assert response is not None
        ready = self.codec.read_prepared(response, attempt)
        if isinstance(ready, Prepared):
            self.prepared[attempt.attempt_id] = ready.reference
        return ready if isinstance(ready, Refused) else None

    async def execute(self, attempt: Attempt, instrument: Mapping[str, Any] | None = None) -> Answer | None:
        """Prepare, then carry out the operation. None: no answer came."""
        refused = await self.prepare(attempt)
        if refused is not None:
            return refused
        known = self.prepared.get(attempt.attempt_id)
        response = await self.send(self.codec.execute(self.account, attempt, instrument or card(), known))
        return None if response is None else self.codec.read(response, attempt)

    async def find(self, attempt: Attempt, known: str | None = None) -> Finding:
        response = await self.send(self.codec.lookup(self.account, attempt, known))
        assert response is not None
        return self.codec.read_lookup(response, attempt)

    async def done(self, attempt: Attempt, instrument: Mapping[str, Any] | None = None) -> Succeeded:
        """Executed, with whatever the payer has to do, and found to have succeeded."""
        answer = await self.execute(attempt, instrument)
        if isinstance(answer, Succeeded):
            return answer
        assert not isinstance(answer, Refused), answer
        if isinstance(answer, ActionRequired):
            await self.pay(answer)
        found = await self.find(attempt, answer.reference if answer else None)
        assert isinstance(found, Succeeded), found
        return found

    async def pay(self, action: ActionRequired, outcome: str = "approve") -> None:
        """What the payer does where the action sends them; a UPI app is the sandbox's page too."""
        url = action.url if action.url and action.url.startswith("http") else f"{self.sandbox.url}/gateways/alpha/pay/{action.reference}"
        answer = await self.sandbox.call("POST", url.removeprefix(self.sandbox.url), params={"outcome": outcome})
        assert answer.status == 200, answer

    async def listed(self, window: Window, what: What = "charge") -> tuple[list[Listed], int]:
        """All of a window, and in how many pages."""
        items: list[Listed] = []
        cursor, pages = None, 0
        while True:
            response = await self.send(self.codec.list_made(self.account, what, window, cursor))
            assert response is not None
            page = self.codec.read_list(response, cursor)
            assert isinstance(page, Page), page
            items, cursor, pages = [*items, *page.items], page.cursor, pages + 1
            if cursor is None:
                return items, pages

    async def journal(self, attempt: Attempt) -> list[str]:
        """Kinds of the journal's lines under this attempt's reference."""
        return [line["kind"] for line in await self.sandbox.journal(reference=str(attempt.attempt_id))]
