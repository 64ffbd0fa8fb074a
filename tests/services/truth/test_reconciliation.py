"""Our attempts against the gateway's list: a charge it has and we have not, one we have and it has not, an amount that differs.

A clean run finds nothing, and nothing is ever made up.
"""

from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from services.verifier import ledger, reconciliation
from services.verifier.queries import Queries
from shared.clock import new_id, utc_now
from shared.contracts import Attempt, AttemptObserved, AttemptVerified, ChargesCompared, CompareCharges, DiscrepancyFound, Money
from shared.contracts.questions import (
    DiscrepancyView,
    ListDiscrepancies,
    ListRuns,
    ResolveDiscrepancy,
    RunView,
    StartRun,
)
from shared.messaging.answers import Refused
from tests.sandbox.client import Sandbox
from tests.services.truth.post import Truth, attempt

DISAGREEING = {"missing", "unexpected", "amount_mismatch"}


async def run(there: Truth, *, gateway: str = "alpha", back_s: float = 600.0) -> RunView:
    """A run over the last minutes, to its end."""
    now = utc_now()
    question = StartRun(gateway=gateway, since=now - timedelta(seconds=back_s), until=now, actor="ops_ann")
    started: RunView = await there.answer(question)
    assert started.state in ("running", "finished", "failed")
    runs: list[RunView] = await there.answer(ListRuns())
    return next(one for one in runs if one.run_id == started.run_id)


async def found(there: Truth, **asked: Any) -> list[DiscrepancyView]:
    views: list[DiscrepancyView] = await there.answer(ListDiscrepancies(**asked))
    return views


def counts(one: RunView) -> dict[str, int]:
    return {name: count for name in (*DISAGREEING, "matched", "expected", "resolved") if (count := getattr(one, name))}


async def set_outcome(there: Truth, one: Any, **change: Any) -> None:
    """As if something had gone wrong with our own row."""
    row = await there.attempt_row(one)
    outcome = orjson.dumps(row.outcome | change).decode()
    sql = "UPDATE attempts SET outcome = cast(:outcome AS jsonb) WHERE attempt_id = :id"
    await there.executor.database.rows(sql, id=one.attempt_id, outcome=outcome)


async def forget(there: Truth, one: Any) -> None:
    await there.executor.database.rows("DELETE FROM attempts WHERE attempt_id = :id", id=one.attempt_id)


async def test_a_clean_run_finds_nothing(there: Truth) -> None:
    charged, declined = [attempt() for _ in range(5)], attempt()
    for one in charged:
        await there.execute(one)
    await there.execute(declined, vpa="decline@sandbox")
    ended = await run(there)
    assert (ended.state, ended.asked_by, ended.reason) == ("finished", "ops_ann", "compared")
    assert counts(ended) == {"matched": 6}
    assert await found(there) == []
    assert (there.told(DiscrepancyFound), there.told(AttemptObserved)) == ([], [])


@pytest.mark.parametrize(
    ("first", "then", "amount_minor", "matched"),
    [("charge", "refund", 50_000, 2), ("charge", "refund", 1, 2), ("authorize", "void", 50_000, 1), ("authorize", "capture", 20_000, 1)],
)
async def test_what_we_did_with_a_charge_afterwards_is_no_discrepancy(
    there: Truth, first: Any, then: Any, amount_minor: int, matched: int
) -> None:
    """Refunds are compared themselves."""
    two = await followed(there, then, amount_minor, first=first)
    assert (await there.attempt_row(two)).state == "succeeded"
    assert counts(await run(there)) == {"matched": matched}
    assert await found(there) == []


async def followed(there: Truth, then: Any, amount_minor: int = 20_000, *, first: Any = "charge") -> Attempt:
    """What is done with a charge, after it."""
    one = attempt(operation=first)
    await there.execute(one)
    charge = (await there.attempt_row(one)).outcome["gateway_reference"]
    amount = Money(amount_minor=amount_minor, currency="INR")
    more = {"attempt_id": new_id(), "operation": then, "number": 2, "amount": amount, "target_reference": charge}
    two = one.model_copy(update=more)
    await there.execute(two)
    return two


async def test_a_refund_that_the_gateway_has_and_we_have_not(there: Truth) -> None:
    """Somebody gave it back in the gateway's dashboard, say."""
    await forget(there, await followed(there, "refund"))
    assert counts(await run(there)) == {"matched": 1, "unexpected": 1}
    (view,) = await found(there)
    assert (view.operation, view.gateway_amount) == ("refund", Money(amount_minor=20_000, currency="INR"))
    assert view.reason == "the gateway has a refund that we know nothing of"
    assert there.told(AttemptVerified) == []


