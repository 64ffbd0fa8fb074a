"""Evidence at the edge: what is written, what the merchant is told, and that a replay changes nothing."""

from types import SimpleNamespace
from typing import Any, get_args
from uuid import UUID

import orjson
import pytest
from hypothesis import given, settings

from services.api import store
from services.api.consumers import ACTION_ASKED_S, LOOKED_AFTER, evidence_heard, rows_of
from services.api.domain.sums import SUMS
from services.api.overdue import payment_overdue
from shared.contracts import (
    EVENT_OF,
    Event,
    PaymentEvent,
    PaymentFailed,
    PaymentPendingVerification,
    PaymentSucceeded,
    ResumePayment,
    Status,
)
from shared.messaging.failure import Permanent
from shared.settings import Waiting
from shared.storage.work import Load, Work
from tests.domain.evidence import ATTEMPTS, action, exhausted, failed, of_a_payment, succeeded, unknown
from tests.domain.stand import AMOUNT, DECLINED, NOW, PAYMENT, after, routes, said, said_only, work_with, written

WAITING = Waiting(resume_after_s=90)
ONE, TWO, THREE = ATTEMPTS


class PaymentRow:
    """The edge's row of one payment, changed as its statements would change it."""

    def __init__(self, **columns: Any) -> None:
        self.columns: dict[str, Any] = {
            "payment_id": PAYMENT, "merchant_id": "m_001", "status": "processing", "sequence": 0, "method": "CARD", "gateway": None,
            "amount_minor": AMOUNT.amount_minor, "currency": AMOUNT.currency, "order_id": "A-1", "customer_id": None,
            "instrument": "•••• 1007", "metadata": {"basket": 1}, "payment_url": None, "error": None, "evidence": {},
            "last_event_id": None, "created_at": NOW, "updated_at": NOW, "due_at": None, "subscription_id": None,
            **dict.fromkeys(SUMS, 0), **columns,
        }  # fmt: skip
        self.events: list[PaymentEvent] = []
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.due_at: Any = "as it was"

    def hear(self, event: Any) -> Work:
        work = work_with({(store.PAYMENT, PAYMENT): self.columns}, now=after(1))
        evidence_heard(event, work, WAITING)
        for statement in (store.ENTER, store.LEARN):
            for row in written(work, statement):
                json = {name: orjson.loads(row[name]) for name in ("evidence", "error") if row.get(name)}
                self.columns |= {**row, **json}
                self.due_at = row.get("due_at", self.due_at)
        self.told += [(row["event"], orjson.loads(row["detail"])) for row in written(work, store.TELL)]
        self.events += [one for one in said(work) if isinstance(one, PaymentEvent)]
        return work

    @property
    def status(self) -> Status:
        found: Status = self.columns["status"]
        return found


def test_success_is_told_once_with_the_payment_as_it_is_now() -> None:
    payment = PaymentRow()
    work = payment.hear(succeeded(ONE))
    event = said_only(work, PaymentSucceeded)
    assert routes(work) == [("payments.events", "payment.succeeded.v1")]
    assert (event.payment.status, event.payment.sequence, event.payment.gateway) == ("succeeded", 1, "alpha")
    assert (event.payment.updated_at, event.payment.created_at) == (after(1), NOW)
    assert (event.payment.metadata, event.payment.instrument, event.payment.order_id) == ({"basket": 1}, "•••• 1007", "A-1")
    assert event.correlation_id == PAYMENT
    assert payment.columns["last_event_id"] == event.message_id
    assert payment.due_at is None
    assert [name for name, _ in payment.told] == ["attempt.succeeded", "payment.succeeded"]


def test_the_same_evidence_in_another_message_changes_nothing() -> None:
    payment = PaymentRow()
    payment.hear(succeeded(ONE))
    again = payment.hear(succeeded(ONE))
    assert again.writes == []
    assert again.outgoing == []


def test_evidence_that_changes_no_state_is_kept_and_told_on_the_timeline_only() -> None:
    payment = PaymentRow()
    work = payment.hear(failed(ONE))
    assert work.outgoing == []
    assert payment.columns["evidence"]["attempts"][str(ONE.attempt_id)]["refused"] == [["gateway_error_not_charged", "down"]]
    assert payment.told == [("attempt.failed", {"number": 1, "gateway": "alpha", "latency_ms": 9, "code": "gateway_error_not_charged"})]
    assert payment.due_at == "as it was"


