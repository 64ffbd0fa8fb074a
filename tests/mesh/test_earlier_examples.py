"""Every curl example of the systems before this one, as it was written: only the host is ours, and credentials are added."""

import hmac
import shlex
import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest

from deploy.local import demo
from deploy.sandbox.webhooks import secret_of
from tests.mesh.merchant import Answer, Merchant

OPERATOR = "operator"  # who calls, where the example said nobody or everybody


@dataclass(frozen=True)
class Request:
    """What a curl command sends."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None


def request_of(command: str) -> Request:
    """Of the options that the examples use."""
    words = shlex.split(command.replace("\\\n", " "))
    assert words.pop(0) == "curl"
    method, url, headers, body = "GET", "", {}, None
    while words:
        match words.pop(0):
            case "-X" | "-sX":
                method = words.pop(0)
            case "-s":
                pass
            case "-H":
                name, _, value = words.pop(0).partition(": ")
                headers[name] = value
            case "-d":
                body = words.pop(0).encode()
            case url:
                pass
    return Request(method, "/" + url.removeprefix("http://").partition("/")[2], headers, body)


PAY_UPI = """curl -X POST http://localhost:3000/payments \\
  -H 'Content-Type: application/json' \\
  -H 'Idempotency-Key: demo-123' \\
  -d '{
    "amount_minor": 1000,
    "currency": "INR",
    "payment_method": "UPI",
    "merchant_id": "m_001",
    "instrument": {
      "type": "UPI",
      "vpa": "test@okhdfcbank"
    }
  }'"""
PAY_UPI_OF_A_CUSTOMER = """curl -X POST http://localhost:3000/payments \\
  -H 'Content-Type: application/json' \\
  -H 'Idempotency-Key: demo-123' \\
  -d '{
    "amount_minor": 1000,
    "currency": "INR",
    "payment_method": "UPI",
    "merchant_id": "m_001",
    "customer_id": "cust_001",
    "instrument": {
      "type": "UPI",
      "vpa": "test@okhdfcbank"
    }
  }'"""
ROUTING_DECISION = 'curl "http://localhost:3000/payments/<payment_id>/routing-decision"'
SCORING = 'curl "http://localhost:3000/scoring/debug?amount_minor=250000&payment_method=UPI&issuing_bank=HDFC"'
CIRCUITS = 'curl "http://localhost:3000/circuit-breaker/status"'
RETRY_POLICY = """curl -X PUT http://localhost:3000/retry-policy/m_001 \\
  -H 'Content-Type: application/json' \\
  -H 'X-Internal-Api-Key: dev-internal-key' \\
  -d '{
    "merchant_id": "m_001",
    "max_attempts": 3,
    "latency_budget_ms": 10000,
    "retry_on_timeout": false,
    "enabled": true
  }'"""
ORDER = """curl -sX POST localhost:8080/orders -H 'Content-Type: application/json' -d '{"user_id":"u1","amount":45000,"currency":"INR"}'"""
INITIATE = """curl -sX POST localhost:8080/payments/initiate -H 'Content-Type: application/json' \
-d '{"order_id":"<ORDER_ID>","payment_method":"UPI"}'"""
GATEWAY_WEBHOOK = """curl -sX POST localhost:8080/webhooks/Razorpay -H 'Content-Type: application/json' -d '{
     "event_id":"evt_1",
     "gateway":"Razorpay",
     "order_id":"<ORDER_ID>",
     "payment_id":"<PAYMENT_ID>",
     "gateway_txn_id":"txn_1",
     "status":"SUCCESS",
     "amount":45000,
     "signature":"Razorpay:dev-secret",
     "occurred_at":"2026-02-21T00:00:00Z"
   }'"""
SHOW_ORDER = "curl -s localhost:8080/orders/<ORDER_ID>"
PAY_FLAT = """curl -X POST http://localhost:8000/api/v1/payments \\
  -H "X-Api-Key: key_test_abc123" \\
  -H "X-Api-Secret: secret_test_xyz789" \\
  -H "Content-Type: application/json" \\
  -d '{
    "amount": 50000,
    "currency": "INR",
    "method": "upi",
    "order_id": "ord_test_001",
    "vpa": "test@upi"
  }'"""
CAPTURE = """curl -X POST http://localhost:8000/api/v1/payments/{payment_id}/capture \\
  -H "X-Api-Key: key_test_abc123" \\
  -H "X-Api-Secret: secret_test_xyz789\""""
REFUND = """curl -X POST http://localhost:8000/api/v1/payments/{payment_id}/refunds \\
  -H "X-Api-Key: key_test_abc123" \\
  -H "X-Api-Secret: secret_test_xyz789" \\
  -H "Content-Type: application/json" \\
  -d '{ "amount": 1000, "reason": "Customer requested" }'"""
JOBS = "curl http://localhost:8000/api/v1/test/jobs/status"


@pytest.fixture
def shop(merchant: Merchant, operator: dict[str, str]) -> "Shop":
    return Shop(merchant, operator)


class Shop:
    """Runs examples. `named` puts an id where an example has a blank."""

    def __init__(self, merchant: Merchant, operator: dict[str, str]) -> None:
        self.merchant, self.keys = merchant, {OPERATOR: operator, "merchant": dict(merchant.keys)}

    async def run(self, command: str, *, who: str = "merchant", **named: str) -> Answer:
        for name, value in named.items():
            command = command.replace(f"<{name}>", value).replace(f"{{{name}}}", value)
        sent = request_of(command)
        # The two gateways' examples share one idempotency key, and an order is paid once: each run of these tests is a shop of its own.
        headers = sent.headers | {name: f"{value}-{uuid.uuid4()}" for name, value in sent.headers.items() if name == "Idempotency-Key"}
        caller = Merchant(self.merchant.http, self.merchant.api, {})
        body = sent.body.replace(b"ord_test_001", f"ord_test_{uuid.uuid4().hex[:8]}".encode()) if sent.body else None
        return await caller.call(sent.method, sent.path, body, {**headers, **self.keys[who]})


