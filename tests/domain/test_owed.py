"""To whom an event is owed, and the bytes they get."""

from dataclasses import replace
from uuid import UUID

import orjson
import pytest

from services.notifier import store
from services.notifier.domain.owed import (
    Endpoint,
    Told,
    body_of,
    delivery_id,
    event_type,
    owed_to,
    owner_of,
    payment_of,
)
from services.notifier.domain.schedule import Answer, Delivered, Parked, Retry, Verdict
from services.notifier.store import Due
from shared.contracts import (
    EVENT_OF,
    MONEY_EVENTS,
    OPERATORS,
    OPERATORS_EVENTS,
    CircuitOpened,
    EndpointFailing,
    MoneyEvent,
    OperatorsEvent,
    PaymentConflicted,
    PaymentEvent,
    PaymentFailed,
    PaymentSucceeded,
    RefundFailed,
)
from shared.ids import PAYMENT, REFUND, public
from tests.contracts.samples import OPERATION, snapshot
from tests.domain.evidence import HEAD
from tests.domain.stand import NOW, after, work_with, written

ALL = Endpoint("we_1", "https://shop.example", ("sealed",), frozenset(), True)
SOME = replace(ALL, endpoint_id="we_2", events=frozenset({"payment.succeeded", "refund.*"}))
OTHERS = replace(ALL, endpoint_id="we_3", events=frozenset({"payment.failed"}))
EVENT = PaymentSucceeded(**HEAD, payment=snapshot("succeeded"), previous_event_id=UUID(int=7))
OPENED = CircuitOpened(
    correlation_id=UUID(int=8),
    occurred_at=NOW,
    gateway="alpha",
    method="CARD",
    state="open",
    previous="closed",
    epoch=3,
    reason="41 % of 20 failed",
)
DUE = Due(UUID(int=1), "we_1", "https://shop.example", ("sealed",), b"{}", 2)


@pytest.mark.parametrize(
    ("event", "owed"),
    [
        (EVENT, ["we_1", "we_2"]),
        (PaymentFailed(**HEAD, payment=snapshot("failed")), ["we_1", "we_3"]),
        (PaymentConflicted(**HEAD, payment=snapshot("conflicted")), ["we_1"]),
        (RefundFailed(**HEAD, payment=snapshot("succeeded"), operation=OPERATION), ["we_1", "we_2"]),
        (OPENED, ["we_1"]),
    ],
)
def test_owed_to_whom_it_matches(event: Told, owed: list[str]) -> None:
    assert [one.endpoint_id for one in owed_to(event, [ALL, SOME, OTHERS])] == owed


def test_an_endpoints_trouble_is_told_to_the_others_of_its_owner() -> None:
    event = EndpointFailing(**HEAD, occurred_at=NOW, merchant_id="m_001", endpoint_id="we_1", failing_since=NOW, reason="answered 500")
    assert (owner_of(event), payment_of(event)) == ("m_001", None)
    assert [one.endpoint_id for one in owed_to(event, [ALL, replace(ALL, endpoint_id="we_4"), SOME])] == ["we_4"]
    body = orjson.loads(body_of(event))
    assert (body["type"], body["data"]) == (
        "endpoint.failing",
        {"endpoint_id": "we_1", "failing_since": body["timestamp"].replace("+00:00", "Z"), "reason": "answered 500"},
    )


def test_the_name_carries_no_version() -> None:
    assert event_type(EVENT) == "payment.succeeded"


def test_one_delivery_per_event_and_endpoint() -> None:
    assert delivery_id(EVENT.message_id, "we_1") == delivery_id(EVENT.message_id, "we_1")
    assert delivery_id(EVENT.message_id, "we_1") != delivery_id(EVENT.message_id, "we_2")


@pytest.mark.parametrize("event", EVENT_OF.values(), ids=lambda event: event.kind_of())
def test_the_body_is_the_event_as_it_was(event: type[PaymentEvent]) -> None:
    status = event.kind_of().split(".")[1]
    one = event(**HEAD, occurred_at=NOW, payment=snapshot(status))  # type: ignore[arg-type]
    body = orjson.loads(body_of(one))
    assert body_of(one) == body_of(one)
    assert (body["type"], body["event_id"], body["previous_event_id"]) == (f"payment.{status}", str(one.message_id), None)
    assert body["timestamp"].startswith("2026-01-05T09:30:00")
    assert body["data"]["payment_id"] == public(PAYMENT, one.payment.payment_id)
    assert (body["data"]["status"], body["data"]["sequence"], body["data"]["amount"]) == (status, 3, 50_000)
    assert body["data"]["metadata"] == {"basket": ["tea", 2], "gift": True}


