"""How a payment was routed: for its merchant and for operators, and for nobody else."""

from typing import Any
from uuid import UUID

import orjson
import pytest

from services.api.domain.evidence import Evidence, Seen
from shared import ids
from shared.clock import new_id
from shared.contracts import attempt_id
from shared.contracts import questions as q
from tests.servers import Database
from tests.services.api.conftest import Client
from tests.services.api.stand_in import StandIn
from tests.services.api.test_admin import DECISION, NOW, RETRIES

INSERT = (
    "INSERT INTO payments (payment_id, merchant_id, status, sequence, amount_minor, currency, method, capture, metadata, evidence,"
    " created_at, updated_at) VALUES (:id, 'm_001', 'succeeded', 1, 1000, 'INR', 'UPI', 'automatic', '{}', :evidence, now(), now())"
)


@pytest.fixture
async def payment(database: Database) -> UUID:
    """The first merchant's: refused by alpha, beta passed over, unknown at gamma, charged by delta, and omega has just been asked."""
    payment_id = new_id()
    seen = {
        1: Seen(1, "alpha", "charge", refused=(("card_declined", "no"),)),
        2: Seen(2, "gamma", "charge", unknown=True),
        3: Seen(3, "delta", "charge", unknown=True, charged=((1000, "INR", "ref_3"),)),
        5: Seen(5, "sigma", "charge", action=True, action_url="https://sigma.test"),
    }
    evidence = Evidence({str(attempt_id(payment_id, number)): one for number, one in seen.items()})
    await database.rows(INSERT, id=payment_id, evidence=orjson.dumps(evidence).decode())
    return payment_id


def tried(payment_id: UUID) -> list[q.TriedView]:
    def attempt(number: int, gateway: str, state: Any = "open") -> q.TriedView:
        return q.TriedView(attempt_id=attempt_id(payment_id, number), number=number, gateway=gateway, state=state)

    skipped = q.TriedView(gateway="beta", state="skipped", reason="breaker is open")
    return [attempt(1, "alpha", "failed"), skipped, *(attempt(2 + n, one) for n, one in enumerate(("gamma", "delta", "omega", "sigma")))]


def public(payment_id: UUID) -> str:
    return ids.public(ids.PAYMENT, payment_id)


async def test_attempts_are_shown_with_what_became_of_them(merchant: Client, operator: Client, stand_in: StandIn, payment: UUID) -> None:
    stand_in.says = {q.ShowAttempts: tried(payment)}
    answer = await merchant.get(f"/payments/{public(payment)}/attempts")
    assert (await operator.get(f"/payments/{public(payment)}/attempts")).body == answer.body
    assert answer.body["payment_id"] == public(payment)
    told = [
        (one["number"], one["gateway"], one["state"], one["code"], one["gateway_reference"], one["reason"]) for one in answer.body["items"]
    ]
    assert told == [
        (1, "alpha", "failed", "card_declined", None, None),
        (None, "beta", "skipped", None, None, "breaker is open"),
        (2, "gamma", "unknown", None, None, None),
        (3, "delta", "succeeded", None, "ref_3", None),
        (4, "omega", "open", None, None, None),
        (5, "sigma", "requires_action", None, None, None),
    ]
    assert stand_in.asked == [q.ShowAttempts(payment_id=payment, merchant_id="m_001")] * 2


async def test_a_payment_that_the_router_has_not_heard_of_has_no_attempts_and_no_decision(
    merchant: Client, stand_in: StandIn, payment: UUID
) -> None:
    unheard = q.Complaint(code="NOT_FOUND", message="no such payment")
    stand_in.says = {q.ShowAttempts: unheard, q.ShowDecisions: unheard}
    assert (await merchant.get(f"/payments/{public(payment)}/attempts")).body == {"payment_id": public(payment), "items": []}
    assert (await merchant.get(f"/payments/{public(payment)}/routing-decision")).code == "NOT_FOUND"
    stand_in.says = {q.ShowDecisions: []}
    assert (await merchant.get(f"/payments/{public(payment)}/routing-decision")).code == "NOT_FOUND"


async def test_a_decision_is_shown_with_every_candidate(merchant: Client, operator: Client, stand_in: StandIn, payment: UUID) -> None:
    views = [DECISION.model_copy(update={"number": number, "payment_id": payment, "made_at": NOW}) for number in (2, 1)]
    views[0] = views[0].model_copy(update={"gateway": "beta", "reason": "the next one"})
    stand_in.says = {q.ShowDecisions: views}
    answer = await merchant.get(f"/payments/{public(payment)}/routing-decision")
    assert (answer.body["payment_id"], answer.body["gateway"], answer.body["reason"]) == (public(payment), "beta", "the next one")
    assert [one["number"] for one in answer.body["decisions"]] == [1, 2]
    assert answer.body["decisions"][0]["candidates"][0]["factors"] == {"success_rate": 0.9}
    assert str(payment) not in str(answer.body)
    assert (await operator.get(f"/payments/{public(payment)}/routing-decision")).body == answer.body
    assert stand_in.asked == [q.ShowDecisions(payment_id=payment, merchant_id="m_001")] * 2


@pytest.mark.parametrize("what", ["attempts", "routing-decision"])
async def test_another_merchants_payment_is_as_unknown_as_none(
    neighbour: Client, operator: Client, stand_in: StandIn, payment: UUID, what: str
) -> None:
    theirs = await neighbour.get(f"/payments/{public(payment)}/{what}")
    nobodys = await neighbour.get(f"/payments/{public(new_id())}/{what}")
    assert (theirs.status, theirs.code) == (404, "NOT_FOUND")
    assert theirs.body == nobodys.body
    assert (await operator.get(f"/payments/{public(new_id())}/{what}")).status == 404
    assert stand_in.asked == []


async def test_a_merchant_sees_its_own_retry_policy_only(merchant: Client, neighbour: Client, stand_in: StandIn) -> None:
    stand_in.says = {q.ShowRetryPolicy: RETRIES}
    assert (await merchant.get("/retry-policy/m_001")).body["attempts_max"] == 3
    assert (await neighbour.get("/retry-policy/m_001")).code == "NOT_FOUND"
    assert stand_in.asked == [q.ShowRetryPolicy(merchant_id="m_001")]
