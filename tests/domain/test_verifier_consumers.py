"""The verifier's handlers: one verification per attempt, asked until it is settled or the ladder is spent, and never a guess."""

from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.verifier import store
from services.verifier.consumers import ask, attempt_expired, attempt_in_doubt, attempt_observed
from services.verifier.domain.verdict import AWAITED, UNHEARD, Patience, Patiences
from shared.contracts import AttemptDoubted, AttemptObserved, AttemptVerified, LookupAttempt
from shared.storage.work import Work
from tests.domain.evidence import HEAD, expired, unknown
from tests.domain.stand import AMOUNT, DECLINED, NOW, after, attempt, routes, said, said_only, work_with, written

PATIENCE = Patience(ladder_s=(2, 10, 30), grace_s=5)
PATIENCES = Patiences(PATIENCE)
ONE = attempt(1)
MORE: dict[str, dict[str, Any]] = {
    "succeeded": {"confirmed": AMOUNT, "gateway_reference": "ch_1"},
    "failed": {"refusal": DECLINED, "gateway_reference": "ch_1"},
}
BLANK: dict[str, Any] = {
    "attempt": ONE.model_dump(mode="json"), "state": "open", "reason": "", "lookups": 0, "not_found": 0, "opened_at": NOW, "source": None,
    "confirmed": None, "gateway_reference": None,
}  # fmt: skip


def seen(finding: Any, source: Any = "lookup") -> AttemptObserved:
    return AttemptObserved(**HEAD, attempt=ONE, source=source, finding=finding, **MORE.get(finding, {}))


class Verifier:
    """The verifier's row of one attempt, changed as its statements would change it."""

    def __init__(self, **columns: Any) -> None:
        self.columns: dict[str, Any] = {**BLANK, **columns} if columns else {}

    def hear(self, message: Any, *, at_s: float = 0.0) -> Work:
        work = work_with({(store.VERIFICATION, ONE.attempt_id): self.columns} if self.columns else {}, now=after(at_s))
        (attempt_observed if isinstance(message, AttemptObserved) else attempt_in_doubt)(message, work, PATIENCES)
        self._keep(work)
        return work

    def ask(self, *, at_s: float = 0.0) -> Work:
        work = work_with(now=after(at_s))
        row = SimpleNamespace(attempt_id=ONE.attempt_id, attempt=ONE.model_dump(mode="json"), lookups=self.columns["lookups"])
        ask(row, work)
        self._keep(work)
        return work

    def _keep(self, work: Work) -> None:
        for statement in (store.OPEN, store.CHANGE, store.ASK):
            for row in written(work, statement):
                self.columns |= BLANK | self.columns | {name: _loaded(name, value) for name, value in row.items()}


def _loaded(name: str, value: Any) -> Any:
    """As the database gives it back."""
    return orjson.loads(value) if name in ("attempt", "confirmed") and value else value


@pytest.mark.parametrize(
    ("event", "reason"), [(unknown(ONE), "no answer in 2.5 s"), (AttemptDoubted(**HEAD, attempt=ONE), "no outcome was heard of")]
)
def test_a_doubt_opens_a_verification(event: Any, reason: str) -> None:
    (row,) = written(Verifier().hear(event), store.OPEN)
    assert (row["state"], row["reason"], row["due_at"], row["opened_at"]) == ("open", reason, after(2), NOW)
    assert orjson.loads(row["attempt"]) == ONE.model_dump(mode="json", exclude_none=True)


@pytest.mark.parametrize("state", ["open", "succeeded", "failed", "exhausted"])
def test_a_second_doubt_changes_nothing(state: str) -> None:
    work = Verifier(state=state).hear(unknown(ONE))
    assert (work.writes, work.outgoing) == ([], [])


@pytest.mark.parametrize("state", ["succeeded", "failed"])
def test_a_verdict_that_was_missed_is_asked_for_and_said_again(state: Any) -> None:
    verifier = Verifier(state=state, lookups=2)
    assert verifier.hear(AttemptDoubted(**HEAD, attempt=ONE), at_s=90).outgoing == []
    assert (verifier.columns["state"], verifier.columns["due_at"]) == ("open", after(90))
    assert said_only(verifier.hear(seen(state), at_s=91), AttemptVerified).verdict == state


