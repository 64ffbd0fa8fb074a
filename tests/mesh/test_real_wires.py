"""Accounts at Razorpay and at Stripe through the whole mesh: the sandbox is asked, answers, and calls back, signed, as they would."""

from collections.abc import AsyncIterator, Collection
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from deploy.local.mesh import Mesh
from tests.mesh.conftest import REAL
from tests.mesh.inside import Inside
from tests.mesh.instruments import card, magic_pan, upi
from tests.mesh.merchant import Answer, Merchant, Payment, order
from tests.mesh.outside import ENDS, Outside
from tests.mesh.test_money import ended, moves
from tests.mesh.test_truth import reconciled

KINDS = pytest.mark.parametrize("kind", REAL)
WAIT = {"Prefer": "wait=30"}
HELD = ("payment.requires_capture",)
BEGAN = datetime.now(UTC)


@pytest.fixture(autouse=True)
async def calling_back(mesh: Mesh, outside: Outside) -> AsyncIterator[None]:
    for name in REAL:
        await outside.change(f"/gateways/{name}", webhook_url=f"{mesh.blueprint.url('api')}/webhooks/{name}", webhook_copies=1)
    yield
    for name in REAL:
        await outside.change(f"/gateways/{name}", webhook_url=None, frictionless=False)


def foreign(kind: str, **change: Any) -> dict[str, Any]:
    """An order that only the account of this kind takes."""
    return order(amount=50_000, currency=REAL[kind][0], **(card() | change))


async def page_of(outside: Outside, payment: Payment) -> str:
    """Where its payer acts; a UPI app is the sandbox's page too."""
    url: str = (await outside.told(payment, ("payment.requires_action",)))["data"]["payment_url"]
    if url.startswith("upi://"):
        return f"{outside.url}/gateways/razorpay/pay/{parse_qs(urlsplit(url).query)['tr'][0]}"
    return url


async def paid(
    merchant: Merchant, outside: Outside, body: dict[str, Any], types: Collection[str] = ENDS, *, acts: bool = True
) -> tuple[Payment, dict[str, Any]]:
    """The payment and what the shop was told of its end. Razorpay's payers always have to do something."""
    payment = await merchant.pay(body)
    if acts:
        await outside.approve(await page_of(outside, payment))
    return payment, (await outside.told(payment, types))["data"]


async def sources(merchant: Merchant, payment: Payment) -> list[str]:
    """Who told of it what its call had not."""
    return [detail["source"] for event, detail in await merchant.timeline(payment) if event == "attempt.verified"]


async def ask(merchant: Merchant, payment: Payment, what: str, amount: int | None = None) -> Answer:
    return await merchant.call("POST", f"/payments/{payment.id}/{what}", {"amount": amount} if amount else {}, WAIT)


@KINDS
async def test_a_card(kind: str, merchant: Merchant, outside: Outside) -> None:
    payment, told = await paid(merchant, outside, foreign(kind), acts=kind == "razorpay")
    assert (told["status"], told["gateway"], told["amount_captured"]) == ("succeeded", kind, 50_000)
    assert [(one["account"], one["wire"], one["amount_minor"]) for one in await outside.charges(payment)] == [(kind, kind, 50_000)]
    assert await sources(merchant, payment) == (["webhook"] if kind == "razorpay" else [])


async def test_a_upi_app(merchant: Merchant, outside: Outside) -> None:
    payment, told = await paid(merchant, outside, foreign("razorpay", **upi()))
    assert (told["status"], told["method"]) == ("succeeded", "UPI")
    assert await sources(merchant, payment) == ["webhook"]


@KINDS
async def test_a_card_that_is_refused(kind: str, merchant: Merchant, outside: Outside) -> None:
    payment, told = await paid(merchant, outside, foreign(kind, **card(magic_pan("insufficient-funds"))), acts=False)
    assert (told["status"], told["error"]["code"]) == ("failed", "insufficient_funds")
    assert await outside.charges(payment) == []


@KINDS
async def test_what_is_authorized_is_captured_and_refunded(kind: str, merchant: Merchant, outside: Outside) -> None:
    """Razorpay captures the whole; Stripe a part, and lets go of the rest."""
    payment, _ = await paid(merchant, outside, foreign(kind, capture="manual"), HELD, acts=kind == "razorpay")
    part = await ask(merchant, payment, "capture", 20_000)
    captured = 20_000
    if kind == "razorpay":
        assert (part.status, part.code) == (409, "PAYMENT_NOT_CAPTURABLE")
        part, captured = await ask(merchant, payment, "capture"), 50_000
    assert (part.body["operation"]["status"], part.body["payment"]["status"]) == ("succeeded", "succeeded"), part.body
    first, rest = await ask(merchant, payment, "refunds", 5_000), await ask(merchant, payment, "refunds")
    assert (first.body["payment"]["status"], rest.body["payment"]["status"]) == ("partially_refunded", "refunded"), (first.body, rest.body)
    assert rest.body["payment"]["amount_refunded"] == rest.body["payment"]["amount_captured"] == captured
    assert await moves(outside, rest.body["operation"]) == [("refunded", captured - 5_000)]


