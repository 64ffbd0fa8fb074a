"""What gateways do, and what the mesh makes of it. All payments are sent at once, and each test waits for its own.

A charge that may have happened is asked about and never tried elsewhere; another gateway gets the payment only where not having
charged is proven.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from tests.mesh.inside import Inside
from tests.mesh.instruments import card, magic_pan, upi
from tests.mesh.merchant import Merchant, Payment, order
from tests.mesh.outside import Outside

WITHIN_S = 90.0


@dataclass(frozen=True)
class Case:
    """Behaviours at the preferred gateway (and elsewhere), and the states that the payment goes through.

    `charged` says whether the first gateway keeps the payment; None: nobody charges.
    """

    vpa: str
    states: tuple[str, ...]
    timeline: tuple[str, ...]
    charged: bool | None
    at: str = "alpha"


def fallback(vpa: str) -> Case:
    """Refused by the first for good reason, taken by the next."""
    return Case(vpa, ("succeeded",), ("attempt.failed", "attempt.succeeded", "payment.succeeded"), False)


def unknown(vpa: str, *, charged: bool, at: str = "alpha") -> Case:
    """An answer that says nothing; the gateway is asked until it is known."""
    then = ("payment.succeeded",) if charged else ("attempt.succeeded", "payment.succeeded")
    timeline = ("attempt.unknown", "payment.pending_verification", "attempt.verified", *then)
    return Case(vpa, ("pending_verification", "succeeded"), timeline, charged, at)


FINAL = ("attempt.failed", "route.exhausted", "payment.failed")
CASES = {
    "succeed": Case("succeed", ("succeeded",), ("attempt.succeeded", "payment.succeeded"), True),
    "slow": Case("slow", ("succeeded",), ("attempt.succeeded", "payment.succeeded"), True),
    "decline": Case("decline.alpha", ("failed",), FINAL, None),
    "insufficient funds": Case("insufficient-funds.alpha", ("failed",), FINAL, None),
    "wrong PIN": Case("incorrect-pin.alpha", ("failed",), FINAL, None),
    "fraud": Case("suspected-fraud.alpha", ("failed",), FINAL, None),
    "failure": fallback("fail.alpha"),
    "issuer unavailable": fallback("issuer-unavailable.alpha"),
    "rate limit": fallback("rate-limit.alpha"),
    "account suspended": fallback("account-suspended.alpha"),
    "timeout": unknown("hang.alpha", charged=False),
    "500": unknown("error-500.alpha", charged=False),
    "cut": unknown("cut.alpha", charged=False),
    "timeout, charged": unknown("hang-charged.alpha", charged=True),
    "500, charged": unknown("charge-then-500.alpha", charged=True),
    "cut, charged": unknown("cut-charged.alpha", charged=True),
    "garbage": unknown("garbage.alpha", charged=True),
    "answer after the deadline": unknown("late.alpha", charged=True),
    "charge after the deadline": unknown("accept-late.gamma", charged=True, at="gamma"),
    "pending": unknown("pending.alpha", charged=True),
    "wrong amount": Case("wrong-amount.alpha", ("conflicted",), ("attempt.succeeded", "payment.conflicted"), True),
    "failure everywhere": Case("fail", ("failed",), ("attempt.failed", "attempt.failed", *FINAL), None),
}


@pytest.fixture(scope="module")
async def payments(merchant: Merchant) -> dict[str, Payment]:
    """One for each case, on its way."""
    made = await asyncio.gather(*(merchant.pay(order(alias=case.at, **upi(case.vpa))) for case in CASES.values()))
    return dict(zip(CASES, made, strict=True))


@pytest.mark.parametrize("name", CASES)
async def test_it_ends_as_it_must(merchant: Merchant, outside: Outside, payments: Mapping[str, Payment], name: str) -> None:
    case, payment = CASES[name], payments[name]
    told = await outside.told(payment, within_s=WITHIN_S)
    ended, asked = await merchant.show(payment), payment.answer.body["amount"]
    assert (ended["status"], ended["sequence"]) == (case.states[-1], len(case.states))
    assert told["data"] == {field: value for field, value in ended.items() if value is not None}

    charges = await outside.charges(payment)
    assert len(charges) == (0 if case.charged is None else 1)
    for charge in charges:
        assert (charge["account"] == case.at) == case.charged
        assert charge["reference"] == payment.references[0 if case.charged else 1]
        assert (charge["account"], charge["requested_minor"]) == (ended["gateway"], asked)

    webhooks = await outside.webhooks(payment, len(case.states))
    assert [record["type"] for record in webhooks] == [f"payment.{state}" for state in case.states]
    assert [record["sequence"] for record in webhooks] == list(range(1, len(case.states) + 1))
    assert await merchant.events(payment) == ["payment.created", *case.timeline]


async def test_every_webhook_names_the_one_before(outside: Outside, payments: Mapping[str, Payment]) -> None:
    last = await outside.told(payments["timeout, charged"], within_s=WITHIN_S)
    first = await outside.told(payments["timeout, charged"], ["payment.pending_verification"])
    assert (first["previous_event_id"], last["previous_event_id"]) == (None, first["event_id"])


async def test_a_decline_says_why_and_whose_word_it_is(merchant: Merchant, outside: Outside, payments: Mapping[str, Payment]) -> None:
    payment = payments["decline"]
    await outside.told(payment, within_s=WITHIN_S)
    assert (await merchant.show(payment))["error"] == {"code": "card_declined", "message": "The payer's bank declined."}
    [refusal] = await outside.journal(payment)
    assert (refusal["kind"], refusal["account"]) == ("refused", "alpha")


async def test_a_payment_that_nobody_takes_remains_and_says_so(
    merchant: Merchant, outside: Outside, payments: Mapping[str, Payment]
) -> None:
    payment = payments["failure everywhere"]
    await outside.told(payment, within_s=WITHIN_S)
    assert (await merchant.show(payment))["error"]["code"] == "gateway_error_not_charged"
    tried = [detail["gateway"] for event, detail in await merchant.timeline(payment) if event == "attempt.failed"]
    assert sorted(tried) == ["alpha", "beta", "gamma"]
    assert {record["kind"] for record in await outside.journal(payment)} == {"refused"}
    again = await merchant.post(payment.body, key=payment.key)
    assert (again.body["payment_id"], again.headers["Idempotent-Replayed"]) == (payment.id, "true")


async def test_a_wrong_amount_is_told_with_both(merchant: Merchant, outside: Outside, payments: Mapping[str, Payment]) -> None:
    payment = payments["wrong amount"]
    await outside.told(payment, within_s=WITHIN_S)
    [charge] = await outside.charges(payment)
    error, asked = (await merchant.show(payment))["error"], payment.answer.body["amount"]
    assert (error["code"], charge["amount_minor"]) == ("AMOUNT_MISMATCH", asked - 1)
    assert f"{asked} INR" in error["message"]
    assert f"{asked - 1} INR" in error["message"]


async def test_a_charge_that_comes_late_was_asked_for_before_it_came(
    outside: Outside, inside: Inside, payments: Mapping[str, Payment]
) -> None:
    """The first answer was "not found", and proved nothing."""
    payment = payments["charge after the deadline"]
    await outside.told(payment, within_s=WITHIN_S)
    [row] = await inside.fetch("verifier", "SELECT lookups, state FROM verifications WHERE attempt_id = $1", payment.references[0])
    assert row["lookups"] >= 2
    assert row["state"] == "succeeded"


@pytest.mark.parametrize(
    ("name", "source"), [("answer after the deadline", "late_answer"), ("charge after the deadline", "lookup"), ("timeout", "lookup")]
)
async def test_the_end_of_doubt_says_where_it_came_from(
    merchant: Merchant, outside: Outside, payments: Mapping[str, Payment], name: str, source: str
) -> None:
    await outside.told(payments[name], within_s=WITHIN_S)
    [found] = [detail for event, detail in await merchant.timeline(payments[name]) if event == "attempt.verified"]
    assert found["source"] == source


async def test_a_gateway_that_is_not_there_is_passed_over(merchant: Merchant, outside: Outside) -> None:
    """`closed` has the first claim on this currency, and nobody listens at its address."""
    payment = await merchant.pay(order(currency="KWD"), wait_s=30)
    assert (payment.answer.body["status"], payment.answer.body["gateway"]) == ("succeeded", "alpha")
    first, second = (await merchant.timeline(payment))[1:3]
    assert (first[0], first[1]["gateway"], first[1]["code"]) == ("attempt.failed", "closed", "NOT_CONNECTED")
    assert (second[0], second[1]["gateway"], second[1]["number"]) == ("attempt.succeeded", "alpha", 2)
    assert [charge["account"] for charge in await outside.charges(payment)] == ["alpha"]


@pytest.mark.parametrize(
    ("behaviour", "status", "code"), [("decline", "failed", "card_declined"), ("fail", "failed", "gateway_error_not_charged")]
)
async def test_a_card_meets_the_same(merchant: Merchant, outside: Outside, behaviour: str, status: str, code: str) -> None:
    payment = await merchant.pay(order(**card(magic_pan(behaviour))), wait_s=30)
    assert (payment.answer.body["status"], payment.answer.body["error"]["code"]) == (status, code)
    assert await outside.charges(payment) == []