def test_that_a_gateway_did_not_know_it_is_said_again_after_one_more_look() -> None:
    verifier = Verifier(state="failed", lookups=2, not_found=1)
    verifier.hear(AttemptDoubted(**HEAD, attempt=ONE), at_s=90)
    assert said_only(verifier.hear(seen("not_found"), at_s=91), AttemptVerified).verdict == "failed"


@pytest.mark.parametrize(("state", "reason"), [("open", "pending"), ("exhausted", "the ladder is spent; pending")])
def test_a_payer_who_may_still_act_is_asked_about_as_often_as_somebody_doubts(state: str, reason: str) -> None:
    verifier = Verifier(state=state, reason=reason, lookups=9)
    verifier.hear(AttemptDoubted(**HEAD, attempt=ONE), at_s=90)
    assert (verifier.columns["state"], verifier.columns["due_at"]) == ("open", after(90))


@pytest.mark.parametrize("state", ["open", "exhausted"])
def test_what_is_asked_about_or_is_an_operators_is_doubted_in_vain(state: str) -> None:
    work = Verifier(state=state, lookups=1).hear(AttemptDoubted(**HEAD, attempt=ONE))
    assert (work.writes, work.outgoing) == ([], [])


@pytest.mark.parametrize("columns", [{}, {"lookups": 1}, {"state": "exhausted", "lookups": 3}])
@pytest.mark.parametrize("finding", ["succeeded", "failed"])
def test_a_conclusive_finding_settles_it(finding: Any, columns: dict[str, Any]) -> None:
    verifier = Verifier(**columns)
    event = seen(finding, "late_answer")
    verdict = said_only(verifier.hear(event), AttemptVerified)
    assert (verdict.verdict, verdict.source, verdict.attempt, verdict.causation_id) == (finding, "late_answer", ONE, event.message_id)
    assert (verdict.confirmed, verdict.refusal, verdict.gateway_reference) == (event.confirmed, event.refusal, "ch_1")
    assert (verifier.columns["state"], verifier.columns["due_at"]) == (finding, None)


@pytest.mark.parametrize(
    ("state", "finding"),
    [(state, finding) for state in ("succeeded", "failed") for finding in ("failed", "pending", "not_found", "unanswered")]
    + [("succeeded", "succeeded")],
)
def test_what_is_settled_stays_settled(state: str, finding: str) -> None:
    work = Verifier(state=state, gateway_reference="ch_1").hear(seen(finding), at_s=1_000)
    assert (work.writes, work.outgoing) == ([], [])


def test_a_success_outweighs_an_earlier_failure() -> None:
    """The money moved, and the edge must know."""
    verifier = Verifier(state="failed")
    assert said_only(verifier.hear(seen("succeeded")), AttemptVerified).verdict == "succeeded"
    assert verifier.columns["state"] == "succeeded"


@pytest.mark.parametrize(("lookups", "due_s"), [(0, 2), (1, 10), (2, 30)])
def test_an_open_finding_is_asked_about_again_by_the_ladder(lookups: int, due_s: float) -> None:
    verifier = Verifier(lookups=lookups)
    assert verifier.hear(seen("pending")).outgoing == []
    assert (verifier.columns["state"], verifier.columns["due_at"]) == ("open", after(due_s))


