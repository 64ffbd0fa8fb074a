"""Scoring, retry policies, bandits, the shadow: asked, changed, audited."""

import asyncio
from functools import partial
from typing import Any

import pytest

from services.router import store
from services.router.answers.rules import (
    change_retry_policy,
    change_scoring,
    list_audit,
    list_bandits,
    set_bandit,
    set_shadow,
    show_retry_policy,
    show_scoring,
    show_shadow,
)
from services.router.domain.factors import WEIGHTS
from services.router.domain.retry import Policy
from services.router.domain.shadow import Comparison
from shared.clock import new_id
from shared.contracts.questions import (
    ChangeRetryPolicy,
    ChangeScoring,
    ListAudit,
    ListBandits,
    RetryPolicyView,
    SetBandit,
    SetShadow,
    ShowRetryPolicy,
    ShowScoring,
    ShowShadow,
)
from shared.messaging.answers import Refused
from tests.services.router.conftest import Office

SHARES: dict[str, float] = {str(name): weight for name, weight in WEIGHTS.items()}
BY = {"actor": "asha", "reason": "because"}
DEFAULT = Policy(attempts_max=3, latency_budget_ms=10_000)


async def test_without_operators_the_default_order_decides(office: Office) -> None:
    found = show_scoring(ShowScoring(), office.picture)
    assert (found.policy, found.weights) == ("adaptive", WEIGHTS)


