"""A run of reconciliation as plain functions: which answer counts, what is told, and when it is over."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from services.verifier import ledger
from services.verifier.domain.names import discrepancy_id
from services.verifier.domain.slices import SLICE_MIN_S, SLICE_S
from services.verifier.reconciliation import TRIES_MAX, ask_again, compared
from shared.contracts import ChargesCompared, CompareCharges, Difference, DiscrepancyFound
from shared.storage.work import Work
from tests.domain.evidence import HEAD
from tests.domain.stand import NOW, after, said, said_only, work_with, written

RUN = UUID("019b8d5a-2c00-7000-8000-00000000000a")
LATE = Difference(reference="ref_1", comparison="missing", reason="gone")


def row(**change: Any) -> dict[str, Any]:
    blank = dict.fromkeys(ledger.COUNTS, 0)
    told = {"key": RUN, "gateway": "alpha", "since": NOW, "until": after(2 * SLICE_S), "covered_until": NOW, "slice_s": SLICE_S}
    return {**told, "state": "running", "asked_by": "schedule", "again": ["ref_9"], "tries": 3, **blank, **change}


def answered(**change: Any) -> ChargesCompared:
    told = {"run_id": RUN, "gateway": "alpha", "since": NOW, "until": after(SLICE_S)}
    return ChargesCompared(**HEAD, **told | change)


def heard(event: ChargesCompared, *, open_ones: tuple[Difference, ...] = (), **change: Any) -> Work:
    rows: dict[Any, Any] = {(ledger.RUN, RUN): row(**change)}
    for one in open_ones:
        rows[ledger.DISCREPANCY, discrepancy_id("alpha", one.comparison, one.reference)] = {"state": "open", "reason": "?"}
    work = work_with(rows)
    compared(event, work)
    return work


def test_the_next_slice_is_asked_for() -> None:
    work = heard(answered(matched=7, expected=2))
    (run,) = written(work, ledger.ADVANCE)
    assert (run["covered_until"], run["state"], run["matched"], run["expected"], run["tries"]) == (after(SLICE_S), "running", 7, 2, 0)
    asked = said_only(work, CompareCharges)
    assert (asked.since, asked.until, asked.again) == (after(SLICE_S), after(2 * SLICE_S), ())


@pytest.mark.parametrize("covered_s", [-SLICE_S, SLICE_S])
def test_only_the_answer_to_the_slice_it_is_at_counts(covered_s: float) -> None:
    """A slice that was asked for twice is answered twice, under two ids."""
    work = heard(answered(matched=7), covered_until=after(covered_s))
    assert (work.writes, work.outgoing) == ([], [])


@pytest.mark.parametrize("state", ["finished", "failed"])
def test_what_is_over_stays_over(state: str) -> None:
    work = heard(answered(matched=7), state=state)
    assert (work.writes, work.outgoing) == ([], [])


def test_the_last_slice_ends_it_and_the_schedule_goes_on_from_there() -> None:
    work = heard(answered(since=after(SLICE_S), until=after(2 * SLICE_S)), covered_until=after(SLICE_S))
    (run,) = written(work, ledger.ADVANCE)
    assert (run["state"], run["finished_at"], run["due_at"]) == ("finished", NOW, None)
    assert written(work, ledger.COVERED) == [{"gateway": "alpha", "covered_until": after(2 * SLICE_S)}]
    assert work.outgoing == []


def test_an_operators_run_moves_no_schedule() -> None:
    work = heard(answered(since=after(SLICE_S), until=after(2 * SLICE_S)), covered_until=after(SLICE_S), asked_by="ops_ann")
    assert written(work, ledger.COVERED) == []


def test_a_problem_fails_it_and_its_time_is_compared_again() -> None:
    work = heard(answered(problem="the list cannot be read"))
    (run,) = written(work, ledger.ADVANCE)
    assert (run["state"], run["reason"], run["covered_until"]) == ("failed", "the list cannot be read", NOW)
    assert (written(work, ledger.COVERED), work.outgoing) == ([], [])


def test_too_much_for_one_answer_is_asked_for_in_halves() -> None:
    work = heard(answered(too_many=True))
    (run,) = written(work, ledger.ADVANCE)
    assert (run["slice_s"], run["covered_until"], run["tries"]) == (SLICE_S / 2, NOW, 0)
    asked = said_only(work, CompareCharges)
    assert (asked.since, asked.until, asked.again) == (NOW, after(SLICE_S / 2), ("ref_9",))
    work = heard(answered(too_many=True, until=after(SLICE_MIN_S)))
    assert [run["state"] for run in written(work, ledger.ADVANCE)] == ["failed"]


def test_a_discrepancy_is_kept_and_told() -> None:
    work = heard(answered(differences=(LATE,)))
    (kept,) = written(work, ledger.FIND)
    assert (kept["comparison"], kept["reference"], kept["state"], kept["run_id"]) == ("missing", "ref_1", "open", RUN)
    assert orjson.loads(kept["difference"])["reason"] == "gone"
    (told,) = [one for one in said(work) if isinstance(one, DiscrepancyFound)]
    assert (told.discrepancy_id, told.run_id, told.difference) == (kept["discrepancy_id"], RUN, LATE)
    assert written(work, ledger.ADVANCE)[0]["missing"] == 1


@pytest.mark.parametrize(("state", "times"), [("open", 0), ("resolved", 1)])
def test_one_that_is_known_is_told_again_only_if_it_was_over(state: str, times: int) -> None:
    rows: dict[Any, Any] = {(ledger.RUN, RUN): row()}
    rows[ledger.DISCREPANCY, discrepancy_id("alpha", "missing", "ref_1")] = {"state": state, "reason": "?"}
    work = work_with(rows)
    compared(answered(differences=(LATE,)), work)
    assert [one["state"] for one in written(work, ledger.SEE)] == ["open"]
    assert len([one for one in said(work) if isinstance(one, DiscrepancyFound)]) == times


@pytest.mark.parametrize(("now", "resolved"), [("matched", 1), ("expected", 0), ("missing", 0), ("amount_mismatch", 1)])
def test_what_holds_no_more_is_resolved(now: Any, resolved: int) -> None:
    again = LATE.model_copy(update={"comparison": now, "reason": "looked at again"})
    work = heard(answered(again=(again,)), open_ones=(LATE,))
    closed = written(work, ledger.RESOLVE)
    assert [one["resolution"] for one in closed] == ["looked at again"] * resolved
    assert written(work, ledger.ADVANCE)[0]["resolved"] == resolved
    assert len(written(work, ledger.FIND)) == (now == "amount_mismatch")
    assert len(written(work, ledger.TOUCH)) == (now == "expected"), "its turn comes again after the others"


def test_one_that_is_looked_at_again_and_listed_too_counts_once() -> None:
    work = heard(answered(differences=(LATE,), again=(LATE,)), open_ones=(LATE,))
    assert len(written(work, ledger.SEE)) == 1
    assert written(work, ledger.ADVANCE)[0]["missing"] == 0


def test_a_slice_is_asked_for_again_until_it_is_given_up() -> None:
    for tries, state in ((TRIES_MAX, None), (TRIES_MAX + 1, "failed")):
        work = work_with(now=NOW + timedelta(hours=1))
        ask_again(type("Row", (), row(tries=tries)), work)
        assert [one["state"] for one in written(work, ledger.ADVANCE)] == ([state] if state else [])
        assert [type(one) for one in said(work)] == ([] if state else [CompareCharges])