async def test_a_refund_under_the_name_of_its_charge(there: Truth, sandbox: Sandbox) -> None:
    """Whoever made it copied the charge's marks: it is no second charge, and no evidence of anything."""
    one = attempt()
    await there.execute(one)
    charge = (await there.attempt_row(one)).outcome["gateway_reference"]
    refund = {"reference": str(one.attempt_id), "amount_minor": 20_000}
    path, headers = f"/gateways/alpha/v1/charges/{charge}/refund", {"Authorization": "Bearer sk_sandbox_alpha"}
    assert (await sandbox.call("POST", path, json=refund, headers=headers)).status == 200
    assert counts(await run(there)) == {"matched": 1, "unexpected": 1}
    (view,) = await found(there)
    assert (view.operation, view.attempt_id, view.gateway_amount) == ("refund", None, Money(amount_minor=20_000, currency="INR"))
    assert there.told(AttemptVerified) == []


async def test_a_refund_that_we_have_and_the_gateway_has_not(there: Truth) -> None:
    """Nor is it taken for what undid the charge."""
    refund = await followed(there, "refund")
    await there.execute(nowhere := refund.model_copy(update={"attempt_id": new_id()}))
    await set_outcome(there, nowhere, gateway_reference="rfnd_nowhere")
    lost = new_id()
    sql = (
        "INSERT INTO attempts (attempt_id, payment_id, gateway, operation, state, token, attempt, outcome, started_at) SELECT :lost,"
        " payment_id, gateway, operation, state, token, jsonb_set(attempt, '{attempt_id}', to_jsonb(cast(:name AS text))), outcome,"
        " started_at FROM attempts WHERE attempt_id = :id"
    )
    await there.executor.database.rows(sql, lost=lost, name=str(lost), id=refund.attempt_id)
    assert counts(await run(there)) == {"matched": 2, "missing": 1, "unexpected": 1}
    views = {view.comparison: view for view in await found(there)}
    assert (views["missing"].attempt_id, views["missing"].operation) == (lost, "refund")
    assert views["unexpected"].reason == "the gateway has another refund for the same attempt"


async def test_a_refund_of_another_amount_and_one_in_doubt(there: Truth) -> None:
    refund, unknown = await followed(there, "refund"), await followed(there, "refund", 9_011)
    assert (await there.attempt_row(unknown)).state == "unknown"
    await set_outcome(there, refund, confirmed={"amount_minor": 19_999, "currency": "INR"})
    assert counts(await run(there)) == {"matched": 2, "amount_mismatch": 1, "expected": 1}
    (view,) = await found(there)
    assert (view.attempt_id, view.our_amount) == (refund.attempt_id, Money(amount_minor=19_999, currency="INR"))
    told = {verdict.attempt.attempt_id: (verdict.verdict, verdict.source) for verdict in there.told(AttemptVerified)}
    assert told == dict.fromkeys((refund.attempt_id, unknown.attempt_id), ("succeeded", "reconciliation"))


async def test_a_charge_that_the_gateway_has_and_we_have_not(there: Truth, sandbox: Sandbox) -> None:
    stranger = str(new_id())
    await sandbox.charge(reference=stranger, amount_minor=777)
    forgotten = attempt()
    await there.execute(forgotten)
    await forget(there, forgotten)
    ended = await run(there)
    assert counts(ended) == {"unexpected": 2}
    views = await found(there, state="open")
    assert {view.comparison for view in views} == {"unexpected"}
    one = next(view for view in views if view.gateway_amount == Money(amount_minor=777, currency="INR"))
    assert (one.our_state, one.gateway_state, one.payment_id, one.run_id) == (None, "succeeded", None, ended.run_id)
    assert {event.difference.comparison for event in there.told(DiscrepancyFound)} == {"unexpected"}
    assert there.told(AttemptVerified) == [], "it invents nothing"


async def test_a_charge_that_we_have_and_the_gateway_has_not(there: Truth, sandbox: Sandbox) -> None:
    """The list is not enough: it is asked for it by name before it is called missing."""
    one = attempt()
    await there.execute(one, vpa="decline@sandbox")
    nowhere = attempt()
    await there.execute(nowhere, vpa="rate-limit@sandbox")
    for lost in (one, nowhere):
        await set_outcome(there, lost, confirmed={"amount_minor": 50_000, "currency": "INR"}, gateway_reference="ch_nowhere")
        await there.executor.database.rows("UPDATE attempts SET state = 'succeeded' WHERE attempt_id = :id", id=lost.attempt_id)
    ended = await run(there)
    assert counts(ended) == {"missing": 2}
    assert {view.attempt_id for view in await found(there)} == {one.attempt_id, nowhere.attempt_id}
    assert sorted(str(view.gateway_state) for view in await found(there)) == ["failed", "not_found"]
    assert there.told(AttemptVerified) == []


