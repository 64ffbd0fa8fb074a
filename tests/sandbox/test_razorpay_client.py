"""Razorpay's own Python client, pointed at the sandbox: it answers as Razorpay does, and signs so that the client believes it."""

import asyncio
import time
from typing import Any
from uuid import uuid4

import pytest
import razorpay

from deploy.sandbox.webhooks import secret_of
from shared.gateways import CODECS
from tests.sandbox.client import Sandbox
from tests.sandbox.receiver import receiving
from tests.sandbox.wires import GOOD_CARD, NUMBER_OF, account_of

CARD = {"number": GOOD_CARD, "name": "Asha", "expiry_month": "12", "expiry_year": "31", "cvv": "123"}


@pytest.fixture
def client(process: Sandbox) -> razorpay.Client:
    return razorpay.Client(auth=("rzp_test_alpha", "sk_sandbox_alpha"), base_url=f"{process.url}/razorpay/alpha")


def payment_of(order: dict[str, Any], **more: Any) -> dict[str, Any]:
    same = {"amount": order["amount"], "currency": order["currency"], "order_id": order["id"]}
    return same | {"email": "asha@example.com", "contact": "+919000090000", "method": "card", "card": CARD} | more


def collect(order: dict[str, Any], vpa: str) -> dict[str, Any]:
    return payment_of(order, method="upi", upi={"flow": "collect", "vpa": vpa, "expiry_time": 5})


async def approve(process: Sandbox, payment_id: str) -> None:
    assert (await process.call("POST", f"/gateways/alpha/pay/{payment_id}", params={"outcome": "approve"})).status == 200


async def test_an_order_is_paid_by_card_captured_and_refunded(client: razorpay.Client, process: Sandbox) -> None:
    def order_and_pay() -> tuple[dict[str, Any], dict[str, Any]]:
        order = client.order.create(
            {"amount": 50_000, "currency": "INR", "receipt": str(uuid4()), "payment_capture": 0, "notes": {"a": "b"}}
        )
        assert (order["entity"], order["status"], order["amount_due"], order["notes"]) == ("order", "created", 50_000, {"a": "b"})
        assert client.order.fetch(order["id"]) == order
        return order, client.payment.createPaymentJson(payment_of(order))

    order, created = await asyncio.to_thread(order_and_pay)
    payment_id = created["razorpay_payment_id"]
    assert payment_id.startswith("pay_")
    assert created["next"][0]["action"] == "redirect"
    assert (await asyncio.to_thread(client.payment.fetch, payment_id))["status"] == "created"
    await approve(process, payment_id)

    def capture_and_refund() -> None:
        assert client.payment.fetch(payment_id)["status"] == "authorized"
        with pytest.raises(razorpay.errors.BadRequestError, match="equal to the amount authorized"):
            client.payment.capture(payment_id, 40_000)
        assert client.payment.capture(payment_id, 50_000, {"currency": "INR"})["status"] == "captured"
        with pytest.raises(razorpay.errors.BadRequestError, match="already been captured"):
            client.payment.capture(payment_id, 50_000)
        paid = client.order.fetch(order["id"])
        assert (paid["status"], paid["amount_paid"], paid["attempts"]) == ("paid", 50_000, 1)
        assert client.order.payments(order["id"])["items"][0]["id"] == payment_id
        refund = client.payment.refund(payment_id, {"amount": 20_000, "receipt": "r-1", "notes": {"why": "late"}})
        assert (refund["entity"], refund["status"], refund["receipt"], refund["payment_id"]) == ("refund", "processed", "r-1", payment_id)
        with pytest.raises(razorpay.errors.BadRequestError, match="greater than"):
            client.payment.refund(payment_id, {"amount": 30_001})
        assert client.payment.fetch(payment_id)["refund_status"] == "partial"
        assert client.payment.refund(payment_id, {})["amount"] == 30_000
        assert client.payment.fetch(payment_id)["status"] == "refunded"
        with pytest.raises(razorpay.errors.BadRequestError, match="fully refunded"):
            client.payment.refund(payment_id, {"amount": 1})
        assert [one["amount"] for one in client.payment.fetch_multiple_refund(payment_id)["items"]] == [30_000, 20_000]
        assert client.refund.fetch(refund["id"]) == refund

    await asyncio.to_thread(capture_and_refund)


