"""The straight way: accepted, charged once, told once, signed; and what the edge says of itself."""

import hmac
import uuid
from base64 import b64decode

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from standardwebhooks import Webhook, WebhookVerificationError

from tests.mesh.instruments import card, magic_pan, upi
from tests.mesh.merchant import Merchant, order
from tests.mesh.outside import Outside
from tests.mesh.receiver import Receiver


@pytest.mark.parametrize(
    ("method", "gateway", "masked"),
    [
        (upi(), "alpha", "s•••@sandbox"),
        (card(), "beta", "•••• "),
        (card(magic_pan("slow")), "gamma", f"•••• {magic_pan('slow')[-4:]}"),
    ],
    ids=["upi", "card", "slow-card"],
)
async def test_a_payment_succeeds(merchant: Merchant, outside: Outside, method: dict[str, object], gateway: str, masked: str) -> None:
    body = order(alias=gateway, order_id=f"o-{uuid.uuid4()}", customer_id="c-1", metadata={"a": [1, {"b": None}]}, **method)
    payment = await merchant.pay(body, wait_s=30)
    made = payment.answer.body
    assert payment.answer.headers["Location"] == f"/api/v1/payments/{payment.id}"
    assert "Idempotent-Replayed" not in payment.answer.headers
    assert (made["status"], made["gateway"], made["sequence"], made["error"]) == ("succeeded", gateway, 1, None)
    assert (made["amount"], made["currency"], made["method"]) == (body["amount"], "INR", body["method"])
    assert (made["order_id"], made["customer_id"], made["metadata"]) == (body["order_id"], "c-1", {"a": [1, {"b": None}]})
    assert made["instrument"].startswith(masked)
    assert await merchant.show(payment) == made

    [charge] = await outside.journal(payment)
    assert (charge["kind"], charge["account"], charge["amount_minor"]) == ("charged", gateway, body["amount"])
    assert charge["reference"] == charge["idempotency_key"] == payment.references[0]

    told = await outside.told(payment)
    assert told["type"] == "payment.succeeded"
    assert told["previous_event_id"] is None
    assert told["data"] == {name: value for name, value in made.items() if value is not None}
    assert [record["sequence"] for record in await outside.webhooks(payment, 1)] == [1]

    timeline = await merchant.timeline(payment)
    assert [event for event, _ in timeline] == ["payment.created", "attempt.succeeded", "payment.succeeded"]
    assert timeline[1][1]["gateway_reference"] == charge["charge_id"]


async def test_both_paths_are_one(merchant: Merchant) -> None:
    payment = await merchant.pay()
    shown = [(await merchant.call("GET", f"{prefix}/payments/{payment.id}")).body["payment_id"] for prefix in ("", "/api/v1")]
    assert shown == [payment.id, payment.id]


async def test_an_authorisation_waits_for_its_capture(merchant: Merchant, outside: Outside) -> None:
    payment = await merchant.pay(order(capture="manual", **card()), wait_s=30)
    assert payment.answer.body["status"] == "requires_capture"
    assert [record["kind"] for record in await outside.journal(payment)] == ["authorized"]
    assert (await outside.told(payment, ["payment.requires_capture"]))["data"]["sequence"] == 1


async def test_the_webhook_is_signed_as_the_standard_says(neighbour: Merchant, receiver: Receiver) -> None:
    payment = await neighbour.pay()
    [heard] = await receiver.heard(payment)
    read = Webhook(receiver.secret).verify(heard.body, heard.headers)
    assert (read["type"], read["data"]["status"]) == ("payment.succeeded", "succeeded")
    assert heard.headers["X-Webhook-Signature"] == hmac.new(b64decode(receiver.secret[6:]), heard.body, "sha256").hexdigest()
    with pytest.raises(WebhookVerificationError):
        Webhook(receiver.secret).verify(heard.body.replace(b"succeeded", b"failed"), heard.headers)


async def test_a_merchant_that_stumbles_is_told_again(neighbour: Merchant, receiver: Receiver) -> None:
    receiver.failing = 2
    payment = await neighbour.pay()
    heard = await receiver.heard(payment)
    assert [one.answered for one in heard] == [500, 500, 204]
    assert len({one.headers["webhook-id"] for one in heard}) == 1
    assert len({one.body for one in heard}) == 1
    for one in heard:
        Webhook(receiver.secret).verify(one.body, one.headers)


async def test_the_description_is_valid_openapi(merchant: Merchant) -> None:
    for path in ("/openapi.json", "/api/v1/openapi.json"):
        answer = await merchant.call("GET", path)
        assert answer.status == 200
        OpenAPIV31SpecValidator(answer.body).validate()
        assert answer.body["openapi"].startswith("3.1")
        operation = answer.body["paths"]["/payments"]["post"]
        assert {"201", "400", "401", "409", "422", "503"} <= operation["responses"].keys()


async def test_the_edge_is_alive_and_ready(merchant: Merchant) -> None:
    ready = await merchant.call("GET", "/ops/readiness")
    assert ready.status == 200
    assert ready.body["ready"]
    assert {name: check["ok"] for name, check in ready.body["checks"].items()} == {"database": True, "consumers": True, "publisher": True}
    assert (await merchant.call("GET", "/ops/liveness")).body == {"alive": True}
