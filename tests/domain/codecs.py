"""What every gateway codec is held to. A new codec adds one `Speaker` with samples of its gateway's own answers."""

from dataclasses import dataclass

import orjson

from shared.accounts import Account
from shared.gateways import HttpResponse
from shared.gateways.sandbox_codes import CODES
from tests.domain.stand import AMOUNT, attempt

ATTEMPT = attempt(1)
REFERENCE = str(ATTEMPT.attempt_id)
CARD = {"type": "CARD", "number": "4100280000001007", "expiry_month": 12, "expiry_year": 2030, "cvv": "123"}


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """Answers as the gateway gives them, to an order (`said`) and to a question (`found`). Names of what they mean are the tests'."""

    kind: str
    charge_id: str
    prepared: str | None = None  # the harmless object that comes first
    succeeded: HttpResponse | None  # none: the answer to an order never says that it is paid
    another_amount: HttpResponse | None
    another_reference: HttpResponse | None
    requires_action: HttpResponse
    refusals: dict[str, HttpResponse]  # code → answer to an order
    unclear: dict[str, HttpResponse]  # why → answer to an order
    found: HttpResponse
    found_pending: HttpResponse
    found_failed: HttpResponse
    found_nothing: HttpResponse
    found_refused_and_succeeded: HttpResponse
    found_another_reference: HttpResponse
    unclear_lookups: dict[str, HttpResponse]

    @property
    def account(self) -> Account:
        return Account(
            name="alpha",
            kind=self.kind,
            base_url="https://gateway.example/a",
            api_key="sk_secret",
            key_secret="ks_secret",
            webhook_secret="whsec_c2VjcmV0",
            methods=("CARD",),
            currencies=("INR",),
        )


def answer(status: int, body: object) -> HttpResponse:
    return HttpResponse(status, {}, body if isinstance(body, bytes) else orjson.dumps(body))


def charge(**more: object) -> dict[str, object]:
    own = {"id": "ch_1", "reference": REFERENCE, "status": "succeeded", "amount_minor": AMOUNT.amount_minor, "currency": AMOUNT.currency}
    return {**own, **more}


def without(name: str) -> dict[str, object]:
    return {field: value for field, value in charge().items() if field != name}


def refusal(code: object) -> dict[str, object]:
    return {"error": {"code": code, "message": "nothing was charged", "charge_id": "ch_1"}}


def items(*charges: object) -> HttpResponse:
    return answer(200, {"items": charges})


FAILED = charge(status="failed", code="card_declined", message="no")

SANDBOX = Speaker(
    kind="sandbox",
    charge_id="ch_1",
    succeeded=answer(200, charge()),
    another_amount=answer(200, charge(amount_minor=1)),
    another_reference=answer(200, charge(reference="another")),
    requires_action=answer(200, charge(status="requires_action", action_url="https://gateway.example/pay")),
    refusals={code: answer(402, refusal(code)) for code in CODES},
    unclear={
        "pending": answer(200, charge(status="pending")),
        "unknown status": answer(200, charge(status="charging")),
        "no id": answer(200, without("id")),
        "no status": answer(200, without("status")),
        "no amount": answer(200, without("amount_minor")),
        "amount is no number": answer(200, charge(amount_minor="many")),
        "amount is negative": answer(200, charge(amount_minor=-1)),
        "currency is none": answer(200, charge(currency="rupees")),
        "failed without a known code": answer(200, charge(status="failed", code="strange")),
        "unknown code": answer(402, refusal("strange")),
        "no code": answer(402, {"error": {}}),
        "code is no text": answer(402, refusal(["card_declined"])),
        "error is no object": answer(402, {"error": "card_declined"}),
        "a refusal that is a list": answer(402, [refusal("card_declined")]),
        "a page of a proxy": answer(403, b"<html>Forbidden</html>"),
        "an empty refusal": answer(404, b""),
        "a refusal with a 5xx": answer(500, refusal("card_declined")),
        "a success with a 5xx": answer(502, charge()),
        "accepted": answer(202, charge()),
        "a redirect": answer(302, b""),
    },
    found=items(charge()),
    found_pending=items(charge(status="pending")),
    found_failed=items(FAILED),
    found_nothing=items(),
    found_refused_and_succeeded=items(FAILED, charge()),
    found_another_reference=items(charge(reference="another")),
    unclear_lookups={
        "5xx": answer(503, {"items": []}),
        "not authenticated": answer(401, refusal("unauthenticated")),
        "no list": answer(200, {"items": {}}),
        "no items": answer(200, {}),
        "an item that is none": items("garbage"),
        "an item without id": items(without("id")),
        "an item with a status we do not know": items(charge(status="charging")),
        "an item that failed with a code we do not know": items(charge(status="failed", code="strange")),
        "a refusal beside garbage": items(FAILED, 7),
    },
)