async def test_upi_by_the_documented_addresses_and_by_an_app(client: razorpay.Client, process: Sandbox) -> None:
    def pay() -> str:
        order = client.order.create({"amount": 50_000, "currency": "INR"})
        paid = client.payment.createUpi(collect(order, "success@razorpay"))
        assert client.payment.fetch(paid["razorpay_payment_id"])["status"] == "captured"
        order = client.order.create({"amount": 50_000, "currency": "INR"})
        with pytest.raises(razorpay.errors.BadRequestError, match="declined"):
            client.payment.createUpi(collect(order, "failure@razorpay"))
        (failed,) = client.order.payments(order["id"])["items"]
        assert (failed["status"], failed["error_reason"], failed["captured"]) == ("failed", "payment_declined", False)
        intent = client.payment.createUpi(payment_of(order, method="upi", upi={"flow": "intent"}))
        assert intent["link"].startswith("upi://pay?")
        return str(intent["razorpay_payment_id"])

    payment_id = await asyncio.to_thread(pay)
    await approve(process, payment_id)
    assert (await asyncio.to_thread(client.payment.fetch, payment_id))["status"] == "captured"


async def test_errors_and_wrong_keys(client: razorpay.Client, process: Sandbox) -> None:
    def errors() -> None:
        same = {"amount": 1_000, "currency": "INR"}
        for change in (
            {"amount": None},
            {"amount": 1_005, "currency": "KWD"},
            {"amount": "x"},
            {"receipt": "r" * 41},
            {"currency": "rupees"},
        ):
            with pytest.raises(razorpay.errors.BadRequestError):
                client.order.create(same | change)
        order = client.order.create({"amount": 50_000, "currency": "INR"})
        with pytest.raises(razorpay.errors.BadRequestError, match="enough funds"):
            client.payment.createPaymentJson(payment_of(order, card=CARD | {"number": NUMBER_OF["insufficient-funds"]}))
        with pytest.raises(razorpay.errors.BadRequestError, match="does not exist"):
            client.payment.fetch("pay_00000000000000")
        stranger = razorpay.Client(auth=("rzp_test_alpha", "wrong"), base_url=f"{process.url}/razorpay/alpha")
        with pytest.raises(razorpay.errors.BadRequestError, match="Authentication failed"):
            stranger.order.all()

    await asyncio.to_thread(errors)


async def test_lists_have_pages(client: razorpay.Client) -> None:
    def pages() -> None:
        start = int(time.time())
        orders = [client.order.create({"amount": 100 + n, "currency": "INR"}) for n in range(5)]
        payments = [client.payment.createUpi(collect(order, "success@razorpay"))["razorpay_payment_id"] for order in orders]
        found = client.payment.all({"from": start, "to": start + 60, "count": 2, "skip": 1})
        assert (found["entity"], found["count"]) == ("collection", 2)
        assert [one["id"] for one in found["items"]] == payments[::-1][1:3]
        assert client.payment.all({"from": start - 7200, "to": start - 3600})["items"] == []
        by_receipt = client.order.create({"amount": 100, "currency": "INR", "receipt": (mark := str(uuid4()))})
        (same,) = client.order.all({"receipt": mark, "expand[]": "payments"})["items"]
        assert (same["id"], same["payments"]["count"]) == (by_receipt["id"], 0)

    await asyncio.to_thread(pages)


async def test_a_payment_link(client: razorpay.Client, process: Sandbox) -> None:
    def create() -> dict[str, Any]:
        link: dict[str, Any] = client.payment_link.create({"amount": 5_000, "currency": "INR", "reference_id": (mark := str(uuid4()))})
        assert (link["status"], link["reference_id"]) == ("created", mark)
        with pytest.raises(razorpay.errors.BadRequestError, match="already exists"):
            client.payment_link.create({"amount": 5_000, "currency": "INR", "reference_id": mark})
        return link

    link = await asyncio.to_thread(create)
    paid = await process.call("POST", link["short_url"].removeprefix(process.url), params={"outcome": "approve"})
    assert paid.status == 200
    shown = await asyncio.to_thread(client.payment_link.fetch, link["id"])
    assert (shown["status"], shown["amount_paid"], len(shown["payments"])) == ("paid", 5_000, 1)
    other = await asyncio.to_thread(client.payment_link.create, {"amount": 5_000, "currency": "INR"})
    assert (await asyncio.to_thread(client.payment_link.cancel, other["id"]))["status"] == "cancelled"


async def test_the_client_and_the_codec_believe_the_same_webhooks(client: razorpay.Client, process: Sandbox) -> None:
    codec, account, secret = CODECS["razorpay"], account_of("razorpay", process.url), secret_of("alpha")
    async with receiving() as receiver:
        await process.put("/gateways/alpha/settings", webhook_url=receiver.url)
        order = await asyncio.to_thread(client.order.create, {"amount": 50_000, "currency": "INR"})
        await asyncio.to_thread(client.payment.createUpi, collect(order, "success@razorpay"))
        headers, body = await receiver.next()
        await process.call("DELETE", "/gateways/alpha/settings")
    signature = headers["X-Razorpay-Signature"]
    assert client.utility.verify_webhook_signature(body.decode(), signature, secret)
    codec.verify_webhook(account, headers, body, time.time())
    with pytest.raises(razorpay.errors.SignatureVerificationError):
        client.utility.verify_webhook_signature(body.decode() + " ", signature, secret)
