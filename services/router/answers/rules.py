"""Rules of routing: scoring, retry policies, bandits, the shadow; and who changed what."""

from datetime import datetime
from typing import Any, get_args

from services.router import desk as sql
from services.router import store, tables
from services.router.answers.register import answers, valid, wrong
from services.router.desk import Desk
from services.router.domain.board import SCORING
from services.router.domain.factors import WEIGHTS
from services.router.domain.policy import POLICIES
from services.router.domain.retry import Policy
from services.router.picture import Picture
from shared.clock import utc_now
from shared.contracts import Method
from shared.contracts.money import BUCKETS
from shared.contracts.questions import (
    AuditEntry,
    BanditView,
    ChangeRetryPolicy,
    ChangeScoring,
    ListAudit,
    ListBandits,
    RetryPolicyView,
    ScoringView,
    SetBandit,
    SetShadow,
    ShadowView,
    ShowRetryPolicy,
    ShowScoring,
    ShowShadow,
)
from shared.messaging.answers import Refused

SEGMENTS = frozenset(f"{method}:{bucket}" for method in get_args(Method) for bucket in BUCKETS)
PAIRS_MAX = 100


@answers
def show_scoring(question: ShowScoring, picture: Picture) -> ScoringView:
    """As decisions are made now, an order set by the environment included."""
    return picture.rules.scoring


@answers
async def change_scoring(question: ChangeScoring, desk: Desk, forced_policy: str | None) -> ScoringView:
    if question.policy is not None and forced_policy is not None:
        raise Refused("CONFLICT", f"PAYMESH_ROUTING_POLICY sets the policy to {forced_policy}.")
    async with desk.changing(question, "change_scoring", "scoring") as change:
        await change.alone(tables.scoring)
        row = await change.row(store.SCORING_SET)
        before = ScoringView.model_validate(row) if row else SCORING
        given = {"policy": question.policy, "weights": question.weights}
        changes = {name: value for name, value in given.items() if value is not None}
        after = valid(lambda: ScoringView.model_validate({**before.model_dump(), **changes}))
        if after.weights.keys() != WEIGHTS.keys() or abs(sum(after.weights.values()) - 1.0) > 1e-6:
            wrong(f"weights: one for each of {', '.join(WEIGHTS)}, 1 in sum")
        if after != before:
            await change.save(tables.scoring, id=1, **after.model_dump())
            change.note(before, after)
    return after


@answers
async def show_retry_policy(question: ShowRetryPolicy, desk: Desk, default_policy: Policy) -> RetryPolicyView:
    rows = await desk.rows(sql.RETRY_POLICY, merchant_id=question.merchant_id)
    return RetryPolicyView.model_validate(rows[0]) if rows else default_of(question.merchant_id, default_policy)


@answers
async def change_retry_policy(question: ChangeRetryPolicy, desk: Desk, default_policy: Policy) -> RetryPolicyView:
    after = question.policy.model_copy(update={"is_default": False})
    if after.retry_on_timeout:
        wrong("retry_on_timeout: a timeout does not prove that nothing was charged; such an attempt is verified instead, then retried")
    async with desk.changing(question, "change_retry_policy", after.merchant_id) as change:
        await change.alone(tables.retry_policies)
        row = await change.row(sql.RETRY_POLICY, merchant_id=after.merchant_id)
        before = RetryPolicyView.model_validate(row) if row else default_of(after.merchant_id, default_policy)
        if after != before:
            await change.save(tables.retry_policies, **after.model_dump(exclude={"is_default"}))
            change.note(before, after)
    return after


def default_of(merchant_id: str, policy: Policy) -> RetryPolicyView:
    """Settings may lie outside what a merchant's own policy may say."""
    return RetryPolicyView.model_construct(
        merchant_id=merchant_id,
        attempts_max=policy.attempts_max,
        latency_budget_ms=policy.latency_budget_ms,
        retry_on_timeout=False,
        enabled=policy.enabled,
        is_default=True,
    )


@answers
async def list_bandits(question: ListBandits, desk: Desk) -> list[BanditView]:
    return [BanditView.model_validate(row) for row in await desk.rows(sql.SEGMENTS)]


@answers
async def set_bandit(question: SetBandit, desk: Desk) -> BanditView:
    if question.segment not in SEGMENTS:
        wrong(f"segment: METHOD:bucket, with a bucket of {', '.join(BUCKETS)}")
    async with desk.changing(question, "enable_bandit" if question.enabled else "disable_bandit", question.segment) as change:
        await change.alone(tables.bandits)
        row = await change.row(sql.SEGMENT, segment=question.segment)
        before = BanditView.model_validate(row) if row else BanditView(segment=question.segment, enabled=False)
        after = before.model_copy(update={"enabled": question.enabled, "changed_at": utc_now()})
        if row is not None and before.enabled == question.enabled:
            return before
        await change.save(tables.bandits, **after.model_dump())
        change.note(before, after)
    return after


@answers
async def show_shadow(question: ShowShadow, desk: Desk) -> ShadowView:
    rows = await desk.rows(sql.SHADOW)
    return await report(desk, rows[0]["policy"], rows[0]["since"]) if rows else ShadowView(policy=None)


@answers
async def set_shadow(question: SetShadow, desk: Desk) -> ShadowView:
    if question.policy is not None and question.policy not in POLICIES:
        wrong(f"policy: one of {', '.join(POLICIES)}")
    last = await show_shadow(ShowShadow(), desk)
    async with desk.changing(question, "set_shadow", question.policy or "none") as change:
        await change.alone(tables.shadow)
        row = await change.row(sql.SHADOW)
        before = ShadowView.model_validate(row) if row else ShadowView(policy=None)
        if before.policy != question.policy:
            after = ShadowView(policy=question.policy, since=utc_now())
            await change.save(tables.shadow, id=1, policy=after.policy, since=after.since)
            change.note({"policy": before.policy}, {"policy": after.policy})
    if question.policy is None:
        return last.model_copy(update={"policy": None})  # what it came to
    return await show_shadow(ShowShadow(), desk)


async def report(desk: Desk, policy: str | None, since: datetime) -> ShadowView:
    """What the shadow would have done differently since it was set, and what that would have been worth."""
    pairs = await desk.rows(sql.SHADOW_PAIRS, policy=policy, since=since) if policy else []
    differing = [pair for pair in pairs if pair["made"] != pair["shadow"]]

    def total(column: str, among: list[dict[str, Any]] = pairs) -> Any:
        return sum(pair[column] for pair in among)

    return ShadowView(
        policy=policy,
        since=since,
        decisions=total("decisions"),
        disagreements=total("decisions", differing),
        expected_successes_made=float(total("expected_made")),
        expected_successes_shadow=float(total("expected_shadow")),
        by_pair=tuple(
            {
                "made": pair["made"],
                "shadow": pair["shadow"],
                "decisions": pair["decisions"],
                "expected_gain": pair["expected_shadow"] - pair["expected_made"],
            }
            for pair in differing[:PAIRS_MAX]
        ),
    )


@answers
async def list_audit(question: ListAudit, desk: Desk) -> list[AuditEntry]:
    return [AuditEntry.model_validate(row) for row in await desk.rows(sql.AUDIT, limit=question.limit)]
