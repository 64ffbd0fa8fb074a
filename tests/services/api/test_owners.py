"""What operators see when an owner complains, is away, is slow or answers nonsense; and the audit, which is asked of all of them."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from shared.contracts import questions as q
from shared.messaging.ask import SILENCE_S, Asker
from tests.services.api.conftest import Client
from tests.services.api.stand_in import StandIn
from tests.services.api.test_admin import NEW_TRIAL, NOW, shown


@pytest.mark.parametrize(
    ("code", "status"),
    [("NOT_FOUND", 404), ("CONFLICT", 409), ("VALIDATION_ERROR", 422), ("TEMPORARILY_UNAVAILABLE", 503), ("INTERNAL_ERROR", 500)],
)
async def test_a_complaint_is_an_error_of_its_status(operator: Client, stand_in: StandIn, code: Any, status: int) -> None:
    stand_in.says = {q.CreateExperiment: q.Complaint(code=code, message="There is one already.", details={"experiment_id": "exp_0"})}
    answer = await operator.call("POST", "/experiments", NEW_TRIAL)
    assert (answer.status, answer.body["error"]) == (
        status,
        {"code": code, "message": "There is one already.", "details": {"experiment_id": "exp_0"}},
    )


async def test_an_owner_that_is_away_is_a_503_that_names_it(operator: Client, stand_in: StandIn) -> None:
    await stand_in.away("router")
    answer = await operator.get("/gateways")
    assert (answer.status, answer.code) == (503, "TEMPORARILY_UNAVAILABLE")
    assert answer.body["error"]["details"] == {"service": "router"}


async def test_an_owner_that_is_slow_is_a_504_that_names_it(operator: Client, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Asker, "timeout_s", property(lambda asker: 2 * SILENCE_S), raising=False)  # hides the setting
    stand_in.says = {q.ListGateways: lambda asked: asyncio.Event().wait()}
    answer = await operator.get("/gateways")
    assert (answer.status, answer.code) == (504, "TIMED_OUT")
    assert answer.body["error"]["details"] == {"service": "router"}


async def test_an_answer_that_cannot_be_read_is_a_mistake_of_ours(operator: Client, stand_in: StandIn) -> None:
    stand_in.says = {q.ListGateways: [{"name": "alpha"}]}
    answer = await operator.get("/gateways")
    assert (answer.status, answer.code) == (500, "INTERNAL_ERROR")


def entry(minute: int, subject: str) -> q.AuditEntry:
    return q.AuditEntry(
        at=NOW + timedelta(minutes=minute), actor="operator", action="change", subject=subject, before=1, after=2, reason="r"
    )


async def test_the_audit_is_everybodys_newest_first(operator: Client, stand_in: StandIn) -> None:
    stand_in.says = {
        q.ListAudit: [entry(4, "d"), entry(1, "a")],
        q.ListMetricsAudit: [entry(3, "c")],
        q.ListExecutorAudit: [entry(2, "b")],
        q.ListVerifierAudit: [entry(5, "e")],
        q.ListNotifierAudit: [],
    }
    answer = await operator.get("/audit?limit=3")
    assert answer.body == {"items": [shown(entry(5, "e")), shown(entry(4, "d")), shown(entry(3, "c"))], "missing": []}
    assert {type(question) for question in stand_in.asked} == set(stand_in.says)
    assert {question.model_dump()["limit"] for question in stand_in.asked} == {3}


async def test_the_audit_says_whose_is_missing(operator: Client, stand_in: StandIn) -> None:
    await stand_in.away("metrics")
    stand_in.says = {q.ListAudit: [entry(1, "a")], q.ListExecutorAudit: [], q.ListVerifierAudit: [], q.ListNotifierAudit: []}
    answer = await operator.get("/audit")
    assert answer.body == {"items": [shown(entry(1, "a"))], "missing": ["metrics"]}
