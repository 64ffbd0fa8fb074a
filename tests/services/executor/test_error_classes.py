"""Error classes as operators list and change them: in force at once where it was asked, audited, and read by every replica."""

import asyncio

import pytest

from services.executor import answers as module
from services.executor.answers import answers, change_error_class, list_audit, list_error_classes
from services.executor.desk import Desk
from services.executor.domain.classes import Classes
from services.executor.gateways import Gateway
from shared.accounts import Account
from shared.contracts import questions
from shared.contracts.questions import ChangeErrorClass, ErrorClass, ListErrorClasses, ListExecutorAudit
from shared.gateways import HttpResponse, Refused, Unclear
from shared.messaging.answers import Refused as Complaint
from tests.domain.stand import attempt
from tests.servers import Database

MODELS = [one for one in vars(questions).values() if isinstance(one, type) and issubclass(one, questions.Question)]
WEIRD = HttpResponse(402, {}, b'{"error": {"code": "weird", "message": "no", "charge_id": "ch_1"}}')


def asked(code: str = "card_declined", outcome_class: str | None = "issuer_fault", **more: object) -> ChangeErrorClass:
    given = {"gateway_kind": "sandbox", "retryable": True, "actor": "asha", "reason": "the bank said so", **more}
    return ChangeErrorClass.model_validate({"code": code, "outcome_class": outcome_class, **given})


async def listed(desk: Desk, code: str) -> list[ErrorClass]:
    return [one for one in await list_error_classes(ListErrorClasses(gateway_kind="sandbox"), desk) if one.code == code]


def test_every_question_to_the_executor_has_an_answer() -> None:
    assert answers.functions.keys() == {one.kind_of() for one in MODELS if getattr(one, "owner", "") == "executor"}


async def test_a_change_is_in_force_at_once_and_taken_back(desk: Desk) -> None:
    (before,) = await listed(desk, "card_declined")
    changed = await change_error_class(asked(advice="Call the bank."), desk)
    assert changed == ErrorClass(
        gateway_kind="sandbox", code="card_declined", outcome_class="issuer_fault", retryable=True, advice="Call the bank.", overridden=True
    )
    assert await listed(desk, "card_declined") == [changed]
    assert await change_error_class(asked(outcome_class=None), desk) == before
    assert await listed(desk, "card_declined") == [before]


async def test_changes_are_audited_and_what_changes_nothing_is_not(desk: Desk) -> None:
    for _ in range(2):
        await change_error_class(asked(), desk)
    await change_error_class(asked(outcome_class=None, actor="ben", reason="wrong"), desk)
    newest, oldest = await list_audit(ListExecutorAudit(), desk)
    assert (oldest.actor, oldest.action, oldest.subject, oldest.reason) == (
        "asha",
        "change_error_class",
        "sandbox:card_declined",
        "the bank said so",
    )
    assert (oldest.before["outcome_class"], oldest.after["outcome_class"]) == ("user_decline", "issuer_fault")
    assert (newest.actor, newest.before, newest.after) == ("ben", oldest.after, oldest.before)
    assert len(await list_audit(ListExecutorAudit(limit=1), desk)) == 1


async def test_a_code_of_an_operators_own_comes_and_goes(desk: Desk) -> None:
    added = await change_error_class(asked("weird", "user_decline", retryable=False), desk)
    assert await listed(desk, "weird") == [added]
    gone = await change_error_class(asked("weird", None), desk)
    assert (gone.outcome_class, gone.overridden) == ("unknown", False)
    assert await listed(desk, "weird") == []
    newest, oldest = await list_audit(ListExecutorAudit(), desk)
    assert (oldest.before, newest.after) == (None, None)


async def test_another_replica_reads_it_and_answers_mean_something_else(desk: Desk, tables: Database) -> None:
    """The same gateway, the same answer: before, after, and after it was taken back."""
    account = Account(name="alpha", kind="sandbox", base_url="http://x", api_key="k", methods=("CARD",), currencies=("INR",))
    other = Desk(tables.engine, Classes())
    gateway = Gateway(account, timeout_ms=100, classes=other.classes)
    assert isinstance(gateway.read(WEIRD, attempt(1)), Unclear)
    await change_error_class(asked("weird", "gateway_fault"), desk)
    assert isinstance(gateway.read(WEIRD, attempt(1)), Unclear)
    await other.load()
    found = gateway.read(WEIRD, attempt(1))
    assert isinstance(found, Refused)
    assert (found.refusal.code, found.refusal.outcome_class, found.refusal.retryable, found.reference) == (
        "weird",
        "gateway_fault",
        True,
        None,
    )
    await change_error_class(asked("weird", None), desk)
    await other.load()
    assert isinstance(gateway.read(WEIRD, attempt(1)), Unclear)


@pytest.mark.parametrize(
    ("question", "code"),
    [
        (asked(gateway_kind="abacus"), "NOT_FOUND"),
        (asked("nobody-knows", None), "NOT_FOUND"),
        (asked(outcome_class="success"), "VALIDATION_ERROR"),
        (asked(outcome_class="unknown", retryable=True), "VALIDATION_ERROR"),
        (asked("idempotency_key_in_use", gateway_kind="stripe"), "VALIDATION_ERROR"),
        (asked(""), "VALIDATION_ERROR"),
        (asked("x" * 101), "VALIDATION_ERROR"),
        (asked(advice="x" * 501), "VALIDATION_ERROR"),
    ],
)
async def test_what_cannot_be_changed_is_refused_and_changes_nothing(desk: Desk, question: ChangeErrorClass, code: str) -> None:
    with pytest.raises(Complaint) as refused:
        await change_error_class(question, desk)
    assert refused.value.complaint.code == code
    assert (await list_audit(ListExecutorAudit(), desk), desk.classes.by_kind) == ([], {})


async def test_there_is_an_end_to_them(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OVERRIDES_MAX", 2)
    for code in ("a", "b"):
        await change_error_class(asked(code), desk)
    with pytest.raises(Complaint) as refused:
        await change_error_class(asked("c"), desk)
    assert refused.value.complaint.code == "CONFLICT"
    await change_error_class(asked("b", "our_fault"), desk)


async def test_changes_at_once_stand_all_with_their_true_before(desk: Desk) -> None:
    classes = ["issuer_fault", "gateway_fault", "fraud_block", "our_fault"]
    await asyncio.gather(*(change_error_class(asked(outcome_class=one), desk) for one in classes))
    lines = list(reversed(await list_audit(ListExecutorAudit(), desk)))
    assert [one.before for one in lines[1:]] == [one.after for one in lines[:-1]]
    assert {one.after["outcome_class"] for one in lines} == set(classes)
