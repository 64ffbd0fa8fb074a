"""The same truth in every gateway's wire format: charged in two steps where the format wants it, doubted, found, and reconciled."""

from datetime import timedelta
from typing import Any

import pytest

from shared.clock import utc_now
from shared.contracts import AttemptVerified
from shared.contracts.questions import ListDiscrepancies, ListRuns, StartRun
from tests.sandbox.client import Sandbox
from tests.sandbox.wires import account_of, card
from tests.servers import Database
from tests.services.truth.post import Truth, attempt, truth

KINDS = ("razorpay", "stripe")


@pytest.fixture(params=KINDS)
async def there(request: pytest.FixtureRequest, executor_db: Database, verifier_db: Database, sandbox: Sandbox) -> Any:
    await sandbox.call("PUT", "/gateways/alpha/settings", json={"frictionless": True})
    for database in (executor_db, verifier_db):
        await database.rows("TRUNCATE inbox, outbox")
    await executor_db.rows("TRUNCATE attempts")
    await verifier_db.rows("TRUNCATE verifications, gateway_events, reconciliation_runs, discrepancies, audit")
    async with truth(executor_db, verifier_db, [account_of(request.param, sandbox.url)]) as found:
        yield found


async def test_a_charge_is_named_before_it_is_made_and_found_by_its_name(there: Truth) -> None:
    """The id of the harmless object is committed before the call that charges."""
    names: list[Any] = []
    gateway, call = there.gateways["alpha"], there.gateways["alpha"].call
    one = attempt().model_copy(update={"method": "CARD"})

    async def watched(request: Any, *, timeout_s: float) -> Any:
        rows = await there.executor.database.rows("SELECT outcome FROM attempts WHERE attempt_id = :id", id=one.attempt_id)
        names.append(rows[0].outcome and rows[0].outcome["gateway_reference"])
        return await call(request, timeout_s=timeout_s)

    gateway.call = watched  # type: ignore[method-assign]
    await there.execute(one, instrument=card())
    assert (names[0], bool(names[1])) == (None, True), "nothing is charged before the name is kept"
    await there.ask_due()  # Razorpay's answer to a charge never says that it is paid
    assert (await there.attempt_row(one)).state == "succeeded"


async def test_a_charge_whose_answer_is_lost_is_found(there: Truth) -> None:
    one = attempt(amount_minor=109_011).model_copy(update={"method": "CARD"})  # magic: charge-then-500
    await there.execute(one, instrument=card())
    row = await there.attempt_row(one)
    assert (row.state, bool(row.outcome["gateway_reference"])) == ("unknown", True)
    await there.ask_due()
    (verdict,) = there.told(AttemptVerified)
    assert (verdict.verdict, verdict.confirmed, verdict.source) == ("succeeded", one.amount, "lookup")


async def test_a_clean_run_finds_nothing_here_too(there: Truth) -> None:
    for amount_minor in (50_000, 60_000, 109_011):
        await there.execute(attempt(amount_minor=amount_minor).model_copy(update={"method": "CARD"}), instrument=card())
    now = utc_now()
    await there.answer(StartRun(gateway="alpha", since=now - timedelta(seconds=300), until=now, actor="ops_ann"))
    (run,) = await there.answer(ListRuns())
    assert (run.state, run.reason, run.matched + run.expected) == ("finished", "compared", 3)
    assert await there.answer(ListDiscrepancies()) == []
    states = await there.executor.database.rows("SELECT state FROM attempts")
    assert {row.state for row in states} == {"succeeded"}, "what the list has of attempts in doubt is evidence"
    assert {verdict.source for verdict in there.told(AttemptVerified)} == {"reconciliation"}