async def test_an_amount_that_differs(there: Truth) -> None:
    one = attempt()
    await there.execute(one)
    await set_outcome(there, one, confirmed={"amount_minor": 49_000, "currency": "INR"})
    ended = await run(there)
    assert counts(ended) == {"amount_mismatch": 1}
    (view,) = await found(there)
    assert (view.our_amount, view.gateway_amount) == (Money(amount_minor=49_000, currency="INR"), one.amount)
    assert view.payment_id == one.payment_id
    (verdict,) = there.told(AttemptVerified)
    assert (verdict.source, verdict.confirmed) == ("reconciliation", one.amount)


@pytest.mark.parametrize(("vpa", "verdict"), [("charge-then-500@sandbox", "succeeded"), ("pending@sandbox", None)])
async def test_a_charge_of_an_attempt_in_doubt_is_evidence(there: Truth, sandbox: Sandbox, vpa: str, verdict: str | None) -> None:
    await sandbox.put("/gateways/alpha/settings", late_s=60)
    one = attempt()
    await there.execute(one, vpa=vpa)
    assert (await there.attempt_row(one)).state == "unknown"
    ended = await run(there)
    assert counts(ended) == {"expected": 1}
    assert [(event.verdict, event.source) for event in there.told(AttemptVerified)] == ([(verdict, "reconciliation")] if verdict else [])
    assert await found(there) == []


async def test_a_late_success_is_evidence_and_a_discrepancy_until_we_know_it(there: Truth) -> None:
    one = attempt()
    await there.execute(one)
    outcome = {"refusal": {"code": "card_declined", "outcome_class": "user_decline", "retryable": False}}
    await there.executor.database.rows(
        "UPDATE attempts SET state = 'failed', outcome = cast(:outcome AS jsonb) WHERE attempt_id = :id",
        id=one.attempt_id,
        outcome=orjson.dumps(outcome).decode(),
    )
    assert counts(await run(there)) == {"unexpected": 1}
    (verdict,) = there.told(AttemptVerified)
    assert (verdict.verdict, verdict.source) == ("succeeded", "reconciliation")
    assert (await there.attempt_row(one)).state == "succeeded"


async def test_found_again_is_told_once_and_resolved_when_it_holds_no_more(there: Truth) -> None:
    one = attempt()
    await there.execute(one)
    await set_outcome(there, one, confirmed={"amount_minor": 49_000, "currency": "INR"})
    await run(there)
    await run(there)
    assert len(there.told(DiscrepancyFound)) == 1
    await set_outcome(there, one, confirmed=one.amount.model_dump())
    await scheduled(there)
    (view,) = await found(there)
    assert (view.state, view.resolution) == ("resolved", "both have it")
    assert view.resolved_by is not None
    await set_outcome(there, one, confirmed={"amount_minor": 49_000, "currency": "INR"})
    await run(there)
    assert [view.state for view in await found(there)] == ["open"]
    assert len(there.told(DiscrepancyFound)) == 2


async def scheduled(there: Truth) -> RunView:
    """The schedule's turn has come for alpha."""
    await Queries(there.verifier.database.engine).schedule(["alpha"])
    await there.verifier.database.rows("UPDATE reconciliation_schedule SET due_at = now()")
    assert await there.verifier.sweep(ledger.TAKE_DUE, reconciliation.start_due, due_every_s=300.0, gateways=["alpha"]) == 1
    await there.carry()
    runs: list[RunView] = await there.answer(ListRuns(gateway="alpha"))
    return next(one for one in runs if one.asked_by == "schedule")


async def test_the_schedule_covers_all_time_once(there: Truth) -> None:
    """Each window begins a little before the last one ended; one that failed is compared again."""
    first = await scheduled(there)
    second = await scheduled(there)
    assert first.state == second.state == "finished"
    assert timedelta(seconds=110) < first.until - second.since < timedelta(seconds=130)
    await there.verifier.database.rows("UPDATE reconciliation_runs SET state = 'failed' WHERE run_id = :id", id=second.run_id)
    covered: datetime = await there.verifier.database.value("SELECT covered_until FROM reconciliation_schedule")
    assert covered == second.until


