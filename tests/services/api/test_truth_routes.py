"""Routes of verification and reconciliation: who may ask, what is asked of the verifier, and how its answer looks."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from shared import ids
from shared.clock import new_id
from shared.contracts import Money
from shared.contracts.questions import (
    Complaint,
    DiscrepancyView,
    GatewayEventView,
    ListDiscrepancies,
    ListGatewayEvents,
    ListRuns,
    ListVerifications,
    LookAgain,
    ResolveDiscrepancy,
    RunView,
    SettleVerification,
    ShowVerifications,
    StartRun,
    VerificationView,
)
from tests.servers import Database
from tests.services.api.conftest import MERCHANTS, Client
from tests.services.api.stand_in import StandIn

AT = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
ONE, PAYMENT = UUID("01a1fda9-d127-7039-9417-cb03440231d0"), UUID("01a1fda9-d127-7039-9417-cb03440231d1")
MONEY = Money(amount_minor=50_000, currency="INR")
VERIFICATION = VerificationView(
    attempt_id=ONE, payment_id=PAYMENT, gateway="alpha", operation="charge", number=2, amount=MONEY, state="exhausted", reason="?",
    lookups=9, opened_at=AT, changed_at=AT,
)  # fmt: skip
RUN = RunView(
    run_id=ONE, gateway="alpha", since=AT, until=AT + timedelta(hours=1), covered_until=AT, state="running", reason="under way",
    asked_by="operator", matched=3, expected=1, missing=0, unexpected=0, amount_mismatch=0, resolved=0, started_at=AT,
)  # fmt: skip
DISCREPANCY = DiscrepancyView(
    discrepancy_id=ONE, gateway="alpha", comparison="missing", reference="r", state="open", reason="?", attempt_id=ONE, payment_id=PAYMENT,
    our_state="succeeded", our_amount=MONEY, run_id=ONE, found_at=AT, seen_at=AT,
)  # fmt: skip
EVENT = GatewayEventView(
    evidence_id=ONE, gateway="alpha", event_id="evt_1", event_type="charge.succeeded", body_sha256="0" * 64, finding="succeeded",
    reference="r", state="unmatched", reason="no attempt of ours has this reference", received_at=AT,
)  # fmt: skip
ROUTES: list[tuple[str, str, Any]] = [
    ("GET", "/verifications", None),
    ("POST", f"/verifications/{ONE}/settle", {"verdict": "failed", "reason": "?"}),
    ("POST", f"/verifications/{ONE}/look-again", {}),
    ("GET", "/gateway-events", None),
    ("GET", "/reconciliation/runs", None),
    ("POST", "/reconciliation/runs", {"gateway": "alpha", "from": AT.isoformat(), "to": AT.isoformat()}),
    ("GET", "/reconciliation/discrepancies", None),
    ("POST", f"/reconciliation/discrepancies/{ONE}/resolve", {"reason": "?"}),
]


INSERT = (
    "INSERT INTO payments (payment_id, merchant_id, status, sequence, amount_minor, currency, method, capture, metadata, evidence,"
    " created_at, updated_at) VALUES (:id, 'm_001', 'processing', 1, 1000, 'INR', 'UPI', 'automatic', '{}', '{}', now(), now())"
)


@pytest.fixture
async def payment(database: Database) -> UUID:
    """The first merchant's."""
    payment_id = new_id()
    await database.rows(INSERT, id=payment_id)
    return payment_id


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
async def test_none_of_it_is_a_merchants(merchant: Client, stand_in: StandIn, method: str, path: str, body: Any) -> None:
    assert (await merchant.call(method, path, body)).status == 403
    assert (await Client(merchant.http, {}).call(method, path, body)).status == 401
    assert stand_in.asked == []


async def test_exhausted_ones_are_listed(operator: Client, stand_in: StandIn) -> None:
    stand_in.says[ListVerifications] = [VERIFICATION]
    answer = await operator.get("/verifications?state=exhausted&gateway=alpha&limit=7")
    assert answer.status == 200
    (item,) = answer.body["items"]
    assert (item["attempt_id"], item["payment_id"], item["attempt"]) == (str(ONE), ids.public(ids.PAYMENT, PAYMENT), 2)
    assert stand_in.asked == [ListVerifications(state="exhausted", gateway="alpha", limit=7)]


