"""Webhooks that the sandbox sends in each format: signed so that codecs believe them, and nobody else's."""

import time
from collections.abc import AsyncIterator

import pytest

from shared.gateways import ActionRequired, Heard, Refused, Succeeded, Unverified
from tests.sandbox.receiver import Receiver, receiving
from tests.sandbox.wires import Merchant, card, new_attempt

CHARGED = {"sandbox": "charge.succeeded", "razorpay": "payment.captured", "stripe": "payment_intent.succeeded"}
HELD = {"sandbox": "charge.authorized", "razorpay": "payment.authorized", "stripe": "payment_intent.amount_capturable_updated"}
FAILED = {"sandbox": "charge.failed", "razorpay": "payment.failed", "stripe": "payment_intent.payment_failed"}
REFUNDED = {"sandbox": "refund.succeeded", "razorpay": "refund.processed", "stripe": "refund.created"}
PAID = {"sandbox": "link.paid", "razorpay": "payment_link.paid", "stripe": "checkout.session.completed"}


@pytest.fixture
async def receiver(merchant: Merchant) -> AsyncIterator[Receiver]:
    async with receiving() as one:
        await merchant.sandbox.put("/gateways/alpha/settings", webhook_url=one.url)
        yield one


async def heard(merchant: Merchant, receiver: Receiver, event: str) -> Heard:
    """The next webhook of that name, believed and parsed."""
    while True:
        headers, body = await receiver.next()
        merchant.codec.verify_webhook(merchant.account, headers, body, time.time())
        found = merchant.codec.parse_webhook(headers, body)
        if found and found.event == event:
            return found


async def test_a_charge_is_told_with_our_reference_and_its_amount(merchant: Merchant, receiver: Receiver) -> None:
    attempt, held = new_attempt(), new_attempt("authorize")
    done = await merchant.done(attempt)
    told = await heard(merchant, receiver, CHARGED[merchant.kind])
    assert (told.reference, told.operation, told.gateway_reference, told.finding) == (
        str(attempt.attempt_id),
        "charge",
        done.reference,
        done,
    )
    done = await merchant.done(held)
    told = await heard(merchant, receiver, HELD[merchant.kind])
    assert (told.reference, told.operation, told.finding) == (str(held.attempt_id), "authorize", done)


async def test_a_failure_counts_as_evidence_too(merchant: Merchant, receiver: Receiver) -> None:
    attempt = new_attempt()
    answer = await merchant.execute(attempt, card("insufficient-funds"))
    told = await heard(merchant, receiver, FAILED[merchant.kind])
    assert told.reference == str(attempt.attempt_id)
    assert isinstance(told.finding, Refused)
    assert isinstance(answer, Refused)
    assert told.finding.refusal.code == answer.refusal.code


async def test_refunds_and_links_are_told(merchant: Merchant, receiver: Receiver) -> None:
    done = await merchant.done(new_attempt())
    refund, link = new_attempt("refund", 100, done.reference), new_attempt("link", method="PAYMENT_LINK")
    answer = await merchant.execute(refund)
    told = await heard(merchant, receiver, REFUNDED[merchant.kind])
    assert (told.reference, told.operation, told.finding) == (str(refund.attempt_id), "refund", answer)
    action = await merchant.execute(link)
    assert isinstance(action, ActionRequired)
    await merchant.pay(action)
    told = await heard(merchant, receiver, PAID[merchant.kind])
    assert told.reference == str(link.attempt_id)
    assert told.finding == await merchant.find(link, action.reference)
    assert isinstance(told.finding, Succeeded)


async def test_all_that_tells_of_a_links_charge_names_it_alike(merchant: Merchant, receiver: Receiver) -> None:
    """The link itself is no charge: under its name the payment would seem to have been paid twice."""
    action = await merchant.execute(new_attempt("link", method="PAYMENT_LINK"))
    assert isinstance(action, ActionRequired)
    await merchant.pay(action)
    awaited = {PAID[merchant.kind]} if merchant.kind == "sandbox" else {PAID[merchant.kind], CHARGED[merchant.kind]}
    told: dict[str, str | None] = {}
    while not awaited <= told.keys():
        headers, body = await receiver.next()
        if found := merchant.codec.parse_webhook(headers, body):
            told[found.event] = found.gateway_reference
    assert len(set(told.values())) == 1
    assert None not in told.values()


async def test_nobody_elses_webhook_is_believed(merchant: Merchant, receiver: Receiver) -> None:
    await merchant.done(new_attempt())
    headers, body = await receiver.next()
    verify, account, now_s = merchant.codec.verify_webhook, merchant.account, time.time()
    verify(account, headers, body, now_s)
    verify(account, {name.upper(): value for name, value in headers.items()}, body, now_s)
    rotated = account.model_copy(update={"webhook_secret": f"whsec_b3RoZXI= {account.webhook_secret}"})
    verify(rotated, headers, body, now_s)
    with pytest.raises(Unverified):
        verify(account, headers, body.replace(b"49950", b"49951"), now_s)
    with pytest.raises(Unverified):
        verify(account, {}, body, now_s)
    for secret in ("", "whsec_b3RoZXI=", "${NOT_GIVEN}"):
        with pytest.raises(Unverified):
            verify(account.model_copy(update={"webhook_secret": secret}), headers, body, now_s)
    for name in headers:
        if "signature" in name.lower():
            with pytest.raises(Unverified):
                verify(account, headers | {name: headers[name][:-2] + "00"}, body, now_s)
    window_s = merchant.codec.replay_window_s
    if window_s is None:
        verify(account, headers, body, now_s + 86_400)
        return
    for age_s in (window_s + 10, -window_s - 10):
        with pytest.raises(Unverified):
            verify(account, headers, body, now_s + age_s)


async def test_a_webhook_comes_again_until_it_is_taken_and_in_copies(merchant: Merchant, receiver: Receiver) -> None:
    receiver.refuse_first = 1
    await merchant.sandbox.put("/gateways/alpha/settings", webhook_copies=2)
    attempt = new_attempt()
    await merchant.execute(attempt, card("decline"))
    told = [await heard(merchant, receiver, FAILED[merchant.kind]) for _ in range(3)]
    assert len({one.event_id for one in told}) == 1
    assert {one.reference for one in told} == {str(attempt.attempt_id)}


async def test_an_account_of_its_own_secret_is_not_the_defaults(merchant: Merchant, receiver: Receiver) -> None:
    await merchant.sandbox.put("/gateways/alpha/settings", webhook_secret="whsec_b3RoZXI=")
    await merchant.done(new_attempt())
    headers, body = await receiver.next()
    with pytest.raises(Unverified):
        merchant.codec.verify_webhook(merchant.account, headers, body, time.time())
    other = merchant.account.model_copy(update={"webhook_secret": "whsec_b3RoZXI="})
    merchant.codec.verify_webhook(other, headers, body, time.time())