@pytest.mark.parametrize("command", [PAY_UPI, PAY_UPI_OF_A_CUSTOMER])
async def test_a_payment_answers_with_its_outcome_and_why_it_went_there(shop: Shop, command: str) -> None:
    made = await shop.run(command)
    assert (made.status, made.body["status"], made.body["amount"]) == (201, "succeeded", 1000)
    decided = await shop.run(ROUTING_DECISION, payment_id=made.body["payment_id"])
    assert decided.status == 200
    assert decided.body["decisions"][0]["gateway"] == made.body["gateway"]


async def test_operators_look(shop: Shop) -> None:
    scored = await shop.run(SCORING, who=OPERATOR)
    assert (scored.status, bool(scored.body["candidates"])) == (200, True)
    breakers = await shop.run(CIRCUITS, who=OPERATOR)
    assert (breakers.status, type(breakers.body["items"])) == (200, list)
    jobs = await shop.run(JOBS, who=OPERATOR)
    assert (jobs.status, jobs.body["worker_status"]) == (200, "running")


async def test_a_retry_policy_is_set(shop: Shop) -> None:
    put = await shop.run(RETRY_POLICY, who=OPERATOR)
    assert (put.status, put.body["attempts_max"], put.body["is_default"]) == (200, 3, False)


async def test_an_order_is_made_and_paid_by_link(shop: Shop) -> None:
    order = await shop.run(ORDER)
    assert (order.status, order.body["status"], order.body["customer_id"]) == (201, "created", "u1")
    named = {"ORDER_ID": order.body["order_id"]}
    paying = await shop.run(INITIATE, **named)
    assert (paying.status, paying.body["status"], paying.body["amount"]) == (201, "requires_action", 45000)
    assert paying.body["payment_url"].startswith("http")
    shown = await shop.run(SHOW_ORDER, **named)
    assert (shown.status, shown.body["payment_id"]) == (200, paying.body["payment_id"])


async def test_a_signature_in_the_body_is_none(shop: Shop) -> None:
    """And the same bytes, signed as that gateway signs, are taken."""
    named = {"ORDER_ID": "ord_1", "PAYMENT_ID": "pay_1"}
    refused = await shop.run(GATEWAY_WEBHOOK, **named)
    assert (refused.status, refused.code) == (401, "UNAUTHENTICATED")
    body = request_of(GATEWAY_WEBHOOK).body or b""
    signature = hmac.new(secret_of("razorpay").encode(), body, "sha256").hexdigest()
    taken = await shop.merchant.call("POST", "/webhooks/Razorpay", body, {"X-Razorpay-Signature": signature})
    assert (taken.status, taken.body) == (202, {"received": True})


async def test_a_payment_is_captured_already_and_refunded_in_part(shop: Shop) -> None:
    made = await shop.run(PAY_FLAT)
    assert (made.status, made.body["status"], made.body["method"]) == (201, "succeeded", "UPI")
    named = {"payment_id": made.body["payment_id"]}
    captured = await shop.run(CAPTURE, **named)
    assert (captured.status, captured.body["operation"], captured.body["payment"]["amount_captured"]) == (200, None, 50000)
    refunded = await shop.run(REFUND, **named)
    assert (refunded.status, refunded.body["operation"]["amount"], refunded.body["operation"]["reason"]) == (
        201,
        1000,
        "Customer requested",
    )


async def test_who_names_a_price_and_a_provider_gets_a_link(shop: Shop) -> None:
    """The subscription service had no curl examples; this is the request that its table describes."""
    body: dict[str, Any] = {"order_id": f"o-{uuid.uuid4().hex[:8]}", "price": "499.00", "alias": "beta", "event_id": f"evt-{uuid.uuid4()}"}
    caller, headers = shop.merchant, {"X-Merchant-Id": demo.MERCHANT_ID}
    made = await caller.call("POST", "/api/v1/payments", body, headers)
    assert (made.status, made.body["status"], made.body["amount"], made.body["gateway"]) == (201, "requires_action", 49900, "beta")
    again = await caller.call("POST", "/api/v1/payments", body, headers)
    assert (again.status, again.body["payment_url"], again.headers["Idempotent-Replayed"]) == (201, made.body["payment_url"], "true")
    listed = await caller.call("GET", "/api/v1/payments?page=1&limit=10", None, headers)
    assert listed.body["items"][0]["payment_id"] == made.body["payment_id"]
    for path in ("show", "tracking"):
        assert (await caller.call("GET", f"/api/v1/payments/{made.body['payment_id']}/{path}", None, headers)).status == 200
    assert (await caller.call("GET", "/api/v1/payments/ping")).body == {"ok": True}


async def test_no_link_is_a_502(shop: Shop) -> None:
    """No account takes dollars here."""
    body = {"price": "9.99", "currency": "USD", "event_id": f"evt-{uuid.uuid4()}"}
    for _ in range(2):  # whoever asks again hears the same of the same payment
        answer = await shop.merchant.call("POST", "/api/v1/payments", body)
        assert (answer.status, answer.code) == (502, "BAD_GATEWAY")
        details = answer.body["error"]["details"]
        assert details["error"]["code"] == "NO_GATEWAY_AVAILABLE"
        shown = await shop.merchant.call("GET", f"/payments/{details['payment_id']}")
        assert (shown.status, shown.body["status"]) == (200, "failed")