@pytest.mark.parametrize(("operation", "said"), [("charge", False), ("authorize", False), ("link", False), ("link", True)])
def test_a_payer_who_never_acts_is_no_operators_matter(operation: Any, said: bool) -> None:
    """The payment expires by itself. Only a link needs its payer even where its making was in doubt."""
    one = ONE.model_copy(update={"operation": operation})
    verifier = Verifier(attempt=one.model_dump(mode="json"), reason="no answer in 2.5 s" if said else UNHEARD, lookups=3)
    verifier.hear(seen("pending").model_copy(update={"attempt": one}))
    assert (verifier.columns["state"], verifier.columns["reason"], verifier.columns["due_at"]) == ("open", AWAITED, None)
    verifier.hear(AttemptDoubted(**HEAD, attempt=one), at_s=90)
    assert (verifier.columns["state"], verifier.columns["due_at"]) == ("open", after(90))
    for state, due_at in (("open", after(121)), ("exhausted", None)):
        verifier.ask(at_s=90)
        verifier.hear(seen("unanswered").model_copy(update={"attempt": one}), at_s=91)
        assert (verifier.columns["state"], verifier.columns["due_at"]) == (state, due_at)
    verifier.hear(AttemptDoubted(**HEAD, attempt=one), at_s=180)
    for due_at in (after(211), None):
        verifier.ask(at_s=180)
        verifier.hear(seen("pending").model_copy(update={"attempt": one}), at_s=181)
        assert (verifier.columns["state"], verifier.columns["due_at"]) == ("open", due_at)


@given(st.integers(1, 3), st.lists(st.integers(1, 3), min_size=1, max_size=8))
def test_questions_that_doubts_bring_use_no_rung_of_the_ladder(rungs: int, doubts: list[int]) -> None:
    """What the clock has left of it, and its last rung at least, is for a payer who acts when the payment has long expired. Doubts that
    come together bring one question."""
    verifier = Verifier(reason=UNHEARD)
    for _ in range(rungs):
        verifier.ask()
        verifier.hear(seen("pending"))
    for together in doubts:
        for _ in range(together):
            verifier.hear(AttemptDoubted(**HEAD, attempt=ONE))
        assert verifier.columns["due_at"] == NOW
        verifier.ask()
        verifier.hear(seen("pending"))
    pauses_s, at_s = list[float](), 0.0
    while (due_at := verifier.columns["due_at"]) is not None:
        pauses_s.append((due_at - NOW).total_seconds() - at_s)
        at_s += pauses_s[-1]
        verifier.ask(at_s=at_s)
        verifier.hear(seen("pending"), at_s=at_s)
    assert pauses_s == list(PATIENCE.ladder_s[min(rungs, 2) :])
    assert (verifier.columns["state"], verifier.columns["reason"]) == ("open", AWAITED)


@pytest.mark.parametrize(("operation", "reason"), [("charge", "no answer in 2.5 s"), ("refund", UNHEARD)])
def test_a_gateway_that_never_finishes_is_an_operators(operation: Any, reason: str) -> None:
    one = ONE.model_copy(update={"operation": operation})
    verifier = Verifier(attempt=one.model_dump(mode="json"), reason=reason, lookups=3)
    verifier.hear(seen("pending").model_copy(update={"attempt": one}))
    assert (verifier.columns["state"], verifier.columns["reason"]) == ("exhausted", "the ladder is spent; pending")


def test_an_outcome_that_is_unknown_after_all_is_asked_about_like_any() -> None:
    """By the whole ladder: what was asked while a payer was waited for does not count."""
    verifier = Verifier(reason=AWAITED, lookups=3)
    verifier.hear(unknown(ONE), at_s=5)
    assert (verifier.columns["reason"], verifier.columns["due_at"], verifier.columns["lookups"]) == ("no answer in 2.5 s", after(5), 0)
    verifier.ask(at_s=5)
    verifier.hear(seen("pending"), at_s=6)
    assert (verifier.columns["state"], verifier.columns["due_at"]) == ("open", after(16))


def test_a_spent_ladder_is_an_operators_and_never_a_guess() -> None:
    verifier = Verifier(lookups=3)
    assert verifier.hear(seen("unanswered")).outgoing == []
    assert (verifier.columns["state"], verifier.columns["reason"]) == ("exhausted", "the ladder is spent; unanswered")
    assert verifier.columns["due_at"] is None


@pytest.mark.parametrize("state", ["open", "exhausted"])
def test_an_attempt_that_was_never_started_is_asked_about_no_more(state: str) -> None:
    """Its expiry answers the lookup; edge and router hear it from the executor, so there is nothing to say."""
    work = work_with({(store.VERIFICATION, ONE.attempt_id): {**BLANK, "state": state, "lookups": 1}})
    attempt_expired(expired(ONE), work)
    (row,) = written(work, store.CHANGE)
    assert (row["state"], row["due_at"], work.outgoing) == ("failed", None, [])


