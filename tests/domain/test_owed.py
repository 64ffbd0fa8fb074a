"""To whom an event is owed, and the bytes they get."""

from dataclasses import replace
from uuid import UUID

import orjson
import pytest

from services.notifier import store
from services.notifier.domain.owed import Endpoint, body_of, delivery_id, event_type, owed_to
from services.notifier.domain.schedule import Answer, Delivered, Parked, Retry, Verdict
from services.notifier.store import Due
from shared.contracts import EVENT_OF, PaymentEvent, PaymentSucceeded
from shared.ids import PAYMENT, public
from tests.contracts.samples import snapshot
from tests.domain.evidence import HEAD
from tests.domain.stand import NOW, after, work_with, written

ALL = Endpoint("we_1", "https://shop.example", "sealed", frozenset(), True)
SOME = replace(ALL, endpoint_id="we_2", events=frozenset({"payment.succeeded", "refund.succeeded"}))
OTHERS = replace(ALL, endpoint_id="we_3", events=frozenset({"payment.failed"}))
EVENT = PaymentSucceeded(**HEAD, payment=snapshot("succeeded"), previous_event_id=UUID(int=7))
DUE = Due(UUID(int=1), "we_1", "https://shop.example", "sealed", b"{}", 2)


@pytest.mark.parametrize(
    ("name", "owed"), [("payment.succeeded", ["we_1", "we_2"]), ("payment.failed", ["we_1", "we_3"]), ("payment.conflicted", ["we_1"])]
)
def test_owed_to_whom_it_matches(name: str, owed: list[str]) -> None:
    assert [one.endpoint_id for one in owed_to(name, [ALL, SOME, OTHERS])] == owed


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


def test_the_body_names_the_event_before() -> None:
    assert orjson.loads(body_of(EVENT))["previous_event_id"] == str(UUID(int=7))


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