def test_each_event_names_the_one_before() -> None:
    payment = PaymentRow()
    for event in (unknown(ONE), succeeded(ONE), succeeded(ONE, reference="ch_2")):
        payment.hear(event)
    assert [one.payment.status for one in payment.events] == ["pending_verification", "succeeded", "conflicted"]
    assert [one.previous_event_id for one in payment.events] == [None, payment.events[0].message_id, payment.events[1].message_id]


def test_a_handler_that_runs_again_says_the_same_event() -> None:
    event = failed(ONE, DECLINED)
    ends = exhausted(ONE, code="card_declined")
    said_ids = set()
    for _ in range(2):
        payment = PaymentRow()
        payment.hear(event)
        said_ids.add(said_only(payment.hear(ends), PaymentFailed).message_id)
    assert len(said_ids) == 1


def test_failure_carries_its_reason() -> None:
    payment = PaymentRow()
    payment.hear(failed(ONE, DECLINED))
    payment.hear(exhausted(ONE, code="card_declined"))
    assert payment.events[-1].payment.error == {"code": "card_declined", "message": "no"} == payment.columns["error"]


def test_what_is_not_over_is_looked_after() -> None:
    payment = PaymentRow()
    said_only(payment.hear(unknown(ONE)), PaymentPendingVerification)
    assert payment.due_at == after(1 + 90)


def test_the_customers_page_is_kept() -> None:
    payment = PaymentRow()
    payment.hear(action(ONE))
    payment.hear(unknown(ONE))
    assert payment.events[0].payment.payment_url == payment.events[1].payment.payment_url == "https://bank.example/a"


def test_the_page_of_the_next_gateway_takes_its_place() -> None:
    """The payer's bank refused at the first one, and the second one has a page of its own."""
    payment = PaymentRow()
    for event in (action(ONE), failed(ONE), action(TWO, "https://bank.example/2")):
        payment.hear(event)
    shown = [(one.payment.status, one.payment.gateway, one.payment.payment_url) for one in payment.events]
    assert shown == [("requires_action", "alpha", "https://bank.example/a"), ("requires_action", "beta", "https://bank.example/2")]
    assert payment.hear(action(TWO, "https://bank.example/2")).writes == []


def test_evidence_for_no_payment_is_dead_at_once() -> None:
    with pytest.raises(Permanent, match=str(PAYMENT)):
        evidence_heard(succeeded(ONE), work_with(), WAITING)


def test_evidence_locks_its_payment() -> None:
    assert list(rows_of(succeeded(ONE))) == [Load(store.PAYMENT, PAYMENT)]


def test_an_overdue_payment_is_resumed_under_a_fresh_id() -> None:
    ids: set[UUID] = set()
    for _ in range(2):
        work = work_with()
        payment_overdue(SimpleNamespace(**PaymentRow().columns), work, WAITING)
        command = said_only(work, ResumePayment)
        assert (command.payment_id, command.merchant_id, command.correlation_id) == (PAYMENT, "m_001", PAYMENT)
        assert routes(work) == [("payments.commands", "payment.resume.v1")]
        ids.add(command.message_id)
    assert len(ids) == 2


def test_every_state_that_can_be_entered_has_an_event() -> None:
    assert {*EVENT_OF, "processing"} == set(get_args(Status))


@settings(max_examples=150)
@given(of_a_payment)
def test_whatever_is_heard_sequence_and_events_tell_the_states_entered(events: list[Event]) -> None:
    payment = PaymentRow()
    entered: list[Status] = []
    for event in events:
        was, page = payment.status, payment.columns["gateway"]
        payment.hear(event)
        elsewhere = payment.status == "requires_action" and payment.columns["gateway"] != page
        entered += [payment.status] if payment.status != was or elsewhere else []
    assert [one.payment.status for one in payment.events] == entered
    assert [one.payment.sequence for one in payment.events] == list(range(1, len(entered) + 1))
    assert all(type(one) is EVENT_OF[one.payment.status] for one in payment.events)
    told = [name for name, _ in payment.told if name.startswith("payment.") and name != "payment.late_success"]
    assert told == [f"payment.{status}" for status in entered]
    waits = {"requires_action": ACTION_ASKED_S, "processing": None, "pending_verification": 90.0}
    due_in_s = waits.get(payment.status) if payment.status in LOOKED_AFTER else None
    assert not entered or payment.due_at == (None if due_in_s is None else after(1 + due_in_s))


@settings(max_examples=50)
@given(of_a_payment)
def test_stored_evidence_is_read_back_whole(events: list[Event]) -> None:
    """A second hearing of everything finds nothing new: what the row holds is what was folded."""
    payment = PaymentRow()
    for event in events:
        payment.hear(event)
    assert all(payment.hear(event).writes == [] for event in events)
