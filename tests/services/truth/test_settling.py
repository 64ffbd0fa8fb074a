"""What the ladder cannot settle is an operator's: listed, settled by hand under their name, or asked about anew."""

from typing import Any

import pytest

from services.verifier import consumers as verifier
from services.verifier import store as verifier_store
from shared import topology
from shared.clock import new_id
from shared.contracts import Attempt, AttemptDoubted, AttemptVerified, LookupAttempt, Money
from shared.contracts.questions import (
    AuditEntry,
    ListVerifications,
    ListVerifierAudit,
    LookAgain,
    SettleVerification,
    ShowVerifications,
    VerificationView,
)
from shared.messaging.answers import Refused
from tests.sandbox.client import Sandbox
from tests.services.truth.post import PATIENCE, Truth, attempt
from tests.services.truth.test_gateway_events import spoken

INR = Money(amount_minor=49_999, currency="INR")


async def exhausted(there: Truth, sandbox: Sandbox) -> Attempt:
    """Charged, and the gateway has no clear answer to any question about it."""
    await sandbox.put("/gateways/alpha/settings", late_s=60)
    one = attempt()
    await there.execute(one, vpa="pending@sandbox")
    await there.ask_due()
    assert len(there.told(LookupAttempt)) == len(PATIENCE.ladder_s)
    assert there.told(AttemptVerified) == []
    return one


def settle(one: Attempt, verdict: Any = "succeeded", **more: Any) -> SettleVerification:
    return SettleVerification(attempt_id=one.attempt_id, verdict=verdict, actor="ops_ann", reason="seen in their dashboard", **more)


async def listed(there: Truth, state: Any) -> list[VerificationView]:
    found: list[VerificationView] = await there.answer(ListVerifications(state=state))
    return found


async def test_a_spent_ladder_stands_on_the_operators_list(there: Truth, sandbox: Sandbox) -> None:
    one = await exhausted(there, sandbox)
    (view,) = await listed(there, "exhausted")
    assert (view.attempt_id, view.verdict, view.next_lookup_at, view.lookups) == (one.attempt_id, None, None, 3)
    assert await listed(there, "open") == []


@pytest.mark.parametrize("confirmed", [None, INR])
async def test_settled_as_charged(there: Truth, sandbox: Sandbox, confirmed: Money | None) -> None:
    """Of exactly the attempt's amount unless the operator says another, which the edge makes a conflict of."""
    one = await exhausted(there, sandbox)
    view: VerificationView = await there.answer(settle(one, confirmed=confirmed, gateway_reference="ch_9"))
    (verdict,) = there.told(AttemptVerified)
    assert (verdict.attempt, verdict.verdict, verdict.source, verdict.correlation_id) == (one, "succeeded", "operator", one.payment_id)
    assert (verdict.confirmed, verdict.gateway_reference, verdict.refusal) == (confirmed or one.amount, "ch_9", None)
    assert (view.verdict, view.source, view.confirmed) == ("succeeded", "operator", confirmed or one.amount)
    assert await listed(there, "exhausted") == []


async def test_the_name_that_the_operator_had_not_comes_by_itself(there: Truth, sandbox: Sandbox) -> None:
    """Without it nobody could refund the charge."""
    one = await exhausted(there, sandbox)
    await there.answer(settle(one))
    event = spoken(one, confirmed=one.amount)
    for number in range(2):
        again = event.model_copy(update={"event_id": f"evt_{number}_{new_id()}", "message_id": new_id()})
        await there.deliver(topology.COMMANDS, again.kind, again)
        await there.carry()
    verdicts = [(verdict.verdict, verdict.source, verdict.gateway_reference) for verdict in there.told(AttemptVerified)]
    assert verdicts == [("succeeded", "operator", None), ("succeeded", "webhook", event.gateway_reference)]


async def test_settled_as_not_charged(there: Truth, sandbox: Sandbox) -> None:
    one = await exhausted(there, sandbox)
    await there.answer(settle(one, "failed"))
    (verdict,) = there.told(AttemptVerified)
    assert verdict.refusal is not None
    assert (verdict.verdict, verdict.refusal.code, verdict.confirmed) == ("failed", "SETTLED_BY_OPERATOR", None)


