"""Breakers judged by the leader: what opens them, who hears of it, and how they are forced."""

import asyncio
from typing import Any

import pytest

from services.metrics import ledger
from services.metrics.answers import answers
from services.metrics.consumers import hears
from services.metrics.leader import EVERY_S
from shared import runtime, topology
from shared.clock import new_id
from shared.contracts import Attempt, AttemptFailed, CircuitOpened, HealthPicture
from shared.contracts.questions import ForceBreaker, ListBreakers, ListMetricsAudit
from shared.messaging.answers import Answering
from shared.messaging.ask import Asker, Complained
from shared.storage.transaction import begin
from tests.domain.stand import FAULT, attempt
from tests.kernel.waiting import until
from tests.services.metrics.conftest import Stand, running


def states(picture: HealthPicture) -> dict[str, str]:
    return {one.method: one.state for one in picture.breakers}


async def test_a_breaker_that_opens_is_told_at_once_and_said_once(stand: Stand) -> None:
    leader = stand.leader()
    await stand.outcome("success", times=20)
    await leader.round()
    await until(lambda: stand.pictures)
    await stand.outcome("gateway_fault", times=15)
    await leader.round()
    await until(lambda: states(stand.pictures[-1]) == {"UPI": "open"})
    await leader.round()
    assert stand.kinds_said() == ["circuit.opened.v1"]
    (row,) = await stand.database.rows("SELECT body, exchange, routing_key FROM outbox")
    event = CircuitOpened.model_validate_json(row.body)
    assert (row.exchange, row.routing_key) == (topology.EVENTS, "circuit.opened.v1")
    assert (event.gateway, event.method, event.state, event.previous, event.epoch) == (stand.gateway, "UPI", "open", "closed", 1)
    assert event.correlation_id == event.message_id


@pytest.mark.parametrize("outcome_class", ["user_decline", "issuer_fault", "fraud_block"])
async def test_ten_declines_of_users_open_nothing(stand: Stand, outcome_class: str) -> None:
    await stand.outcome(outcome_class, times=30)
    await stand.leader().round()
    assert stand.said == []
    assert await stand.database.rows("SELECT 1 FROM breakers") == []


async def test_it_is_tried_again_and_closes(stand: Stand) -> None:
    leader = stand.leader()
    await stand.outcome("gateway_fault", times=10)
    await leader.round()
    await age_breakers(stand, 31)
    leader.learner = None
    await leader.round()
    await stand.outcome("success", times=5, probe=True, epoch=2)
    await stand.outcome("gateway_fault", times=12, epoch=0)
    await leader.round()
    assert stand.kinds_said() == ["circuit.opened.v1", "circuit.half_open.v1", "circuit.closed.v1"]
    (view,) = await stand.desk.breakers()
    assert (view.state, view.epoch, view.consecutive_failures) == ("closed", 3, 0), "what was sent before it opened does not open it again"


async def age_breakers(stand: Stand, seconds: float) -> None:
    await stand.database.rows(
        "UPDATE breakers SET since = since - make_interval(secs => :s), until = until - make_interval(secs => :s)", s=seconds
    )


async def test_a_drop_is_said_once_by_whoever_leads(stand: Stand) -> None:
    await stand.outcome("success", times=200, ago_s=1_200)
    await stand.outcome("success", times=15)
    await stand.outcome("gateway_fault", times=8)
    for _ in range(3):
        await stand.leader().round()
        await stand.end_lease()
    assert stand.kinds_said() == ["reliability.success_rate_drop.v1"]


async def test_forced_at_any_replica_it_reaches_the_leader(stand: Stand) -> None:
    leader = stand.leader()
    await stand.outcome("success", times=20)
    await leader.round()
    view = await stand.desk.force(stand.gateway, "UPI", "forced_open", expires_in_s=60, actor="ops", reason="a drill")
    assert (view.state, view.epoch, view.actor, view.reason) == ("forced_open", 1, "ops", "a drill")
    assert view.until
    assert view.until > view.since
    await stand.outcome("success", times=20)
    await leader.round()
    await until(lambda: states(stand.pictures[-1]) == {"UPI": "forced_open"})
    (after,) = await stand.desk.breakers()
    assert (after.state, after.epoch) == ("forced_open", 1), "the leader's own row does not undo it"
    await stand.desk.force(stand.gateway, "UPI", None, expires_in_s=None, actor="ops", reason="over")
    await leader.round()
    await until(lambda: states(stand.pictures[-1]) == {"UPI": "half_open"})
    assert stand.kinds_said() == ["circuit.opened.v1", "circuit.half_open.v1"]
    told = [(one.actor, one.action, one.subject, one.reason) for one in await stand.desk.audit(9)]
    assert told == [
        ("ops", "breaker.release", f"{stand.gateway}/UPI", "over"),
        ("ops", "breaker.forced_open", f"{stand.gateway}/UPI", "a drill"),
    ]
    assert [(one.before["state"], one.after["state"]) for one in await stand.desk.audit(9)] == [
        ("forced_open", "half_open"),
        ("closed", "forced_open"),
    ]


