"""An endpoint's whole life, as a merchant leads it: made, tried, paid for, rotated, disabled, enabled, replayed, deleted."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tests.mesh.merchant import Merchant, Payment
from tests.mesh.receiver import Heard, Receiver
from tests.mesh.waiting import until


@pytest.fixture
async def shop() -> AsyncIterator[Receiver]:
    """A webhook endpoint in this process that nobody has seeded."""
    found = Receiver()
    await found.open()
    yield found
    await found.close()


async def done(merchant: Merchant, method: str, path: str, body: Any = None) -> dict[str, Any]:
    answer = await merchant.call(method, path, body)
    assert answer.status < 300, answer.body
    return answer.body


def read(heard: Heard, *secrets: str) -> dict[str, Any]:
    """Each secret verifies it."""
    bodies = [Webhook(secret).verify(heard.body, heard.headers) for secret in secrets]
    assert len(heard.headers["webhook-signature"].split()) == len(secrets)
    return dict(bodies[0])


async def delivery(merchant: Merchant, endpoint: str, payment: Payment, state: str) -> dict[str, Any]:
    """The payment's one delivery to the endpoint, once it is in that state."""
    path = f"/webhooks/deliveries?endpoint_id={endpoint}&payment_id={payment.id}"
    items = await until(
        lambda: found(merchant, path), within_s=60, what=state, accept=lambda items: [one["state"] for one in items] == [state]
    )
    return items[0]


async def found(merchant: Merchant, path: str) -> list[dict[str, Any]]:
    return list((await done(merchant, "GET", path))["items"])


async def test_an_endpoints_life(neighbour: Merchant, merchant: Merchant, shop: Receiver) -> None:
    made = await done(neighbour, "POST", "/webhook-endpoints", {"url": shop.url, "events": ["payment.succeeded"], "ordered": True})
    endpoint, secret = made["endpoint_id"], made["secret"]
    one = f"/webhook-endpoints/{endpoint}"
    try:
        trial = await done(neighbour, "POST", f"{one}/test")
        await shop.count(1)
        assert read(shop.all[0], secret)["type"] == "webhook.test"
        assert shop.all[0].headers["webhook-id"] == trial["delivery_id"]

        shop.failing = 1
        paid = await neighbour.pay()
        refused, taken = await shop.heard(paid)
        assert (refused.answered, taken.answered) == (500, 204)
        assert read(taken, secret)["data"]["payment_id"] == paid.id
        row = await delivery(neighbour, endpoint, paid, "delivered")
        whole = await done(neighbour, "GET", f"/webhooks/deliveries/{row['delivery_id']}")
        assert [each["status"] for each in whole["attempts"]] == [500, 204]
        assert whole["body"].encode() == taken.body
        for method, path in (("GET", f"/webhooks/deliveries/{row['delivery_id']}"), ("POST", f"/webhooks/{row['delivery_id']}/retry")):
            assert (await merchant.call(method, path)).status == 404
        assert (await merchant.call("GET", one)).status == 404

        newer = (await done(neighbour, "POST", f"{one}/rotate-secret", {"overlap_s": 3600}))["secret"]
        (both,) = await shop.heard(await neighbour.pay())
        assert read(both, newer, secret)["type"] == "payment.succeeded"
        newest = (await done(neighbour, "POST", f"{one}/rotate-secret", {"overlap_s": 0}))["secret"]
        (alone,) = await shop.heard(await neighbour.pay())
        read(alone, newest)
        with pytest.raises(WebhookVerificationError):
            Webhook(newer).verify(alone.body, alone.headers)

        assert not (await done(neighbour, "PATCH", one, {"enabled": False}))["enabled"]
        missed = await neighbour.pay()
        skipped = await delivery(neighbour, endpoint, missed, "skipped")
        assert (await neighbour.call("POST", f"{one}/test")).code == "CONFLICT"
        assert (await done(neighbour, "POST", f"{one}/enable"))["enabled"]
        since = skipped["created_at"].replace("+", "%2B")
        assert await done(neighbour, "POST", f"{one}/replay?since={since}&state=skipped") == {"deliveries": 1, "continue_from": None}
        (late,) = await shop.heard(missed)
        assert late.headers["webhook-id"] == skipped["delivery_id"]
        read(late, newest)
        await delivery(neighbour, endpoint, missed, "delivered")
    finally:
        await neighbour.call("DELETE", one)
    assert (await neighbour.call("GET", one)).status == 404
    assert endpoint not in [each["endpoint_id"] for each in (await done(neighbour, "GET", "/webhook-endpoints"))["items"]]


async def test_operators_keep_theirs_the_same_way(neighbour: Merchant, operator: dict[str, str], shop: Receiver) -> None:
    made = await neighbour.call("POST", "/webhook-endpoints", {"url": shop.url, "events": ["circuit.*"]})
    assert made.code == "VALIDATION_ERROR", "that is no merchant's business"
    operators = Merchant(neighbour.http, neighbour.api, operator)
    made_by = await done(operators, "POST", "/webhook-endpoints", {"url": shop.url, "events": ["circuit.*"], "reason": "on call"})
    one = f"/webhook-endpoints/{made_by['endpoint_id']}"
    try:
        assert (await neighbour.call("GET", one)).status == 404
        await done(operators, "POST", f"{one}/test", None)
        await shop.count(1)
        read(shop.all[0], made_by["secret"])
        lines = (await done(operators, "GET", "/audit?limit=20"))["items"]
        (line,) = [each for each in lines if each["subject"] == made_by["endpoint_id"]]
        assert (line["action"], line["reason"], line["before"]) == ("create_endpoint", "on call", None)
    finally:
        await operators.call("DELETE", one)


async def test_operators_see_a_merchants_delivery_and_have_it_sent_again(
    neighbour: Merchant, operator: dict[str, str], shop: Receiver
) -> None:
    made = await done(neighbour, "POST", "/webhook-endpoints", {"url": shop.url})
    one = f"/webhook-endpoints/{made['endpoint_id']}"
    operators = Merchant(neighbour.http, neighbour.api, operator)
    try:
        trial = (await done(neighbour, "POST", f"{one}/test"))["delivery_id"]
        path = f"/webhooks/deliveries?endpoint_id={made['endpoint_id']}&state=delivered"
        (listed,) = await until(lambda: found(operators, path), within_s=20, what="delivered", accept=lambda items: len(items) == 1)
        assert listed["delivery_id"] == trial
        assert await found(operators, f"{path}&merchant_id={listed['merchant_id']}") == [listed]
        whole = await done(operators, "GET", f"/webhooks/deliveries/{trial}")
        assert (whole["body"], [(each["status"], each["response"]) for each in whole["attempts"]]) == (None, [(204, None)])
        again = await done(operators, "POST", f"/webhooks/{trial}/retry", {"reason": "they ask for it"})
        assert (again["state"], again["reason"]) == ("due", "retried by an operator")
        await shop.count(2)
        assert {each.headers["webhook-id"] for each in shop.all} == {trial}
        lines = (await done(operators, "GET", "/audit?limit=20"))["items"]
        (line,) = [each for each in lines if each["subject"] == trial]
        assert (line["action"], line["reason"]) == ("retry_delivery", "they ask for it")
    finally:
        await neighbour.call("DELETE", one)
