"""Gateways' webhooks: each counts once, for its own account's attempts, in any order; what nobody knows is kept and shown."""

import itertools
from typing import Any

import pytest

from shared import topology
from shared.clock import new_id
from shared.contracts import Attempt, AttemptObserved, AttemptVerified, GatewayFinding, Money, ReceiveGatewayEvent, Refusal
from shared.contracts.questions import GatewayEventView, ListGatewayEvents
from tests.services.truth.post import Truth, attempt

DECLINED = Refusal(code="card_declined", message="no", outcome_class="user_decline", retryable=False)
EVENTS = itertools.count()


def spoken(one: Attempt, finding: GatewayFinding = "succeeded", *, gateway: str | None = None, **more: Any) -> ReceiveGatewayEvent:
    """What the edge makes of a webhook about an attempt."""
    number = next(EVENTS)
    about: dict[str, Any] = {"gateway": gateway or one.gateway, "event_id": f"evt_{number}", "event_type": f"charge.{finding}"}
    about |= {"body_sha256": f"{number:064x}", "finding": finding, "operation": one.operation, "reference": str(one.attempt_id)}
    about |= {"gateway_reference": f"ch_{one.attempt_id.hex[-8:]}", "confirmed": one.amount if finding == "succeeded" else None}
    about |= {"refusal": DECLINED if finding == "failed" else None}
    return ReceiveGatewayEvent(correlation_id=new_id(), **about | more)


async def receive(there: Truth, event: ReceiveGatewayEvent) -> None:
    await there.deliver(topology.COMMANDS, event.kind, event)
    await there.carry()


async def events(there: Truth, **asked: Any) -> list[GatewayEventView]:
    found: list[GatewayEventView] = await there.answer(ListGatewayEvents(**asked))
    return found


async def waiting_for_payer(there: Truth) -> Attempt:
    """An attempt whose customer has to act: nobody asks about it, so only a webhook ends it soon."""
    one = attempt(amount_minor=109_021)  # magic: requires-action
    await there.execute(one)
    assert (await there.attempt_row(one)).state == "action_required"
    return one


async def test_a_success_ends_what_waits_for_its_payer(there: Truth) -> None:
    one = await waiting_for_payer(there)
    event = spoken(one)
    await receive(there, event)
    (verdict,) = there.told(AttemptVerified)
    assert (verdict.attempt, verdict.verdict, verdict.source, verdict.correlation_id) == (one, "succeeded", "webhook", one.payment_id)
    assert (verdict.confirmed, verdict.gateway_reference) == (one.amount, event.gateway_reference)
    assert (await there.attempt_row(one)).state == "succeeded"
    (kept,) = await events(there, payment_id=one.payment_id)
    assert (kept.state, kept.attempt_id, kept.code) == ("news", one.attempt_id, None)


async def test_a_failure_is_evidence_too(there: Truth) -> None:
    one = await waiting_for_payer(there)
    await receive(there, spoken(one, "failed"))
    (verdict,) = there.told(AttemptVerified)
    assert (verdict.verdict, verdict.refusal) == ("failed", DECLINED)
    (kept,) = await events(there)
    assert (kept.state, kept.code) == ("news", "card_declined")


async def test_a_replayed_webhook_changes_nothing(there: Truth) -> None:
    one = await waiting_for_payer(there)
    event = spoken(one)
    for _ in range(3):  # each delivery is a message of its own
        await receive(there, event.model_copy(update={"message_id": new_id()}))
    assert len(there.told(AttemptObserved)) == len(there.told(AttemptVerified)) == len(await events(there)) == 1


async def test_every_message_delivered_thrice_counts_once(there: Truth) -> None:
    there.copies = 3
    one = await waiting_for_payer(there)
    await receive(there, spoken(one))
    verdicts = {event.message_id for event in there.told(AttemptVerified)}
    assert len(verdicts) == 1
    assert len(await events(there)) == 1


async def test_one_body_under_another_event_id_is_kept_and_changes_nothing(there: Truth) -> None:
    """Where the id is a header that nobody signs, whoever has seen a webhook can send it under any."""
    one = await waiting_for_payer(there)
    event = spoken(one)
    await receive(there, event)
    await receive(there, event.model_copy(update={"message_id": new_id(), "event_id": "evt_made_up"}))
    assert len(there.told(AttemptVerified)) == 1
    assert sorted(one.state for one in await events(there)) == ["known", "news"]


async def test_an_account_speaks_for_none_but_its_own(there: Truth) -> None:
    one = await waiting_for_payer(there)
    await receive(there, spoken(one, gateway="beta"))
    assert there.told(AttemptObserved) == []
    assert (await there.attempt_row(one)).state == "action_required"
    (kept,) = await events(there, state="unmatched")
    assert (kept.gateway, kept.reason, kept.payment_id) == ("beta", "the attempt is another account's", None)


@pytest.mark.parametrize("reference", ["01a1fda9-d127-7039-9417-cb03440231d0", "order-4711", None])
async def test_what_nobody_knows_is_kept_and_shown(there: Truth, reference: str | None) -> None:
    await receive(there, spoken(attempt(), reference=reference))
    assert there.told(AttemptObserved) == []
    (kept,) = await events(there, state="unmatched")
    assert (kept.reference, kept.confirmed) == (reference, Money(amount_minor=50_000, currency="INR"))


async def test_it_may_come_before_the_verdict_or_after_it(there: Truth) -> None:
    """A failure that is late comes after the success that followed it: the money moved."""
    one = await waiting_for_payer(there)
    await receive(there, spoken(one))
    await receive(there, spoken(one, "failed"))
    assert [verdict.verdict for verdict in there.told(AttemptVerified)] == ["succeeded"]
    two = await waiting_for_payer(there)
    await receive(there, spoken(two, "failed"))
    await receive(there, spoken(two))
    assert [verdict.verdict for verdict in there.told(AttemptVerified)[1:]] == ["failed", "succeeded"]


async def test_what_we_know_already_is_no_news(there: Truth) -> None:
    one = attempt()
    await there.execute(one)
    row = await there.attempt_row(one)
    await receive(there, spoken(one, gateway_reference=row.outcome["gateway_reference"]))
    await receive(there, spoken(one, "pending"))
    assert there.told(AttemptObserved) == []
    assert {kept.state for kept in await events(there)} == {"known"}


@pytest.mark.parametrize(
    "more", [{"confirmed": Money(amount_minor=1, currency="INR")}, {"gateway_reference": "ch_another"}], ids=["amount", "charge"]
)
async def test_a_success_that_contradicts_the_one_we_know_is_told(there: Truth, more: dict[str, Any]) -> None:
    """The edge makes a conflict of it."""
    one = attempt()
    await there.execute(one)
    row = await there.attempt_row(one)
    await receive(there, spoken(one, **{"gateway_reference": row.outcome["gateway_reference"]} | more))
    (verdict,) = there.told(AttemptVerified)
    assert (verdict.verdict, verdict.confirmed) == ("succeeded", more.get("confirmed", one.amount))
    assert (await there.attempt_row(one)).outcome == row.outcome


async def test_a_webhook_ends_a_doubt_before_its_next_lookup(there: Truth) -> None:
    one = attempt(amount_minor=109_010)  # magic: error-500
    await there.execute(one)
    await receive(there, spoken(one))
    await there.ask_due()
    assert [(verdict.verdict, verdict.source) for verdict in there.told(AttemptVerified)] == [("succeeded", "webhook")]
