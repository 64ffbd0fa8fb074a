"""Stored decisions, from the handlers' writes to what people are shown."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from services.router import store
from services.router.answers.decisions import explain_decision, show_attempts, show_decisions
from services.router.consumers import attempt_failed, route_payment
from services.router.domain.board import SCORING
from shared.clock import new_id, utc_now
from shared.contracts import (
    Attempt,
    AttemptFailed,
    BreakerHealth,
    Hints,
    Message,
    Money,
    Refusal,
    RoutePayment,
    SealedInstrument,
    attempt_id,
)
from shared.contracts.health import HealthPicture
from shared.contracts.questions import ExplainDecision, ShowAttempts, ShowDecisions
from shared.messaging.answers import Refused
from shared.settings import Waiting
from shared.storage.unit_of_work import UnitOfWork
from tests.services.router.conftest import Office

WAITING = Waiting()
AMOUNT = Money(amount_minor=40_000, currency="INR")
FAULT = Refusal(code="down", outcome_class="gateway_fault", retryable=True)


def order(payment: UUID) -> RoutePayment:
    sealed = SealedInstrument(key_id="k", wrapped_key="w", nonce="n", ciphertext="c")
    return RoutePayment(
        correlation_id=payment, payment_id=payment, merchant_id="m_001", amount=AMOUNT, method="UPI", instrument=sealed,
        hints=Hints(bank="HDFC"), created_at=utc_now(),
    )  # fmt: skip


async def hear(unit_of_work: UnitOfWork, office: Office, message: Message, handler: Any) -> None:
    await unit_of_work.once(message, lambda work: handler(message, work, office.picture, WAITING), loads=store.route_of(message))


async def failed(office: Office, payment: UUID) -> None:
    """Alpha's breaker is open, beta is tried and fails: nobody is left."""
    opened = BreakerHealth(gateway="alpha", method="UPI", state="open", epoch=2, reason="all failed")
    office.picture.hear(HealthPicture(epoch=1, as_of=utc_now(), gateways=(), breakers=(opened,)).model_dump_json().encode())
    rules = await store.load_rules(office.database.engine)
    office.picture.rules = replace(rules, scoring=SCORING.model_copy(update={"policy": "fixed"}))
    command = order(payment)
    draws_no_probe = command.model_copy(update={"message_id": UUID(int=1)})
    attempt = Attempt(
        attempt_id=attempt_id(payment, 1), payment_id=payment, merchant_id="m_001", operation="charge", gateway="beta", number=1,
        amount=AMOUNT, method="UPI",
    )  # fmt: skip
    after = AttemptFailed(correlation_id=payment, message_id=UUID(int=1), attempt=attempt, refusal=FAULT, latency_ms=5)
    async with office.working() as unit_of_work:
        await hear(unit_of_work, office, draws_no_probe, route_payment)
        await office.database.rows("TRUNCATE inbox")
        await hear(unit_of_work, office, after, attempt_failed)


async def test_what_was_decided_is_shown_with_every_candidate(office: Office) -> None:
    payment = new_id()
    await failed(office, payment)
    first, second = await show_decisions(ShowDecisions(payment_id=payment, merchant_id="m_001"), office.desk)
    assert (first.payment_id, first.number, first.gateway, first.segment, first.policy) == (payment, 1, "beta", "UPI:<50000", "fixed")
    assert [(one.gateway, one.rank, one.breaker) for one in first.candidates] == [("beta", 1, "closed"), ("alpha", None, "open")]
    assert first.candidates[1].reason == "breaker open: all failed"
    assert len(first.candidates[0].factors) == 6
    assert first.inputs["wish"]["bank"] == "HDFC"
    assert first.made_at is not None
    assert (second.number, second.gateway) == (2, None)
    assert {one.reason for one in second.candidates} == {"already tried", "breaker open: all failed"}


async def test_attempts_show_who_was_passed_over(office: Office) -> None:
    payment = new_id()
    await failed(office, payment)
    skipped, tried = await show_attempts(ShowAttempts(payment_id=payment, merchant_id=None), office.desk)
    assert (skipped.gateway, skipped.state, skipped.number, skipped.reason) == ("alpha", "skipped", None, "breaker open: all failed")
    assert (tried.gateway, tried.state, tried.number, tried.attempt_id) == ("beta", "failed", 1, attempt_id(payment, 1))


async def test_another_merchants_payment_is_not_there(office: Office) -> None:
    payment = new_id()
    await failed(office, payment)
    for asked in (
        show_decisions(ShowDecisions(payment_id=payment, merchant_id="m_002"), office.desk),
        show_attempts(ShowAttempts(payment_id=payment, merchant_id="m_002"), office.desk),
        show_decisions(ShowDecisions(payment_id=new_id(), merchant_id=None), office.desk),
        show_attempts(ShowAttempts(payment_id=new_id(), merchant_id=None), office.desk),
    ):
        with pytest.raises(Refused) as refused:
            await asked
        assert refused.value.complaint.code == "NOT_FOUND"


async def test_a_decision_from_before_there_were_records_is_shown_too(office: Office) -> None:
    payment = new_id()
    await office.database.rows(
        "INSERT INTO routes (payment_id, merchant_id, request, attempts) VALUES (:id, 'm_001', '{}', '[]')", id=payment
    )
    await office.database.rows(
        "INSERT INTO decisions (payment_id, number, gateway, reason, ranked)"
        """ VALUES (:id, 1, 'alpha', 'priority 1', '[{"gateway": "alpha", "rank": 1, "reason": "priority 1"}]')""",
        id=payment,
    )
    (found,) = await show_decisions(ShowDecisions(payment_id=payment, merchant_id=None), office.desk)
    assert (found.gateway, found.reason, found.candidates[0].rank) == ("alpha", "priority 1", 1)


async def test_a_payment_that_was_not_made_is_explained(office: Office) -> None:
    found = explain_decision(ExplainDecision(amount=AMOUNT, method="UPI", bank="HDFC", preferred_gateway="beta"), office.picture)
    assert (found.gateway, found.number, found.payment_id) == ("beta", 1, None)
    assert found.reason.startswith("asked for; ")
    assert [one.rank for one in found.candidates] == [1, 2]
    assert await office.database.value("SELECT count(*) FROM decisions") == 0
