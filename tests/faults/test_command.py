"""`./paymesh faults` says what it found, and its exit status is honest."""

import json
from typing import Any

import pytest

from deploy.faults.campaign import Result
from deploy.faults.judge import Verdict
from deploy.faults.mutants import ALL, MUTANTS
from deploy.faults.order import Order
from deploy.local import cli
from deploy.local.commands import faults as command
from deploy.local.errors import LocalError

CLEAN = Result(Verdict(2_000), {"kill api": 3, "duplicate deliveries": 60}, 3, 60, 0, {201: 2_000, 0: 7}, 9.5)
RED = Result(Verdict(2_000, doubled=["pay_1: 5000 at alpha (ch_1), 5000 at beta (ch_2)"]), {}, 0, 0, 0, {201: 2_000}, 9.5)
STUCK = Result(Verdict(2_000, lost=["pay_1 processing"], leftover={"outbox api": 4}), {}, 0, 0, 0, {201: 2_000}, None)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Order, dict[str, Any]]]:
    """What was to be played; the result is the first of `results`."""
    orders: list[tuple[Order, dict[str, Any]]] = []

    def play(order: Order, instance: str, launchers: dict[str, Any]) -> Result:
        orders.append((order, launchers))
        return results[0]

    monkeypatch.setattr(command, "played", play)
    results[:] = [CLEAN]
    return orders


results: list[Result] = []


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exited:
        cli.app(["faults", *arguments])
    return int(exited.value.code or 0)


@pytest.mark.parametrize(("result", "status"), [(CLEAN, 0), (RED, 1), (STUCK, 1)])
def test_the_status_is_the_verdict(played: object, result: Result, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    results[:] = [result]
    assert run() == status
    assert ("the promises held" in capsys.readouterr().out) == (status == 0)


def test_cases_are_shown(played: object, capsys: pytest.CaptureFixture[str]) -> None:
    results[:] = [STUCK]
    run()
    shown = capsys.readouterr().out
    assert "pay_1 processing" in shown
    assert "'outbox api': 4" in shown
    assert "not quiet by the deadline" in shown


def test_json_has_every_figure(played: object, capsys: pytest.CaptureFixture[str]) -> None:
    results[:] = [STUCK]
    assert run("--json") == 1
    figures = json.loads(capsys.readouterr().out)
    zeros = {"doubled": 0, "mismatched": 0, "unnotified": 0, "invented": 0, "kills": 0, "faults": 0, "unanswered": 0}
    assert {**zeros, "accepted": 2_000, "lost": 1, "leftover": 4, "seconds_to_quiet": None}.items() <= figures.items()
    assert figures["settings"]["PAYMESH_NOT_FOUND_GRACE_S"]


def test_options_are_the_order(played: list[tuple[Order, dict[str, Any]]]) -> None:
    run("--seed", "7", "--payments", "300", "--rate", "30", "--kills", "9")
    assert played == [(Order(seed=7, payments=300, rate_per_s=30.0, kills=9), {})]


@pytest.mark.parametrize(("result", "status"), [(RED, 0), (CLEAN, 1), (STUCK, 1)])
def test_a_mutant_must_be_found_out(
    played: list[tuple[Order, dict[str, Any]]], result: Result, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """For what it does, not for just anything."""
    results[:] = [result]
    assert run("--mutant", "no-arbiter") == status
    assert played[0][1] == {"executor": ("deploy.faults.mutant", "win-the-attempt")}
    assert ("was found out" in capsys.readouterr().out) == (status == 0)


def test_a_mutants_json_says_what_was_expected(played: object, capsys: pytest.CaptureFixture[str]) -> None:
    results[:] = [RED]
    assert run("--mutant", "no-arbiter", "--json") == 0
    assert {"mutant": "no-arbiter", "expected": ["doubled"], "found_out": True, "doubled": 1}.items() <= json.loads(
        capsys.readouterr().out
    ).items()


def test_mutants_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--mutants") == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [one.name for one in ALL] == list(MUTANTS)


def test_an_unknown_mutant_is_an_error() -> None:
    with pytest.raises(LocalError, match="no mutant 'no-such'"):
        cli.app(["faults", "--mutant", "no-such"])
