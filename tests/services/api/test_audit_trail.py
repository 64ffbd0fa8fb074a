"""A payment's audit: asked of every owner, put in order, and honest about who did not answer."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.api.http.truth.audit_trail import Entry, in_order, of_timeline
from services.api.queries import Line
from shared import ids
from shared.clock import new_id
from shared.contracts import Money, attempt_id
from shared.contracts.questions import (
    CandidateView,
    DecisionView,
    DeliveryTrace,
    DeliveryTry,
    DiscrepancyView,
    ExecutionView,
    GatewayEventView,
    ListDiscrepancies,
    ListGatewayEvents,
    ShowDecisions,
    ShowDeliveries,
    ShowExecutions,
    ShowVerifications,
    VerificationView,
)
from tests.servers import Database
from tests.services.api.conftest import Client
from tests.services.api.stand_in import StandIn

AT = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
EVENT = UUID("019b8d5a-2c00-7000-8000-0000000000e0")
MONEY = Money(amount_minor=1_000, currency="INR")
PAYMENT = (
    "INSERT INTO payments (payment_id, merchant_id, status, sequence, amount_minor, currency, method, capture, metadata, evidence,"
    " created_at, updated_at) VALUES (:id, 'm_001', 'succeeded', 1, 1000, 'INR', 'UPI', 'automatic', '{}', '{}', now(), now())"
)
LINE = "INSERT INTO timeline (payment_id, id, at, event, detail) VALUES (:payment, :id, :at, :event, cast(:detail AS jsonb))"


def at(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


@pytest.fixture
async def payment(database: Database) -> UUID:
    payment_id = new_id()
    await database.rows(PAYMENT, id=payment_id)
    for seconds, event, detail in [
        (0, "payment.created", "{}"),
        (4, "attempt.unknown", '{"number": 1, "gateway": "alpha"}'),
        (9, "attempt.verified", '{"number": 1, "gateway": "alpha", "source": "webhook"}'),
        (9, "payment.succeeded", f'{{"event_id": "{EVENT}"}}'),
    ]:
        await database.rows(LINE, payment=payment_id, id=new_id(), at=at(seconds), event=event, detail=detail)
    return payment_id


def told(payment: UUID) -> dict[Any, Any]:
    one = attempt_id(payment, 1)
    candidates = (CandidateView(gateway="beta", rank=None, reason="disabled"), CandidateView(gateway="alpha", rank=1, reason="best"))
    about: dict[str, Any] = {"attempt_id": one, "payment_id": payment, "gateway": "alpha"}
    return {
        ShowDecisions: [
            DecisionView(payment_id=payment, number=1, policy="score", gateway="alpha", reason="best", candidates=candidates, made_at=at(1))
        ],
        ShowExecutions: [
            ExecutionView(
                attempt_id=one, number=1, operation="charge", gateway="alpha", amount=MONEY, state="succeeded",
                started_at=at(2), concluded_at=at(8),
            )
        ],
        ShowVerifications: [
            VerificationView(
                **about, operation="charge", number=1, amount=MONEY, state="succeeded", reason="said", lookups=1, opened_at=at(5),
                changed_at=at(8.5), verdict="succeeded", source="webhook",
            )
        ],
        ListGatewayEvents: [
            GatewayEventView(
                **about, evidence_id=new_id(), event_id="evt_1", event_type="charge.succeeded", body_sha256="0", finding="succeeded",
                state="news", reason="a success", received_at=at(7),
            )
        ],
        ListDiscrepancies: [
            DiscrepancyView(
                **about, discrepancy_id=new_id(), comparison="missing", reference="r", state="resolved", reason="gone", run_id=new_id(),
                found_at=at(20), seen_at=at(20), resolved_at=at(30), resolved_by="ops_ann", resolution="back again",
            )
        ],
        ShowDeliveries: [
            DeliveryTrace(
                delivery_id=new_id(), event_id=EVENT, endpoint_id="we_1", type="payment.succeeded", state="delivered", reason=None,
                created_at=at(10), tries=(DeliveryTry(number=1, at=at(11), status=204, error=None, latency_ms=3),),
            )
        ],
    }  # fmt: skip


def path(payment: UUID) -> str:
    return f"/payments/{ids.public(ids.PAYMENT, payment)}/audit"


async def test_a_refund_follows_from_its_beginning_and_is_heard_of_under_its_own_attempt(
    operator: Client, stand_in: StandIn, database: Database, payment: UUID
) -> None:
    operation = new_id()
    one = attempt_id(operation, 1)
    beginning = f'{{"id": "{ids.public(ids.REFUND, operation)}", "amount": 500}}'
    await database.rows(LINE, payment=payment, id=new_id(), at=at(40), event="refund.created", detail=beginning)
    heard = f'{{"number": 1, "operation": "refund", "attempt_id": "{one}"}}'
    await database.rows(LINE, payment=payment, id=new_id(), at=at(43), event="attempt.succeeded", detail=heard)
    execution = ExecutionView(
        attempt_id=one,
        number=1,
        operation="refund",
        gateway="alpha",
        amount=MONEY,
        state="succeeded",
        started_at=at(41),
        concluded_at=at(42),
    )
    stand_in.says |= {**told(payment), ShowExecutions: [execution]}
    items = (await operator.get(path(payment))).body["items"]
    started = next(item for item in items if item["id"] == f"attempt:{one}")
    assert started["cause"] == next(item["id"] for item in items if item["event"] == "refund.created")
    heard_of = next(item for item in items if item["owner"] == "api" and item["event"] == "attempt.succeeded")
    assert heard_of["cause"] == f"attempt:{one}"


async def test_everything_is_there_in_order_with_its_cause(operator: Client, stand_in: StandIn, payment: UUID) -> None:
    stand_in.says |= told(payment)
    answer = await operator.get(path(payment))
    assert (answer.status, answer.body["missing"]) == (200, [])
    items = answer.body["items"]
    one = attempt_id(payment, 1)
    assert [(item["owner"], item["event"]) for item in items] == [
        ("api", "payment.created"),
        ("router", "decision.made"),
        ("executor", "attempt.started"),
        ("api", "attempt.unknown"),
        ("verifier", "verification.opened"),
        ("verifier", "gateway_event.received"),
        ("executor", "attempt.succeeded"),
        ("verifier", "verification.succeeded"),
        ("api", "attempt.verified"),
        ("api", "payment.succeeded"),
        ("notifier", "webhook.owed"),
        ("notifier", "webhook.tried"),
        ("verifier", "discrepancy.found"),
        ("verifier", "discrepancy.resolved"),
    ]
    causes = {item["event"]: item["cause"] for item in items}
    assert causes["decision.made"] == items[0]["id"]
    assert causes["attempt.started"] == "decision:1"
    assert {causes[event] for event in ("verification.opened", "gateway_event.received", "attempt.verified")} == {f"attempt:{one}"}
    assert causes["webhook.owed"] == next(item["id"] for item in items if item["event"] == "payment.succeeded")
    names = {item["id"] for item in items}
    assert {item["cause"] for item in items} - names == {None}, "what has a cause names one that is there"


async def test_a_long_life_is_told_to_its_end(operator: Client, stand_in: StandIn, database: Database, payment: UUID) -> None:
    """Two hundred partial refunds: what tracking cuts off, an audit has."""
    many = "INSERT INTO timeline SELECT :payment, gen_random_uuid(), :at, 'refund.succeeded', '{}' FROM generate_series(1, 600)"
    await database.rows(many, payment=payment, at=at(50))
    stand_in.says |= told(payment)
    items = (await operator.get(path(payment))).body["items"]
    assert sum(item["event"] == "refund.succeeded" for item in items) == 600


@pytest.mark.parametrize("owner", ["router", "executor", "verifier", "notifier"])
async def test_who_does_not_answer_is_named(operator: Client, stand_in: StandIn, payment: UUID, owner: str) -> None:
    stand_in.says |= told(payment)
    await stand_in.away(owner)
    answer = await operator.get(path(payment))
    assert (answer.status, answer.body["missing"]) == (200, [owner])
    assert {item["owner"] for item in answer.body["items"]} == {"api", "router", "executor", "verifier", "notifier"} - {owner}


async def test_it_is_no_merchants(merchant: Client, operator: Client, stand_in: StandIn, payment: UUID) -> None:
    assert (await merchant.get(path(payment))).status == 403
    nobodys = new_id()
    assert (await operator.get(path(nobodys))).status == 404
    assert [one for one in stand_in.asked if getattr(one, "payment_id", None) in (payment, nobodys)] == []


def test_an_effect_that_has_its_causes_time_comes_after_it() -> None:
    owners: Any = ("notifier", "verifier", "executor", "router", "api")
    entries = [Entry(at=AT, owner=owner, event="?", id=owner) for owner in owners]
    assert [one.owner for one in in_order(entries)] == list(reversed(owners))


def test_a_line_about_an_attempt_is_because_of_it_and_any_other_because_of_the_one_before() -> None:
    payment_id = new_id()
    lines = [Line(AT, "payment.created", {}), Line(AT, "attempt.failed", {"number": 2}), Line(AT, "payment.failed", {})]
    assert [one.cause for one in of_timeline(payment_id, lines)] == [None, f"attempt:{attempt_id(payment_id, 2)}", "line:1"]