async def test_the_order_and_its_weights_are_changed_apart(office: Office) -> None:
    weights = {**SHARES, "success_rate": 0.6, "latency": 0.0}
    await change_scoring(ChangeScoring(policy="score", **BY), office.desk, None)
    after = await change_scoring(ChangeScoring(weights=weights, **BY), office.desk, None)
    assert (after.policy, after.weights) == ("score", weights)
    assert show_scoring(ShowScoring(), office.picture) == after, "and decisions go by it"
    assert [action for _, action, _, _ in await office.audited()] == ["change_scoring"] * 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"policy": "best"}, "policy"),
        ({"weights": {**SHARES, "time": 0.5}}, "1 in sum"),
        ({"weights": {"success_rate": 1.0}}, "one for each"),
        ({"weights": {**SHARES, "luck": 0.0}}, "weights"),
        ({"weights": {**SHARES, "time": -0.05, "success_rate": 0.45}}, "weights"),
    ],
)
async def test_a_wrong_scoring_changes_nothing(office: Office, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        await change_scoring(ChangeScoring(**changes, **BY), office.desk, None)
    assert (await office.audited(), office.announced) == ([], [])


async def test_an_order_that_the_environment_sets_is_not_changed_here(office: Office) -> None:
    with pytest.raises(Refused, match="PAYMESH_ROUTING_POLICY") as refused:
        await change_scoring(ChangeScoring(policy="score", **BY), office.desk, "fixed")
    assert refused.value.complaint.code == "CONFLICT"


async def test_a_merchant_has_the_default_policy_until_it_has_its_own(office: Office) -> None:
    before = await show_retry_policy(ShowRetryPolicy(merchant_id="m_001"), office.desk, DEFAULT)
    assert (before.attempts_max, before.latency_budget_ms, before.is_default) == (3, 10_000, True)
    own = RetryPolicyView(merchant_id="m_001", attempts_max=1, latency_budget_ms=4_000, enabled=False, is_default=True)
    after = await change_retry_policy(ChangeRetryPolicy(policy=own, **BY), office.desk, DEFAULT)
    assert after == own.model_copy(update={"is_default": False})
    assert await show_retry_policy(ShowRetryPolicy(merchant_id="m_001"), office.desk, DEFAULT) == after
    assert office.picture.retry_policy("m_001", DEFAULT) == Policy(1, 4_000, False)
    assert await office.audited() == [("asha", "change_retry_policy", "m_001", "because")]


async def test_a_timeout_is_never_retried_elsewhere(office: Office) -> None:
    own = RetryPolicyView(merchant_id="m_001", retry_on_timeout=True)
    with pytest.raises(Refused, match="does not prove"):
        await change_retry_policy(ChangeRetryPolicy(policy=own, **BY), office.desk, DEFAULT)


async def test_a_bandit_is_switched_on_and_off(office: Office) -> None:
    for enabled in (True, True, False):
        found = await set_bandit(SetBandit(segment="UPI:<50000", enabled=enabled, **BY), office.desk)
        assert found.enabled is enabled
        assert office.picture.rules.bandits == ({"UPI:<50000"} if enabled else set())
    assert [(one.segment, one.enabled) for one in await list_bandits(ListBandits(), office.desk)] == [("UPI:<50000", False)]
    assert [action for _, action, _, _ in await office.audited()] == ["enable_bandit", "disable_bandit"], "what is so already is no change"


@pytest.mark.parametrize("segment", ["UPI", "UPI:<7", "CASH:<50000", ""])
async def test_a_segment_that_does_not_exist(office: Office, segment: str) -> None:
    with pytest.raises(Refused, match="METHOD:bucket"):
        await set_bandit(SetBandit(segment=segment, enabled=True, **BY), office.desk)


async def test_a_shadow_is_set_reported_and_ended(office: Office) -> None:
    assert (await show_shadow(ShowShadow(), office.desk)).policy is None
    with pytest.raises(Refused, match="policy: one of"):
        await set_shadow(SetShadow(policy="best", **BY), office.desk)
    await set_shadow(SetShadow(policy="score", **BY), office.desk)
    assert office.picture.rules.shadow == "score"
    found = [
        Comparison("score", "alpha", "alpha", 0.9, 0.9),
        Comparison("score", "alpha", "beta", 0.5, 0.75),
        Comparison("score", "alpha", "beta", 0.5, 0.75),
        Comparison("score", None, None, 0.0, 0.0),
        Comparison("bandit", "alpha", "beta", 0.1, 0.2),
    ]
    async with office.working() as unit_of_work:
        for one in found:
            write = partial(store.record_shadow, payment_id=new_id(), number=1, found=one)
            await unit_of_work.apply(write)
            await unit_of_work.apply(write)
    report = await show_shadow(ShowShadow(), office.desk)
    assert (report.policy, report.decisions, report.disagreements) == ("score", 4, 2), "each decision once, under the policy that is set"
    assert (report.expected_successes_made, report.expected_successes_shadow) == pytest.approx((1.9, 2.4))
    assert report.by_pair == ({"made": "alpha", "shadow": "beta", "decisions": 2, "expected_gain": pytest.approx(0.5)},)
    ended = await set_shadow(SetShadow(policy=None, **BY), office.desk)
    assert (ended.policy, ended.decisions, ended.disagreements) == (None, 4, 2), "what it came to"
    assert (await show_shadow(ShowShadow(), office.desk)).decisions == 0
    gone_by: str | None = office.picture.rules.shadow
    assert gone_by is None
    anew = await set_shadow(SetShadow(policy="score", **BY), office.desk)
    assert anew.decisions == 0, "a shadow that is set anew counts anew"


async def test_the_audit_is_newest_first_and_limited(office: Office) -> None:
    for enabled in (True, False, True):
        await set_bandit(SetBandit(segment="UPI:<50000", enabled=enabled, **BY), office.desk)
    found = await list_audit(ListAudit(limit=2), office.desk)
    assert [(one.actor, one.action, one.subject, one.reason) for one in found] == [
        ("asha", "enable_bandit", "UPI:<50000", "because"),
        ("asha", "disable_bandit", "UPI:<50000", "because"),
    ]
    assert (found[0].before["enabled"], found[0].after["enabled"]) == (False, True)
    assert found[0].at >= found[1].at


async def test_of_two_operators_at_once_each_is_audited_with_what_it_found(office: Office) -> None:
    policies = ("score", "fixed", "bandit", "expected_value")
    await asyncio.gather(*(change_scoring(ChangeScoring(policy=one, **BY), office.desk, None) for one in policies))
    rows = await office.database.rows("SELECT before, after FROM audit ORDER BY id")
    assert [row.before["policy"] for row in rows] == ["adaptive", *(row.after["policy"] for row in rows[:-1])]
