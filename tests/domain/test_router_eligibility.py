"""Who may take a payment: every reason why not, and when a breaker lets anything through."""

from datetime import timedelta, timezone
from typing import Any

import pytest

from services.router.domain.decision import Wish
from services.router.domain.eligibility import instants, standing
from shared.contracts import BreakerHealth
from shared.contracts.questions import MaintenanceWindow
from tests.domain.boards import WISH, account, board, breaker, decided
from tests.domain.stand import NOW, after

CLEANING = MaintenanceWindow(method="UPI", starts_at=after(-60), ends_at=after(60), reason="new certificates")

INDIA = timezone(timedelta(hours=5, minutes=30))
CLEANING_IN_INDIA = CLEANING.model_copy(update={"ends_at": after(60).astimezone(INDIA)})


@pytest.mark.parametrize(
    ("columns", "wish", "why"),
    [
        ({}, WISH, None),
        ({"enabled": False}, WISH, "disabled"),
        ({}, Wish(50_000, "INR", "UPI", tried=frozenset({"alpha"})), "already tried"),
        ({}, Wish(50_000, "INR", "WALLET"), "does not take WALLET"),
        ({}, Wish(50_000, "USD", "UPI"), "does not take USD"),
        ({}, Wish(99, "INR", "UPI"), "amount outside its limits"),
        ({}, Wish(100, "INR", "UPI"), None),
        ({}, Wish(1_000_000, "INR", "UPI"), None),
        ({}, Wish(1_000_001, "INR", "UPI"), "amount outside its limits"),
        ({"maintenance": (CLEANING,)}, WISH, "maintenance until 2026-01-05 09:31 UTC: new certificates"),
        ({"maintenance": (CLEANING.model_copy(update={"method": None, "reason": ""}),)}, WISH, "maintenance until 2026-01-05 09:31 UTC"),
        ({"maintenance": (CLEANING_IN_INDIA,)}, WISH, "maintenance until 2026-01-05 09:31 UTC: new certificates"),
        ({"maintenance": (CLEANING,)}, Wish(50_000, "INR", "CARD"), None),
        ({"maintenance": (CLEANING.model_copy(update={"ends_at": NOW}),)}, WISH, None),
        ({"maintenance": (CLEANING.model_copy(update={"starts_at": after(0.001)}),)}, WISH, None),
    ],
)
def test_who_may_not_take_it(columns: dict[str, Any], wish: Wish, why: str | None) -> None:
    found = decided(board(gateways=(account("alpha", **columns),)), wish)
    assert found.gateway == (None if why else "alpha")
    assert [(one.gateway, one.reason, one.skipped) for one in found.losers] == ([("alpha", why, False)] if why else [])


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ("open", "breaker open: 12 of 20 failed"),
        ("half_open", "breaker half open, 0% may probe it and this is none of them: 12 of 20 failed"),
        ("forced_open", "breaker forced open: 12 of 20 failed"),
    ],
)
def test_a_breaker_keeps_out_and_says_so(state: str, why: str) -> None:
    found = decided(board(breaker("alpha", state, share=0.0, reason="12 of 20 failed")))
    assert found.gateway == "beta"
    assert [(one.gateway, one.reason) for one in found.skipped] == [("alpha", why)]


def test_a_breaker_is_of_one_method() -> None:
    assert decided(board(breaker("alpha", "open")), Wish(50_000, "INR", "CARD")).gateway == "alpha"


def test_what_is_unfit_anyway_is_not_passed_over() -> None:
    found = decided(board(breaker("alpha", "open")), Wish(50_000, "INR", "UPI", tried=frozenset({"alpha"})))
    assert (found.gateway, found.skipped) == ("beta", [])


@pytest.mark.parametrize(
    ("said", "at_s", "state"),
    [
        (None, 0, None),
        (breaker("alpha", "closed"), 0, None),
        (breaker("alpha", "open"), 0, "open"),
        (breaker("alpha", "open", until=after(30)), 29.9, "open"),
        (breaker("alpha", "open", until=after(30)), 30, "half_open"),
        (breaker("alpha", "half_open", until=after(30)), 31, "half_open"),
        (breaker("alpha", "forced_open", until=after(30)), 29, "forced_open"),
        (breaker("alpha", "forced_open", until=after(30)), 30, "half_open"),
        (breaker("alpha", "forced_closed", until=after(30)), 30, None),
        (breaker("alpha", "forced_open"), 10**6, "forced_open"),
    ],
)
def test_a_breaker_as_it_is_at_a_moment(said: BreakerHealth | None, at_s: float, state: str | None) -> None:
    found = standing(said, after(at_s))
    assert (found.state if found else None) == state
    if said and said.state in ("open", "forced_open") and state == "half_open":
        assert found is not None
        assert found.probe_share == 0.1, "nobody is left to say what share may probe"


def test_a_board_is_good_until_something_changes_by_itself() -> None:
    assert board().valid_until == after(30 * 60), "the hour, for time factors"
    assert board(breaker("alpha", "open", until=after(20))).valid_until == after(20)
    assert board(gateways=(account("alpha", maintenance=(CLEANING,)),)).valid_until == after(60)
    assert instants((account("alpha", maintenance=(CLEANING,)),), ()) == [after(-60), after(60)]
