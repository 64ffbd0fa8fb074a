"""Stripe's own Python client, pointed at the sandbox: it answers as Stripe does, and signs so that the client believes it."""

import asyncio
import time
from typing import Any
from uuid import uuid4

import pytest
import stripe

from deploy.sandbox.webhooks import secret_of
from shared.gateways import CODECS, Unverified
from tests.sandbox.client import Sandbox
from tests.sandbox.receiver import receiving
from tests.sandbox.wires import account_of

PAY: Any = {"amount": 50_000, "currency": "inr", "payment_method_types": ["card"]}


@pytest.fixture
def client(process: Sandbox) -> stripe.StripeClient:
    return stripe.StripeClient("sk_test_alpha", base_addresses={"api": f"{process.url}/stripe/alpha"}, max_network_retries=0)


def asked(**more: Any) -> Any:
    """A PaymentIntent's parameters."""
    return PAY | more


def card_data(number: str) -> Any:
    return {"type": "card", "card": {"number": number, "exp_month": 12, "exp_year": 2031, "cvc": "123"}}


async def test_a_payment_in_one_step_and_its_refunds(client: stripe.StripeClient) -> None:
    def pay() -> None:
        paid = client.v1.payment_intents.create(asked(confirm=True, payment_method="pm_card_visa", expand=["latest_charge"]))
        assert (paid.status, paid.amount_received, paid.currency) == ("succeeded", 50_000, "inr")
        assert isinstance(paid.latest_charge, stripe.Charge)
        assert client.v1.charges.retrieve(paid.latest_charge.id).paid
        refund = client.v1.refunds.create({"payment_intent": paid.id, "amount": 20_000, "metadata": {"why": "late"}})
        assert refund.metadata is not None
        assert (refund.status, refund.metadata["why"]) == ("succeeded", "late")
        with pytest.raises(stripe.InvalidRequestError, match="greater"):
            client.v1.refunds.create({"payment_intent": paid.id, "amount": 30_001})
        assert client.v1.refunds.create({"charge": paid.latest_charge.id}).amount == 30_000
        with pytest.raises(stripe.InvalidRequestError) as raised:
            client.v1.refunds.create({"payment_intent": paid.id})
        assert raised.value.code == "charge_already_refunded"
        assert [one.amount for one in client.v1.refunds.list({"payment_intent": paid.id}).data] == [30_000, 20_000]
        assert client.v1.charges.list({"payment_intent": paid.id}).data[0].refunded
        assert client.v1.refunds.retrieve(refund.id).amount == 20_000

    await asyncio.to_thread(pay)


async def test_two_steps_manual_capture_and_cancellation(client: stripe.StripeClient) -> None:
    def hold() -> None:
        several: Any = {"payment_method_options": {"card": {"request_multicapture": "if_available"}}}
        intent = client.v1.payment_intents.create(asked(capture_method="manual", **several))
        assert (intent.status, intent.latest_charge) == ("requires_payment_method", None)
        held = client.v1.payment_intents.confirm(intent.id, {"payment_method_data": card_data("4242424242424242")})
        assert (held.status, held.amount_capturable, held.amount_received) == ("requires_capture", 50_000, 0)
        part = client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 20_000, "final_capture": False})
        assert (part.status, part.amount_capturable, part.amount_received) == ("requires_capture", 30_000, 20_000)
        released = client.v1.payment_intents.cancel(intent.id)
        assert (released.status, released.amount_received) == ("canceled", 20_000)
        single = client.v1.payment_intents.create(asked(capture_method="manual", confirm=True, payment_method="pm_card_visa"))
        with pytest.raises(stripe.InvalidRequestError, match="multicapture"):
            client.v1.payment_intents.capture(single.id, {"amount_to_capture": 1, "final_capture": False})
        with pytest.raises(stripe.InvalidRequestError) as raised:
            client.v1.payment_intents.capture(single.id, {"amount_to_capture": 50_001})
        assert raised.value.code == "amount_too_large"
        rest = client.v1.payment_intents.capture(single.id, {"amount_to_capture": 20_000})
        assert (rest.status, rest.amount_received, rest.amount_capturable) == ("succeeded", 20_000, 0)
        unpaid = client.v1.payment_intents.create(PAY)
        assert client.v1.payment_intents.cancel(unpaid.id).status == "canceled"
        with pytest.raises(stripe.InvalidRequestError) as raised:
            client.v1.payment_intents.confirm(unpaid.id, {"payment_method": "pm_card_visa"})
        assert raised.value.code == "payment_intent_unexpected_state"

    await asyncio.to_thread(hold)


@pytest.mark.parametrize(
    ("number", "code", "decline_code"),
    [
        ("4000000000000002", "card_declined", "generic_decline"),
        ("4000000000009995", "card_declined", "insufficient_funds"),
        ("4000000000009987", "card_declined", "lost_card"),
        ("4000000000009979", "card_declined", "stolen_card"),
        ("4000000000000069", "expired_card", "expired_card"),
        ("4000000000000127", "incorrect_cvc", "incorrect_cvc"),
        ("4000000000000119", "processing_error", "processing_error"),
        ("4000000000006975", "card_declined", "card_velocity_exceeded"),
        ("4100000000000019", "card_declined", "fraudulent"),
        ("4242424242424241", "incorrect_number", None),
    ],
)
async def test_the_documented_cards_are_declined(client: stripe.StripeClient, number: str, code: str, decline_code: str | None) -> None:
    def decline() -> None:
        intent = client.v1.payment_intents.create(PAY)
        with pytest.raises(stripe.CardError) as raised:
            client.v1.payment_intents.confirm(intent.id, {"payment_method_data": card_data(number)})
        error = raised.value.error
        assert error is not None
        assert (raised.value.http_status, raised.value.code, error.decline_code) == (402, code, decline_code)
        assert error.payment_intent is not None
        assert error.payment_intent.id == intent.id
        shown = client.v1.payment_intents.retrieve(intent.id)
        assert shown.status == "requires_payment_method"
        assert shown.last_payment_error is not None
        assert shown.last_payment_error.code == code
        assert (decline_code or code) in CODECS["stripe"].codes
        again = client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
        assert again.status == "succeeded"

    await asyncio.to_thread(decline)