async def test_every_settlement_is_audited(there: Truth, sandbox: Sandbox) -> None:
    one = await exhausted(there, sandbox)
    await there.answer(settle(one, "failed"))
    await there.answer(settle(one))
    found: list[AuditEntry] = await there.answer(ListVerifierAudit())
    assert [(entry.actor, entry.action, entry.subject, entry.before["state"], entry.after["state"]) for entry in found] == [
        ("ops_ann", "verification.settle", str(one.attempt_id), "failed", "succeeded"),
        ("ops_ann", "verification.settle", str(one.attempt_id), "exhausted", "failed"),
    ]
    assert {entry.reason for entry in found} == {"seen in their dashboard"}


async def test_a_success_is_never_taken_back(there: Truth, sandbox: Sandbox) -> None:
    one = await exhausted(there, sandbox)
    await there.answer(settle(one))
    for again in ("failed", "succeeded"):
        with pytest.raises(Refused) as refused:
            await there.answer(settle(one, again))
        assert refused.value.complaint.code == "CONFLICT"
    assert len(there.told(AttemptVerified)) == 1
    audit: list[AuditEntry] = await there.answer(ListVerifierAudit())
    assert len(audit) == 1


async def test_what_is_not_there_cannot_be_settled(there: Truth) -> None:
    for question in (settle(attempt()), LookAgain(attempt_id=new_id(), actor="ops_ann", reason="?")):
        with pytest.raises(Refused) as refused:
            await there.answer(question)
        assert refused.value.complaint.code == "NOT_FOUND"


async def test_asked_about_anew_by_the_whole_ladder(there: Truth, sandbox: Sandbox) -> None:
    one = await exhausted(there, sandbox)
    view: VerificationView = await there.answer(LookAgain(attempt_id=one.attempt_id, actor="ops_ann", reason="the outage is over"))
    assert (view.state, view.lookups, view.verdict) == ("open", 0, None)
    await there.ask_due()
    assert len(there.told(LookupAttempt)) == 2 * len(PATIENCE.ladder_s)
    (view,) = await listed(there, "exhausted")
    assert view.attempt_id == one.attempt_id


async def test_who_waits_for_a_payer_stands_on_a_list_of_its_own(there: Truth, sandbox: Sandbox) -> None:
    """It is no trouble: the payment's own time decides."""
    await sandbox.put("/gateways/alpha/settings", late_s=60)
    unsettled, link = attempt(), attempt(operation="link")
    await there.execute(unsettled, vpa="pending@sandbox")
    await there.execute(link)
    doubted = AttemptDoubted(correlation_id=link.payment_id, attempt=link)
    await there.verifier.hear(topology.VERIFIER_EVIDENCE.queue, doubted)
    await there.verifier.sweep(verifier_store.TAKE_DUE, verifier.ask)
    await there.carry()
    assert [(one.attempt_id, one.state) for one in await listed(there, "awaited")] == [(link.attempt_id, "awaited")]
    assert [(one.attempt_id, one.state) for one in await listed(there, "open")] == [(unsettled.attempt_id, "open")]
    await there.ask_due()
    assert [(one.attempt_id, one.verdict) for one in await listed(there, "awaited")] == [(link.attempt_id, None)]
    assert [one.attempt_id for one in await listed(there, "exhausted")] == [unsettled.attempt_id]
    [shown] = await there.answer(ShowVerifications(payment_id=link.payment_id))
    assert shown.state == "awaited"
    view: VerificationView = await there.answer(settle(link, "failed"))
    assert (view.state, await listed(there, "awaited")) == ("failed", [])


async def test_a_payments_verifications_are_shown(there: Truth, sandbox: Sandbox) -> None:
    one = await exhausted(there, sandbox)
    (view,) = await there.answer(ShowVerifications(payment_id=one.payment_id))
    assert (view.attempt_id, view.number, view.state) == (one.attempt_id, 1, "exhausted")
    assert await there.answer(ShowVerifications(payment_id=new_id())) == []
