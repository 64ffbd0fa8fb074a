"""A campaign is judged when nothing is left, and not before the last answer that a gateway may still give."""

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest

from deploy.faults import campaign as module
from deploy.faults import leftovers
from deploy.faults.campaign import Campaign
from deploy.local.instance import ROOT
from services.verifier.domain.verdict import AWAITED

DRAIN_S = 60.0


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> Campaign:
    """On a mesh where nothing waits."""
    monkeypatch.setenv("PAYMESH_SANDBOX_URL", "http://sandbox")
    monkeypatch.setattr(module, "POLL_S", 0.01)
    blueprint = SimpleNamespace(url=lambda name: f"http://{name}", gateways_file=ROOT / "deploy" / "gateways.toml")
    mesh: Any = SimpleNamespace(blueprint=blueprint)
    campaign = Campaign(mesh, lambda said: None)

    async def nothing() -> dict[str, int]:
        campaign.tell("looked")
        return {}

    monkeypatch.setattr(campaign, "_leftover", nothing)
    return campaign


def test_what_is_quiet_is_judged_at_once(quiet: Campaign) -> None:
    said: list[str] = []
    quiet.tell = said.append
    asyncio.run(quiet.drain(DRAIN_S))
    assert quiet.quiet_s is not None
    assert said == ["looked"] * module.CALM_TIMES


def test_the_last_late_answer_is_waited_for(quiet: Campaign) -> None:
    quiet.late_until = time.monotonic() + 0.5
    asyncio.run(quiet.drain(DRAIN_S))
    assert quiet.quiet_s is not None
    assert time.monotonic() > quiet.late_until


def test_what_is_not_quiet_by_the_deadline_is_judged_all_the_same(quiet: Campaign) -> None:
    quiet.late_until = time.monotonic() + DRAIN_S
    asyncio.run(quiet.drain(0.1))
    assert quiet.quiet_s is None


def test_a_payer_who_has_not_acted_is_named_as_the_verifier_names_them() -> None:
    """Else every link that nobody paid would be left over."""
    assert leftovers.AWAITED.endswith(f"LIKE '%{AWAITED}'")


def test_a_question_about_a_payer_who_is_awaited_is_no_leftover() -> None:
    """Whoever is killed while they ask leaves it in the queue. More questions than payers are somebody else's."""
    others = {"queue executor.lookup.alpha.dead": 1, "queue executor.commands.alpha": 1}
    counts = {"payers awaited": 3, "queue executor.lookup.alpha": 2, "queue executor.lookup.beta": 2, **others}
    left = {"queue executor.lookup.alpha": 0, "queue executor.lookup.beta": 1, **others}
    assert leftovers.owed(counts) == left
    assert leftovers.owed({**counts, "payers awaited": 0}) == {name: count for name, count in counts.items() if name != "payers awaited"}