@pytest.mark.parametrize("event", MONEY_EVENTS, ids=lambda event: event.kind_of())
def test_an_operations_end_is_told_with_the_operation_and_its_payment(event: type[MoneyEvent]) -> None:
    data = orjson.loads(body_of(event(**HEAD, payment=snapshot("succeeded"), operation=OPERATION)))["data"]
    assert data["id"] == public(REFUND, OPERATION.operation_id)
    assert (data["kind"], data["status"], data["amount"], data["sequence"]) == ("refund", "failed", 5_000, 3)
    assert data["error"] == {"code": "refund_exceeds_captured", "message": "more than what was captured"}
    assert data["payment_id"] == data["payment"]["payment_id"] == public(PAYMENT, OPERATION.payment_id)


def test_the_body_names_the_event_before() -> None:
    assert orjson.loads(body_of(EVENT))["previous_event_id"] == str(UUID(int=7))


def test_what_operators_are_told_is_the_event_without_its_envelope() -> None:
    body = orjson.loads(body_of(OPENED))
    assert (body.pop("type"), body.pop("event_id")) == ("circuit.opened", str(OPENED.message_id))
    assert body.pop("timestamp").startswith("2026-01-05T09:30:00")
    data = {"gateway": "alpha", "method": "CARD", "state": "open", "previous": "closed", "epoch": 3, "reason": "41 % of 20 failed"}
    assert body == {"data": data}


@pytest.mark.parametrize("kind", OPERATORS_EVENTS, ids=lambda kind: kind.kind_of())
def test_nothing_of_the_envelope_is_in_any_operators_event(kind: type[OperatorsEvent]) -> None:
    """Built past validation: whatever its fields hold, these are not among them."""
    one = kind.model_construct(kind=kind.kind_of(), message_id=UUID(int=1), occurred_at=NOW, correlation_id=UUID(int=2))
    body = orjson.loads(body_of(one))
    assert body["type"] == kind.kind_of().removesuffix(".v1")
    assert body["data"].keys().isdisjoint(OperatorsEvent.model_fields)


@pytest.mark.parametrize(("event", "owner", "payment_id"), [(EVENT, "m_001", EVENT.payment.payment_id), (OPENED, OPERATORS, None)])
def test_an_event_is_owed_to_its_own_people_only(event: PaymentEvent | OperatorsEvent, owner: str, payment_id: UUID | None) -> None:
    work = work_with({(store.ENDPOINTS, owner): {"endpoints": [{**vars_of(ALL), "events": []}]}})
    (load,) = store.endpoints_of(event)
    assert (load.rows, load.key) == (store.ENDPOINTS, owner)
    (endpoint,) = store.read_endpoints(work, owner)
    store.owe(work, event, endpoint, delivery_id=UUID(int=1), event_name=event_type(event), body=body_of(event), lease_s=30)
    (row,) = written(work, store.OWE)
    assert (row["merchant_id"], row["payment_id"], row["type"]) == (owner, payment_id, event_type(event))


def vars_of(endpoint: Endpoint) -> dict[str, object]:
    return {name: getattr(endpoint, name) for name in Endpoint.__slots__}


def test_where_the_order_counts_a_delivery_waits_for_its_turn_in_the_table() -> None:
    work = work_with()
    endpoint = replace(ALL, ordered=True)
    assert store.owe(work, EVENT, endpoint, delivery_id=UUID(int=1), event_name="payment.succeeded", body=b"{}", lease_s=30) is None
    assert store.owe(work, OPENED, endpoint, delivery_id=UUID(int=2), event_name="circuit.opened", body=b"{}", lease_s=30) is not None
    turn, free = written(work, store.OWE)
    assert (turn["sequence"], turn["follows_event_id"], turn["due_at"]) == (3, UUID(int=7), NOW)
    assert (free["sequence"], free["follows_event_id"], free["due_at"]) == (None, None, after(30))


@pytest.mark.parametrize(("enabled", "state", "due_s"), [(True, "due", 30.0), (False, "skipped", None)])
def test_what_is_owed_to_a_disabled_endpoint_is_kept_as_skipped(enabled: bool, state: str, due_s: float | None) -> None:
    work = work_with()
    endpoint = replace(ALL, enabled=enabled)
    store.owe(work, EVENT, endpoint, delivery_id=UUID(int=1), event_name="payment.succeeded", body=b"{}", lease_s=30)
    (row,) = written(work, store.OWE)
    assert (row["state"], row["due_at"]) == (state, None if due_s is None else after(due_s))


@pytest.mark.parametrize(
    ("verdict", "state", "due_s"),
    [(Delivered("answered 200"), "delivered", None), (Parked("spent"), "parked", None), (Retry(after(5), "answered 500"), "due", 5)],
)
def test_a_try_is_settled_and_logged(verdict: Verdict, state: str, due_s: float | None) -> None:
    work = work_with()
    store.settle(work, DUE, verdict, Answer(500), at=NOW, latency_ms=12)
    (row,), (line,) = written(work, store.SETTLE), written(work, store.LOG)
    assert (row["state"], row["tries"], row["due_at"], row["reason"]) == (state, 3, None if due_s is None else after(due_s), verdict.reason)
    assert (line["number"], line["status"], line["latency_ms"], line["at"]) == (3, 500, 12, NOW)
