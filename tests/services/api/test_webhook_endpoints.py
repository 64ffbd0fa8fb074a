"""Routes of webhook endpoints and deliveries: whose they are, what the notifier is asked, and how its answer looks."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest

from shared.clock import new_id
from shared.contracts import OPERATORS
from shared.contracts.questions import (
    ChangeEndpoint,
    Complaint,
    CreateEndpoint,
    DeleteEndpoint,
    DeliveryDetail,
    DeliveryTry,
    DeliveryView,
    EndpointView,
    ListDeliveries,
    ListEndpoints,
    ReplayDeliveries,
    ReplayedView,
    RetryDelivery,
    RotateSecret,
    SecretView,
    ShowDelivery,
    ShowEndpoint,
    TryEndpoint,
)
from shared.ids import PAYMENT, public
from shared.letter import letter
from tests.services.api.conftest import MERCHANTS, Client
from tests.services.api.stand_in import StandIn

AT = datetime(2026, 1, 5, 9, 30, 0, 123456, tzinfo=UTC)
PAID, TOLD, HAPPENED = (UUID(f"01a1fda9-d127-7039-9417-cb03440231d{last}") for last in range(3))
ENDPOINT = EndpointView(
    endpoint_id="we_1", url="https://shop.example/", description="the shop", events=("payment.*",), ordered=False, enabled=True,
    disabled_reason=None, failing_since=None, previous_secret_until=None, created_at=AT,
)  # fmt: skip


def secret(question: CreateEndpoint | RotateSecret) -> SecretView:
    return SecretView(endpoint=ENDPOINT, secret_letter=letter(question.letterbox, "whsec_c2VjcmV0"))


DELIVERY = DeliveryView(
    delivery_id=TOLD, merchant_id="m_001", event_id=HAPPENED, endpoint_id="we_1", payment_id=PAID, type="payment.succeeded", state="parked",
    reason="answered 500", tries=10, created_at=AT, next_try_at=None,
)  # fmt: skip
TRY = DeliveryTry(number=1, at=AT, status=500, error=None, latency_ms=12, response="oops")
DETAIL = DeliveryDetail(**DELIVERY.model_dump(), body='{"type": "payment.succeeded"}', attempts=(TRY,))
SHOWN = ENDPOINT.model_dump(mode="json")
ONE = f"/webhooks/deliveries/{DELIVERY.delivery_id}"
RETRY = f"/webhooks/{DELIVERY.delivery_id}/retry"
SINCE = quote(AT.isoformat())

EVERY: list[tuple[str, str, Any, type, Any]] = [
    ("POST", "/webhook-endpoints", {"url": "https://shop.example/"}, CreateEndpoint, secret),
    ("GET", "/webhook-endpoints", None, ListEndpoints, [ENDPOINT]),
    ("GET", "/webhook-endpoints/we_1", None, ShowEndpoint, ENDPOINT),
    ("PATCH", "/webhook-endpoints/we_1", {"enabled": False}, ChangeEndpoint, ENDPOINT),
    ("DELETE", "/webhook-endpoints/we_1", None, DeleteEndpoint, ENDPOINT),
    ("POST", "/webhook-endpoints/we_1/rotate-secret", None, RotateSecret, secret),
    ("POST", "/webhook-endpoints/we_1/test", None, TryEndpoint, DELIVERY),
    ("POST", "/webhook-endpoints/we_1/enable", None, ChangeEndpoint, ENDPOINT),
    ("POST", f"/webhook-endpoints/we_1/replay?since={SINCE}", None, ReplayDeliveries, ReplayedView(deliveries=3, continue_from=None)),
    ("GET", "/webhooks/deliveries", None, ListDeliveries, [DELIVERY]),
    ("GET", ONE, None, ShowDelivery, DETAIL),
    ("POST", RETRY, None, RetryDelivery, DELIVERY),
]


@pytest.mark.parametrize(("method", "path", "body", "question", "said"), EVERY, ids=lambda one: one if isinstance(one, str) else "")
async def test_each_is_asked_for_its_caller(
    merchant: Client, operator: Client, stand_in: StandIn, method: str, path: str, body: Any, question: type, said: Any
) -> None:
    """Both roles, at the root and under /api/v1; each owns what its key says, and everybody's deliveries are operators' business."""
    stand_in.says[question] = said
    assert (await Client(merchant.http, {}).call(method, path, body)).status == 401
    assert stand_in.asked == []
    for client, prefix in ((merchant, ""), (operator, "/api/v1"), (Client(merchant.http, MERCHANTS["m_002"]), "")):
        assert (await client.call(method, prefix + path, body)).status < 300
    assert [type(one) for one in stand_in.asked] == [question] * 3
    operators = None if question in (ListDeliveries, ShowDelivery, RetryDelivery) else OPERATORS
    assert [one.model_dump()["merchant_id"] for one in stand_in.asked] == ["m_001", operators, "m_002"]


@pytest.mark.parametrize(
    ("method", "path", "body", "question", "said"), EVERY[2:9] + EVERY[10:], ids=lambda one: one if isinstance(one, str) else ""
)
async def test_what_is_not_there_is_404(
    merchant: Client, stand_in: StandIn, method: str, path: str, body: Any, question: type, said: Any
) -> None:
    stand_in.says[question] = Complaint(code="NOT_FOUND", message="There is nothing here.")
    answer = await merchant.call(method, path, body)
    assert (answer.status, answer.code) == (404, "NOT_FOUND")


async def test_a_new_endpoint_shows_its_secret_once(merchant: Client, stand_in: StandIn) -> None:
    stand_in.says |= {CreateEndpoint: secret, ShowEndpoint: ENDPOINT, ListEndpoints: [ENDPOINT]}
    body = {"url": "https://shop.example/", "events": ["payment.*"], "description": "the shop", "ordered": True, "reason": "it is new"}
    made = await merchant.call("POST", "/webhook-endpoints", body)
    assert (made.status, made.body) == (201, SHOWN | {"secret": "whsec_c2VjcmV0"})
    (asked,) = stand_in.asked
    assert isinstance(asked, CreateEndpoint)
    assert (asked.events, asked.ordered, asked.reason) == (("payment.*",), True, "it is new")
    assert asked.actor.startswith("m_001/")
    assert (await merchant.get("/webhook-endpoints/we_1")).body == SHOWN
    assert (await merchant.get("/webhook-endpoints")).body == {"items": [SHOWN]}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/webhook-endpoints", {}),
        ("POST", "/webhook-endpoints", {"url": "https://shop.example/" + "a" * 500}),
        ("POST", "/webhook-endpoints", {"url": "https://shop.example/", "event": ["payment.*"]}),
        ("POST", "/webhook-endpoints", {"url": "https://shop.example/", "events": "payment.*"}),
        ("PATCH", "/webhook-endpoints/we_1", {"secret": "whsec_mine"}),
        ("POST", "/webhook-endpoints/we_1/rotate-secret", {"overlap_s": 604_801}),
        ("POST", "/webhook-endpoints/we_1/replay", None),
        ("POST", "/webhook-endpoints/we_1/replay?since=2026-01-05T09:30:00", None),
        ("POST", "/webhook-endpoints/we_1/replay?since=2026", None),
        ("POST", f"/webhook-endpoints/we_1/replay?since={SINCE}&state=due", None),
        ("POST", "/webhook-endpoints/we_1/replay?since=0001-01-01T00:00:00%2B14:00", None),
        ("GET", "/webhooks/deliveries?to=9999-12-31T23:59:59-14:00", None),
        ("GET", "/webhooks/deliveries?limit=101", None),
        ("GET", "/webhooks/deliveries?endpoint=we_1", None),
        ("GET", "/webhooks/deliveries?payment_id=pay_1", None),
        ("GET", "/webhooks/deliveries?cursor=x", None),
        ("GET", "/webhooks/deliveries?from=2026", None),
    ],
)
async def test_what_cannot_be_meant_is_refused(merchant: Client, stand_in: StandIn, method: str, path: str, body: Any) -> None:
    answer = await merchant.call(method, path, body)
    assert (answer.status, answer.code) == (422, "VALIDATION_ERROR")
    assert all(one["in"] for one in answer.body["error"]["details"]["errors"])
    assert stand_in.asked == []


async def test_what_the_notifier_refuses_is_said_in_the_one_shape(merchant: Client, stand_in: StandIn) -> None:
    errors = [{"in": "body", "field": "url", "message": "No webhook goes there: it is not https.", "type": "url"}]
    stand_in.says[CreateEndpoint] = Complaint(code="VALIDATION_ERROR", message="url: …", details={"errors": errors})
    answer = await merchant.call("POST", "/webhook-endpoints", {"url": "http://shop.example/"})
    assert (answer.status, answer.body["error"]["details"]) == (422, {"errors": errors})


async def test_what_is_left_out_of_a_change_stays(merchant: Client, stand_in: StandIn) -> None:
    stand_in.says[ChangeEndpoint] = ENDPOINT
    await merchant.call("PATCH", "/webhook-endpoints/we_1", {"events": [], "reason": "all of it"})
    await merchant.call("POST", "/webhook-endpoints/we_1/enable")
    changed, enabled = stand_in.asked
    assert changed.model_dump(exclude={"kind", "actor"}) == {
        "merchant_id": "m_001", "endpoint_id": "we_1", "url": None, "description": None, "events": (), "ordered": None, "enabled": None,
        "reason": "all of it",
    }  # fmt: skip
    assert enabled.model_dump(exclude_none=True).keys() - {"kind", "actor", "reason"} == {"merchant_id", "endpoint_id", "enabled"}


async def test_a_rotation_overlaps_by_a_day_unless_it_is_told_otherwise(merchant: Client, stand_in: StandIn) -> None:
    stand_in.says[RotateSecret] = secret
    for body in (None, {"overlap_s": 0}):
        answer = await merchant.call("POST", "/webhook-endpoints/we_1/rotate-secret", body)
        assert answer.body["secret"] == "whsec_c2VjcmV0"
    assert [one.model_dump()["overlap_s"] for one in stand_in.asked] == [86_400, 0]


async def test_a_replay_is_of_a_time(merchant: Client, stand_in: StandIn) -> None:
    stand_in.says[ReplayDeliveries] = ReplayedView(deliveries=10_000, continue_from=AT)
    until = quote((AT + timedelta(hours=1)).isoformat())
    answer = await merchant.call("POST", f"/webhook-endpoints/we_1/replay?since={SINCE}&until={until}&state=skipped")
    assert (answer.status, answer.body) == (202, {"deliveries": 10_000, "continue_from": "2026-01-05T09:30:00.123456Z"})
    (asked,) = stand_in.asked
    assert isinstance(asked, ReplayDeliveries)
    assert (asked.since, asked.until, asked.states) == (AT, AT + timedelta(hours=1), ("skipped",))


async def test_a_test_answers_what_to_look_for(merchant: Client, stand_in: StandIn) -> None:
    stand_in.says[TryEndpoint] = DELIVERY.model_copy(update={"type": "webhook.test"})
    answer = await merchant.call("POST", "/webhook-endpoints/we_1/test")
    assert (answer.status, answer.body) == (
        202,
        {"delivery_id": str(DELIVERY.delivery_id), "endpoint_id": "we_1", "type": "webhook.test"},
    )


async def test_deliveries_are_listed_by_filters_and_cursor(merchant: Client, stand_in: StandIn) -> None:
    stand_in.says[ListDeliveries] = [DELIVERY.model_copy(update={"delivery_id": new_id()}) for _ in range(3)]
    paid = public(PAYMENT, PAID)
    path = f"/webhooks/deliveries?endpoint_id=we_1&payment_id={paid}&type=payment.succeeded&state=parked&from={SINCE}&limit=2"
    answer = await merchant.get(path)
    assert (answer.status, len(answer.body["items"])) == (200, 2)
    assert {one["payment_id"] for one in answer.body["items"]} == {paid}
    assert (await merchant.get(f"{path}&cursor={answer.body['next_cursor']}")).status == 200
    first, second = stand_in.asked
    assert isinstance(first, ListDeliveries)
    assert (first.payment_id, first.since, first.limit, first.before) == (PAID, AT, 3, None)
    last = answer.body["items"][-1]
    assert second == first.model_copy(update={"before": (AT, type(PAID)(last["delivery_id"]))})


async def test_a_cursor_is_of_its_own_list(merchant: Client, stand_in: StandIn) -> None:
    stand_in.says[ListDeliveries] = [DELIVERY, DELIVERY]
    cursor = (await merchant.get("/webhooks/deliveries?limit=1&state=parked")).body["next_cursor"]
    assert (await merchant.get(f"/webhooks/deliveries?limit=2&state=parked&cursor={cursor}")).status == 200
    assert (await merchant.get(f"/webhooks/deliveries?limit=1&cursor={cursor}")).status == 422
    assert (await Client(merchant.http, MERCHANTS["m_002"]).get(f"/webhooks/deliveries?limit=1&state=parked&cursor={cursor}")).status == 422


async def test_operators_list_everybodys_or_one_merchants(merchant: Client, operator: Client, stand_in: StandIn) -> None:
    stand_in.says[ListDeliveries] = [DELIVERY, DELIVERY]
    every = await operator.get("/webhooks/deliveries?state=parked&limit=1")
    assert [one["merchant_id"] for one in every.body["items"]] == ["m_001"]
    for named in ("m_001", OPERATORS):
        assert (await operator.get(f"/webhooks/deliveries?state=parked&limit=1&merchant_id={named}")).status == 200
    assert [one.model_dump()["merchant_id"] for one in stand_in.asked] == [None, "m_001", OPERATORS]
    cursor = every.body["next_cursor"]
    assert (await operator.get(f"/webhooks/deliveries?state=parked&limit=1&cursor={cursor}")).status == 200
    assert (await operator.get(f"/webhooks/deliveries?state=parked&limit=1&merchant_id=m_001&cursor={cursor}")).status == 422
    assert (await merchant.get(f"/webhooks/deliveries?state=parked&limit=1&cursor={cursor}")).status == 422


async def test_a_merchant_names_nobody_but_itself(merchant: Client, stand_in: StandIn) -> None:
    stand_in.says[ListDeliveries] = [DELIVERY]
    for named in ("m_002", OPERATORS, ""):
        answer = await merchant.get(f"/webhooks/deliveries?merchant_id={named}")
        assert (answer.status, answer.code) == (403, "FORBIDDEN")
    assert stand_in.asked == []
    assert (await merchant.get("/webhooks/deliveries?merchant_id=m_001")).status == 200


async def test_a_delivery_is_shown_with_its_body_and_tries(merchant: Client, stand_in: StandIn) -> None:
    stand_in.says[ShowDelivery] = DETAIL
    answer = await merchant.get(ONE)
    assert answer.body["body"] == '{"type": "payment.succeeded"}'
    assert answer.body["attempts"] == [TRY.model_dump(mode="json")]
    assert answer.body["payment_id"] == public(PAYMENT, PAID)


async def test_what_belongs_to_no_payment_says_so(operator: Client, stand_in: StandIn) -> None:
    stand_in.says[RetryDelivery] = DELIVERY.model_copy(update={"payment_id": None})
    answer = await operator.call("POST", RETRY, {"reason": "their outage is over"})
    assert (answer.status, answer.body["payment_id"]) == (202, None)
    (asked,) = stand_in.asked
    assert asked.model_dump()["reason"] == "their outage is over"
