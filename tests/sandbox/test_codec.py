"""The mesh's codec and the sandbox speak the same wire format: every behaviour is read as what it proves, at once and when asked later."""

from uuid import uuid4

import pytest

from deploy.sandbox.behaviour import BEHAVIOURS, MESSAGES
from shared.accounts import Account
from shared.contracts import Attempt, Money
from shared.gateways import CODECS, ActionRequired, HttpRequest, HttpResponse, NotFound, Pending, Refused, Succeeded, Unclear
from shared.gateways.sandbox_codes import CODES
from tests.sandbox.client import Sandbox

CODEC = CODECS["sandbox"]
SAYS = {
    "succeed": (Succeeded, Succeeded),
    "slow": (Succeeded, Succeeded),
    "late": (Succeeded, Succeeded),
    "wrong-amount": (Succeeded, Succeeded),
    "requires-action": (ActionRequired, Pending),
    "pending": (Unclear, Pending),
    "rate-limit": (Refused, NotFound),
    "error-500": (Unclear, NotFound),
    "charge-then-500": (Unclear, Succeeded),
    "garbage": (Unclear, Succeeded),
    "cut": (None, NotFound),
    "cut-charged": (None, Succeeded),
    "hang": (None, NotFound),
    "hang-charged": (None, Succeeded),
    "accept-late": (None, NotFound),
    **{name: (Refused, Refused) for name, one in BEHAVIOURS.items() if one.books == "refusal"},
}


async def send(sandbox: Sandbox, request: HttpRequest) -> HttpResponse | None:
    """None when the connection was cut."""
    path = request.url.removeprefix(sandbox.url)
    answer = await sandbox.call(request.method, path, data=request.body, headers=dict(request.headers))
    return HttpResponse(answer.status, answer.headers, answer.body) if answer.status else None


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
async def test_the_codec_reads_what_the_sandbox_says(sandbox: Sandbox, behaviour: str) -> None:
    # A pending charge must not end, nor an accepted one be made, between the answer and the question.
    late_s = 120 if behaviour in ("pending", "accept-late") else 0.01
    await sandbox.put("/gateways/alpha/settings", late_s=late_s, slow_s=0.01)
    account = Account(
        name="alpha",
        kind="sandbox",
        base_url=f"{sandbox.url}/gateways/alpha",
        api_key="sk_sandbox_alpha",
        methods=("UPI",),
        currencies=("INR",),
    )
    asked = Money(amount_minor=5_000, currency="INR")
    attempt = Attempt(
        attempt_id=uuid4(),
        payment_id=uuid4(),
        merchant_id="m_001",
        operation="charge",
        gateway="alpha",
        number=1,
        amount=asked,
        method="UPI",
    )
    instrument = {"type": "UPI", "vpa": f"{behaviour}@sandbox"}
    answer, finding = SAYS[behaviour]
    response = await send(sandbox, CODEC.execute(account, attempt, instrument))
    read = None if response is None else CODEC.read(response, attempt)
    assert type(read) is (answer or type(None))
    response = await send(sandbox, CODEC.lookup(account, attempt))
    assert response is not None
    found = CODEC.read_lookup(response, attempt)
    assert type(found) is finding
    if isinstance(found, Succeeded):
        assert (found.confirmed == asked) is (behaviour != "wrong-amount")


def test_the_codec_knows_every_refusal() -> None:
    assert {*MESSAGES, "rate_limited", "unauthenticated", "invalid_request"} <= set(CODES)