async def test_a_forced_state_expires_by_itself(stand: Stand) -> None:
    leader = stand.leader()
    await leader.round()
    await stand.desk.force(stand.gateway, "CARD", "forced_closed", expires_in_s=60, actor="ops", reason="a drill")
    await leader.round()
    await age_breakers(stand, 61)
    leader.learner = None
    await leader.round()
    (view,) = await stand.desk.breakers()
    assert (view.state, view.reason) == ("closed", "the forced state has expired")


async def test_nothing_forced_is_no_change(stand: Stand) -> None:
    view = await stand.desk.force(stand.gateway, "UPI", None, expires_in_s=None, actor="ops", reason="there is none")
    assert (view.state, view.epoch) == ("closed", 0)
    assert (await stand.desk.audit(9), stand.said) == ([], [])


async def test_forced_by_two_replicas_at_once_both_count(stand: Stand) -> None:
    async def force(number: int) -> None:
        await stand.desk.force(stand.gateway, "UPI", "forced_open", expires_in_s=None, actor=f"ops{number}", reason="a drill")

    await stand.desk.force(stand.gateway, "UPI", "forced_closed", expires_in_s=None, actor="ops", reason="so that there is a row")
    await asyncio.gather(*map(force, range(2)))
    (view,) = await stand.desk.breakers()
    assert view.epoch == 3
    assert len(await stand.desk.audit(9)) == 3


async def test_a_force_waits_for_the_fold_that_is_under_way(stand: Stand) -> None:
    """Between its reading of a breaker and its writing nobody else writes it."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    leader = stand.leader()
    await leader.round()
    async with begin(stand.database.engine) as transaction:
        assert await ledger.lead(transaction, leader.holder)
        force = asyncio.create_task(stand.desk.force(stand.gateway, "UPI", "forced_open", expires_in_s=None, actor="ops", reason="a drill"))
        await until(lambda: stand.database.value(waiting))
    assert (await force).state == "forced_open"


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> str:
    """A queue for questions that is nobody else's."""
    name = f"metrics.{new_id().hex}"
    monkeypatch.setattr(topology, "questions_of", lambda owner: name)
    return name


async def test_asked_over_the_broker(stand: Stand, questions: str) -> None:
    answering = Answering(answers, ears=stand.broker, mouth=stand.broker, given={"desk": stand.desk})
    await answering.open()
    asker = Asker(stand.broker)
    force: dict[str, Any] = {"gateway": stand.gateway, "method": "UPI", "to": "forced_open", "actor": "ops", "reason": "a drill"}
    assert (await asker.ask(ForceBreaker(**force)))["state"] == "forced_open"
    assert [one["state"] for one in await asker.ask(ListBreakers())] == ["forced_open"]
    assert [one["actor"] for one in await asker.ask(ListMetricsAudit())] == ["ops"]
    for wrong in ({"method": "CHEQUE"}, {"expires_in_s": 0}, {"expires_in_s": 10**9}, {"actor": " "}, {"reason": "x" * 501}):
        with pytest.raises(Complained) as complained:
            await asker.ask(ForceBreaker(**{**force, **wrong}))
        assert complained.value.complaint.code == "VALIDATION_ERROR"
    await answering.close()


def failed(one: Attempt) -> AttemptFailed:
    return AttemptFailed(correlation_id=one.payment_id, attempt=one, refusal=FAULT, latency_ms=9)


async def test_from_the_event_to_the_picture(stand: Stand) -> None:
    """The consumer's handler, the unit of work, the leader's own pace and the broadcast, as they run in the service."""
    (heard,) = hears.heard
    unit_of_work = stand.unit_of_work()
    leader = stand.leader()
    async with running(unit_of_work.run(), runtime.every(EVERY_S, leader.round)()):
        settle = heard.bound(unit_of_work, {})
        await stand.outcome("success")
        await until(lambda: stand.pictures)
        told = {"gateway": stand.gateway}
        await asyncio.gather(*(settle(failed(attempt(number).model_copy(update=told))) for number in range(10)))
        picture = await until(lambda: next((one for one in stand.pictures if states(one) == {"CARD": "open"}), None))
    assert picture.breakers[0].reason == "10 failures in a row"
    assert await stand.database.value("SELECT count(*) FROM inbox") == 0, "the outcome's own key is enough"