@pytest.mark.parametrize("state", ["succeeded", "failed", None])
def test_an_expiry_that_nobody_asked_for_changes_nothing(state: str | None) -> None:
    columns = {**BLANK, "state": state, "lookups": 1}
    work = work_with({(store.VERIFICATION, ONE.attempt_id): columns} if state else {})
    attempt_expired(expired(ONE), work)
    assert (work.writes, work.outgoing) == ([], [])


def test_evidence_that_comes_before_any_doubt_opens_one() -> None:
    (row,) = written(Verifier().hear(seen("pending")), store.OPEN)
    assert (row["state"], row["due_at"]) == ("open", after(2))


def test_each_question_has_a_number_and_an_id_of_its_own() -> None:
    verifier = Verifier(lookups=1)
    asked = [said_only(work, LookupAttempt) for work in (verifier.ask(), verifier.ask())]
    assert [one.number for one in asked] == [2, 3]
    assert asked[0].message_id != asked[1].message_id
    assert {one.attempt.attempt_id for one in asked} == {ONE.attempt_id}
    assert {one.correlation_id for one in asked} == {ONE.payment_id}
    assert verifier.columns["lookups"] == 3


def test_a_question_goes_to_its_gateways_queue() -> None:
    assert routes(Verifier(lookups=0).ask()) == [("payments.commands", "attempt.lookup.v1.alpha")]


def test_not_found_twice_after_the_grace_is_a_failure_without_a_refusal() -> None:
    verifier = Verifier(lookups=1)
    assert verifier.hear(seen("not_found"), at_s=4).outgoing == []
    assert verifier.hear(seen("not_found"), at_s=6).outgoing == []
    verdict = said_only(verifier.hear(seen("not_found"), at_s=7), AttemptVerified)
    assert (verdict.verdict, verdict.refusal, verdict.confirmed) == ("failed", None, None)


answers = st.lists(st.sampled_from(["succeeded", "failed", "pending", "not_found", "unanswered"]), max_size=10)


@given(answers)
def test_whatever_gateways_answer_asking_ends_and_verdicts_are_earned(findings: list[str]) -> None:
    verifier, at_s, asked = Verifier(), 0.0, 0
    verifier.hear(unknown(ONE))
    verdicts: list[str] = []
    for finding in findings:
        if (due_at := verifier.columns["due_at"]) is not None:
            at_s = (due_at - NOW).total_seconds()
            verifier.ask(at_s=at_s)
            asked += 1
        verdicts += [one.verdict for one in said(verifier.hear(seen(finding), at_s=at_s)) if isinstance(one, AttemptVerified)]
    assert asked <= len(PATIENCE.ladder_s)
    assert verdicts in ([], ["succeeded"], ["failed"], ["failed", "succeeded"])
    assert ("succeeded" in verdicts) <= ("succeeded" in findings)
    if verdicts[:1] == ["failed"]:
        assert "failed" in findings or findings.count("not_found") >= 2


def test_a_success_that_contradicts_the_settled_one_is_said_as_well() -> None:
    """A second witness with another amount: the edge makes a conflict of it, once."""
    verifier = Verifier(lookups=1)
    verifier.hear(seen("succeeded"))
    other = seen("succeeded", "webhook").model_copy(update={"confirmed": AMOUNT.model_copy(update={"amount_minor": 1})})
    verdict = said_only(verifier.hear(other), AttemptVerified)
    assert (verdict.confirmed, verdict.source) == (other.confirmed, "webhook")
    assert verifier.hear(other).outgoing == []


def test_an_accounts_own_ladder_goes_before_the_default() -> None:
    work = work_with()
    attempt_in_doubt(unknown(ONE), work, Patiences(PATIENCE, {ONE.gateway: Patience((7,), 0)}))
    (row,) = written(work, store.OPEN)
    assert row["due_at"] == after(7)