async def test_an_account_is_taken_by_one_replica(there: Truth) -> None:
    await Queries(there.verifier.database.engine).schedule(["alpha"])
    taken = [
        await there.verifier.sweep(ledger.TAKE_DUE, reconciliation.start_due, due_every_s=0.0, gateways=["alpha", "beta"]) for _ in range(3)
    ]
    assert taken == [1, 0, 0], "while a run is under way no other is begun, however often it is due"


async def test_a_discrepancy_may_be_resolved_by_hand(there: Truth, sandbox: Sandbox) -> None:
    await sandbox.charge(reference=str(new_id()), amount_minor=777)
    await run(there)
    (view,) = await found(there)
    question = ResolveDiscrepancy(discrepancy_id=view.discrepancy_id, actor="ops_ann", reason="a test charge from their dashboard")
    resolved: DiscrepancyView = await there.answer(question)
    assert (resolved.state, resolved.resolved_by, resolved.resolution) == ("resolved", "ops_ann", "a test charge from their dashboard")
    with pytest.raises(Refused):
        await there.answer(question)
    assert await found(there, state="open") == []


async def test_a_gateway_that_does_not_list_fails_the_run_and_nothing_else(there: Truth, sandbox: Sandbox) -> None:
    one = attempt()
    await there.execute(one)
    there.gateways["alpha"].account.__dict__["api_key"] = "sk_wrong"
    ended = await run(there)
    assert ended.state == "failed"
    assert "cannot be read" in ended.reason
    assert await found(there) == []


async def test_two_charges_of_one_attempt_are_one_too_many(there: Truth, sandbox: Sandbox) -> None:
    await sandbox.put("/gateways/alpha/settings", ignores_idempotency_keys=True)
    one = attempt()
    await there.execute(one)
    await sandbox.charge(reference=str(one.attempt_id), amount_minor=one.amount.amount_minor)
    ended = await run(there)
    assert counts(ended) == {"matched": 1, "unexpected": 1}
    (view,) = await found(there)
    assert (view.attempt_id, view.reason) == (one.attempt_id, "the gateway has another charge for the same attempt")
    assert view.reference == view.gateway_reference, "the attempt's own name stands for the charge that we know"
    assert [verdict.source for verdict in there.told(AttemptVerified)] == ["reconciliation"]


async def test_one_run_of_an_account_at_a_time(there: Truth) -> None:
    now = utc_now()
    await there.verifier.database.rows(
        "INSERT INTO reconciliation_runs (run_id, gateway, since, until, covered_until, slice_s, state, reason, asked_by, again)"
        " VALUES (:id, 'alpha', now(), now(), now(), 1, 'running', '', 'schedule', '[]')",
        id=new_id(),
    )
    with pytest.raises(Refused) as refused:
        await there.answer(StartRun(gateway="alpha", since=now - timedelta(hours=1), until=now, actor="ops_ann"))
    assert refused.value.complaint.code == "CONFLICT"


async def test_an_answer_that_comes_twice_counts_once(there: Truth) -> None:
    there.copies = 2
    one = attempt()
    await there.execute(one)
    assert counts(await run(there)) == {"matched": 1}
    (command, *_), (answer, *_) = there.told(CompareCharges), there.told(ChargesCompared)
    assert answer.correlation_id == command.run_id


async def test_a_slice_that_nobody_answers_is_asked_for_again(there: Truth) -> None:
    """Its executor was away, or the answer got lost. After half an hour the run is given up."""
    run_id = new_id()
    await there.verifier.database.rows(
        "INSERT INTO reconciliation_runs (run_id, gateway, since, until, covered_until, slice_s, state, reason, asked_by, again, due_at)"
        " VALUES (:id, 'alpha', now() - interval '400 s', now(), now() - interval '400 s', 300, 'running', '', 'schedule', '[]', now())",
        id=run_id,
    )
    assert await there.verifier.sweep(ledger.TAKE_UNANSWERED, reconciliation.ask_again) == 1
    await there.carry()
    assert [one.run_id for one in there.told(CompareCharges)] == [run_id, run_id], "one command a slice"
    assert [one.state for one in await there.answer(ListRuns())] == ["finished"]
    again = "UPDATE reconciliation_runs SET state = 'running', tries = 31, due_at = now()"
    await there.verifier.database.rows(again)
    await there.verifier.sweep(ledger.TAKE_UNANSWERED, reconciliation.ask_again)
    assert [one.state for one in await there.answer(ListRuns())] == ["failed"]