async def test_a_payer_who_must_authenticate(client: stripe.StripeClient, process: Sandbox) -> None:
    action = await asyncio.to_thread(client.v1.payment_intents.create, asked(confirm=True, payment_method="pm_card_authenticationRequired"))
    assert action.status == "requires_action"
    assert action.next_action is not None
    assert action.next_action.redirect_to_url is not None
    url = str(action.next_action.redirect_to_url.url)
    assert (await process.call("POST", url.removeprefix(process.url), params={"outcome": "approve"})).status == 200
    assert (await asyncio.to_thread(client.v1.payment_intents.retrieve, action.id)).status == "succeeded"


async def test_a_key_stands_for_one_request_and_its_answer(client: stripe.StripeClient) -> None:
    def keys() -> None:
        options: Any = {"idempotency_key": str(uuid4())}
        first = client.v1.payment_intents.create(asked(confirm=True, payment_method="pm_card_visa"), options)
        again = client.v1.payment_intents.create(asked(confirm=True, payment_method="pm_card_visa"), options)
        assert again.id == first.id
        assert again.last_response is not None
        assert again.last_response.headers["Idempotent-Replayed"] == "true"
        with pytest.raises(stripe.IdempotencyError):
            client.v1.payment_intents.create(asked(amount=1, confirm=True, payment_method="pm_card_visa"), options)
        declined: Any = {"idempotency_key": str(uuid4())}
        for _ in range(2):
            with pytest.raises(stripe.CardError) as raised:
                client.v1.payment_intents.create(asked(confirm=True, payment_method="pm_card_chargeDeclined"), declined)
        assert raised.value.headers is not None
        assert raised.value.headers["Idempotent-Replayed"] == "true"

    await asyncio.to_thread(keys)


async def test_lists_have_pages_and_search_finds_metadata(client: stripe.StripeClient) -> None:
    def pages() -> None:
        start, mark = int(time.time()), str(uuid4())
        made = [client.v1.payment_intents.create(asked(metadata={"reference": mark})).id for _ in range(5)]
        window: Any = {"created": {"gte": start, "lte": start + 60}, "limit": 2}
        assert [one.id for one in client.v1.payment_intents.list(window).auto_paging_iter()][:5] == made[::-1]
        assert client.v1.payment_intents.list({"created": {"lt": start - 3600, "gte": start - 7200}}).data == []
        found = client.v1.payment_intents.search({"query": f"metadata['reference']:'{mark}'"})
        assert sorted(one.id for one in found.data) == sorted(made)

    await asyncio.to_thread(pages)


async def test_checkout(client: stripe.StripeClient, process: Sandbox) -> None:
    line: Any = {"quantity": 1, "price_data": {"currency": "inr", "unit_amount": 5_000, "product_data": {"name": "Tea"}}}
    wanted: Any = {"mode": "payment", "line_items": [line], "success_url": "https://shop.example"}
    session = await asyncio.to_thread(client.v1.checkout.sessions.create, wanted)
    assert (session.status, session.payment_status, session.payment_intent) == ("open", "unpaid", None)
    assert session.url is not None
    assert (await process.call("POST", session.url.removeprefix(process.url), params={"outcome": "approve"})).status == 200
    paid = await asyncio.to_thread(client.v1.checkout.sessions.retrieve, session.id)
    assert (paid.status, paid.payment_status, paid.amount_total) == ("complete", "paid", 5_000)
    intent = await asyncio.to_thread(client.v1.payment_intents.retrieve, str(paid.payment_intent))
    assert (intent.status, intent.amount_received) == ("succeeded", 5_000)
    other = await asyncio.to_thread(client.v1.checkout.sessions.create, {"mode": "payment", "line_items": [line]})
    assert (await asyncio.to_thread(client.v1.checkout.sessions.expire, other.id)).status == "expired"


async def test_a_wrong_key(process: Sandbox) -> None:
    stranger = stripe.StripeClient("sk_test_wrong", base_addresses={"api": f"{process.url}/stripe/alpha"}, max_network_retries=0)
    with pytest.raises(stripe.AuthenticationError):
        await asyncio.to_thread(stranger.v1.charges.list)


async def test_the_client_and_the_codec_believe_the_same_webhooks(client: stripe.StripeClient, process: Sandbox) -> None:
    codec, account, secret = CODECS["stripe"], account_of("stripe", process.url), secret_of("alpha")
    async with receiving() as receiver:
        await process.put("/gateways/alpha/settings", webhook_url=receiver.url)
        paid = await asyncio.to_thread(client.v1.payment_intents.create, asked(confirm=True, payment_method="pm_card_visa"))
        headers, body = await receiver.next()
        await process.call("DELETE", "/gateways/alpha/settings")
    event = client.construct_event(body, headers["Stripe-Signature"], secret)
    assert (event.type, event.data.object["id"]) == ("payment_intent.succeeded", paid.id)
    codec.verify_webhook(account, headers, body, time.time())
    for signature, payload in ((headers["Stripe-Signature"], body + b" "), (headers["Stripe-Signature"][:-1] + "x", body)):
        with pytest.raises(stripe.SignatureVerificationError):
            client.construct_event(payload, signature, secret)
        with pytest.raises(Unverified):
            codec.verify_webhook(account, {"Stripe-Signature": signature}, payload, time.time())