@pytest.mark.parametrize("confirmed", [None, {"amount": 49_000, "currency": "INR"}])
async def test_one_is_settled_under_the_operators_name(operator: Client, stand_in: StandIn, confirmed: Any) -> None:
    stand_in.says[SettleVerification] = VERIFICATION
    body = {"verdict": "succeeded", "confirmed": confirmed, "gateway_reference": "ch_1", "reason": "their dashboard"}
    assert (await operator.call("POST", f"/verifications/{ONE}/settle", body)).status == 200
    (asked,) = stand_in.asked
    assert isinstance(asked, SettleVerification)
    assert (asked.attempt_id, asked.verdict, asked.actor, asked.reason) == (ONE, "succeeded", "root", "their dashboard")
    assert asked.confirmed == (Money(amount_minor=49_000, currency="INR") if confirmed else None)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"verdict": "succeeded"},
        {"verdict": "maybe", "reason": "?"},
        {"verdict": "failed", "reason": "?", "confirmed": {"amount": 1, "currency": "INR"}},
        {"verdict": "succeeded", "reason": "?", "confirmed": {"amount": 1.5, "currency": "INR"}},
        {"verdict": "succeeded", "reason": "?", "amount": 1},
    ],
)
async def test_a_settlement_that_is_not_whole_is_refused(operator: Client, stand_in: StandIn, body: Any) -> None:
    assert (await operator.call("POST", f"/verifications/{ONE}/settle", body)).status == 422
    assert stand_in.asked == []


@pytest.mark.parametrize(("code", "status"), [("NOT_FOUND", 404), ("CONFLICT", 409)])
async def test_what_the_verifier_refuses_is_told(operator: Client, stand_in: StandIn, code: Any, status: int) -> None:
    stand_in.says |= dict.fromkeys((SettleVerification, LookAgain, ResolveDiscrepancy, StartRun), Complaint(code=code, message="no"))
    for method, path, body in ROUTES:
        if method == "POST":
            assert (await operator.call(method, path, body)).status == status


async def test_webhooks_that_match_nothing_are_listed(operator: Client, stand_in: StandIn) -> None:
    stand_in.says[ListGatewayEvents] = [EVENT]
    answer = await operator.get("/gateway-events?unmatched=true")
    assert [item["event_id"] for item in answer.body["items"]] == ["evt_1"]
    assert stand_in.asked == [ListGatewayEvents(state="unmatched")]


async def test_a_run_is_started_and_shown(operator: Client, stand_in: StandIn) -> None:
    stand_in.says |= {StartRun: RUN, ListRuns: [RUN]}
    body = {"gateway": "alpha", "from": "2026-01-05T09:30:00Z", "to": "2026-01-05T10:30:00+00:00"}
    answer = await operator.call("POST", "/reconciliation/runs", body)
    assert (answer.status, answer.body["from"], answer.body["matched"]) == (202, "2026-01-05T09:30:00Z", 3)
    assert stand_in.asked == [StartRun(gateway="alpha", since=AT, until=AT + timedelta(hours=1), actor="root")]
    assert (await operator.get("/reconciliation/runs")).body["items"] == [answer.body]
    assert (await operator.call("POST", "/reconciliation/runs", body | {"from": "2026-01-05T09:30:00"})).status == 422


async def test_discrepancies_are_shown_and_resolved(operator: Client, stand_in: StandIn) -> None:
    stand_in.says |= {ListDiscrepancies: [DISCREPANCY], ResolveDiscrepancy: DISCREPANCY}
    answer = await operator.get("/reconciliation/discrepancies?state=open")
    (item,) = answer.body["items"]
    assert (item["comparison"], item["payment_id"]) == ("missing", ids.public(ids.PAYMENT, PAYMENT))
    assert (await operator.call("POST", f"/reconciliation/discrepancies/{ONE}/resolve", {"reason": "refunded by hand"})).status == 200
    assert stand_in.asked[1] == ResolveDiscrepancy(discrepancy_id=ONE, actor="root", reason="refunded by hand")


async def test_another_merchants_payment_is_not_found_and_nothing_is_asked(merchant: Client, stand_in: StandIn) -> None:
    answer = await merchant.get(f"/payments/{ids.public(ids.PAYMENT, new_id())}/status-verification")
    assert answer.status == 404
    assert stand_in.asked == []


async def test_a_merchant_sees_what_is_being_done(merchant: Client, stand_in: StandIn, payment: UUID) -> None:
    stand_in.says[ShowVerifications] = [VERIFICATION]
    path = f"/payments/{ids.public(ids.PAYMENT, payment)}/status-verification"
    answer = await merchant.get(path)
    assert (answer.status, answer.body["status"]) == (200, "processing")
    (item,) = answer.body["items"]
    assert (item["attempt"], item["state"], item["lookups"], item["verdict"]) == (2, "exhausted", 9, None)
    assert "reason" not in item, "an operator's words are not the merchant's"
    assert (await Client(merchant.http, MERCHANTS["m_002"]).get(path)).status == 404
    await stand_in.away("verifier")
    assert (await merchant.get(path)).status == 503