@KINDS
async def test_what_is_authorized_is_voided_where_the_gateway_can(kind: str, merchant: Merchant, outside: Outside) -> None:
    payment, _ = await paid(merchant, outside, foreign(kind, capture="manual"), HELD, acts=kind == "razorpay")
    answer = await ask(merchant, payment, "void")
    if kind == "razorpay":
        assert (answer.status, answer.code) == (409, "PAYMENT_NOT_VOIDABLE"), answer.body
    else:
        assert (answer.status, answer.body["payment"]["status"]) == (201, "cancelled"), answer.body


@KINDS
async def test_what_nobody_captures_in_time_expires(kind: str, merchant: Merchant, outside: Outside, inside: Inside) -> None:
    """Stripe is told to let go; Razorpay does so by itself, and is asked for nothing."""
    payment, _ = await paid(merchant, outside, foreign(kind, capture="manual"), HELD, acts=kind == "razorpay")
    await inside.make_overdue(payment)
    assert (await outside.told(payment, ("payment.expired",)))["data"]["status"] == "expired"
    made = (await merchant.call("GET", f"/payments/{payment.id}/operations")).body["items"]
    assert [(one["kind"], one["status"]) for one in made] == ([("void", "succeeded")] if kind == "stripe" else [])


@KINDS
async def test_a_payment_link(kind: str, merchant: Merchant, outside: Outside) -> None:
    payment, told = await paid(merchant, outside, foreign(kind, method="PAYMENT_LINK", instrument=None))
    assert (told["status"], told["amount_captured"]) == ("succeeded", 50_000)
    assert await sources(merchant, payment) == ["webhook"]
    assert (await ask(merchant, payment, "refunds", 5_000)).body["operation"]["status"] == "succeeded"


@KINDS
async def test_a_webhook_ends_what_is_unknown(kind: str, merchant: Merchant, outside: Outside) -> None:
    """Given up after 2.5 s, charged after 3.5, and asked about after 7.5 at the earliest."""
    payment = await merchant.pay(foreign(kind, **card(magic_pan("accept-late"))))
    await outside.told(payment, ("payment.pending_verification",))
    assert (await outside.told(payment))["data"]["status"] == "succeeded"
    assert await sources(merchant, payment) == ["webhook"]
    assert len(await outside.charges(payment)) == 1


@KINDS
async def test_a_question_ends_what_is_unknown(kind: str, merchant: Merchant, outside: Outside) -> None:
    await outside.change(f"/gateways/{kind}", webhook_copies=0, frictionless=True)
    payment = await merchant.pay(foreign(kind, **card(magic_pan("hang-charged"))))
    assert (await outside.told(payment))["data"]["status"] == "succeeded"
    assert await sources(merchant, payment) == ["lookup"]
    assert len(await outside.charges(payment)) == 1


@KINDS
async def test_a_refund_whose_answer_is_lost_is_found(kind: str, merchant: Merchant, outside: Outside) -> None:
    await outside.change(f"/gateways/{kind}", webhook_copies=0)
    payment, _ = await paid(merchant, outside, foreign(kind), acts=False) if kind == "stripe" else await looked_up(merchant, outside)
    await merchant.call("POST", f"/payments/{payment.id}/refunds", {"amount": 9_013}, {"Prefer": "wait=0"})
    done = await ended(merchant, payment, "refund")
    assert (done["status"], await moves(outside, done)) == ("succeeded", [("refunded", 9_013)])


async def looked_up(merchant: Merchant, outside: Outside) -> tuple[Payment, dict[str, Any]]:
    await outside.change("/gateways/razorpay", frictionless=True)
    return await paid(merchant, outside, foreign("razorpay"), acts=False)


@KINDS
async def test_its_lists_agree_with_all_of_that(kind: str, merchant: Merchant, operator: dict[str, str]) -> None:
    """Charges, links, captures, voids and refunds, those whose answers were lost among them."""
    async with reconciled(Merchant(merchant.http, merchant.api, operator), BEGAN, kind) as found:
        assert found == []
    [run, *_] = (await merchant.call("GET", f"/reconciliation/runs?gateway={kind}", headers=operator)).body["items"]
    assert run["matched"] >= 7, run
