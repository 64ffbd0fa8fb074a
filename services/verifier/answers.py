"""What the verifier tells who asks, and what operators may have it do."""

from collections.abc import Callable
from datetime import UTC
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from services.verifier import ledger, reconciliation, store
from services.verifier.domain.slices import Window, bad_window
from services.verifier.domain.verdict import BY_HAND, may_settle_by_hand
from services.verifier.queries import Queries
from services.verifier.store import VERIFICATION, Word
from shared.clock import new_id, utc_now
from shared.contracts import AttemptVerified
from shared.contracts.questions import (
    AuditEntry,
    DiscrepancyView,
    GatewayEventView,
    ListDiscrepancies,
    ListGatewayEvents,
    ListRuns,
    ListVerifications,
    ListVerifierAudit,
    LookAgain,
    ResolveDiscrepancy,
    RunView,
    SettleVerification,
    ShowVerifications,
    StartRun,
    VerificationView,
)
from shared.messaging.answers import Answers, Refused
from shared.storage.unit_of_work import UnitOfWork
from shared.storage.work import Load, Work

PAYMENT_MAX = 100  # attempts and webhooks of one payment; more than any has

answers = Answers("verifier")


@answers
async def show_verifications(question: ShowVerifications, queries: Queries) -> list[VerificationView]:
    return await queries.verifications(order="opened_at, attempt_id", limit=PAYMENT_MAX, payment_id=question.payment_id)


@answers
async def list_verifications(question: ListVerifications, queries: Queries) -> list[VerificationView]:
    return await queries.verifications(order="changed_at, attempt_id", limit=question.limit, state=question.state, gateway=question.gateway)


@answers
async def settle_verification(question: SettleVerification, unit_of_work: UnitOfWork, queries: Queries) -> VerificationView:
    """An operator's word is a verdict like any other, under their name."""

    def change(work: Work) -> None:
        row = store.read(work, question.attempt_id)
        if row is None:
            raise Refused("NOT_FOUND", "No such verification.")
        if not may_settle_by_hand(row.state, question.verdict):
            raise Refused("CONFLICT", f"It is settled: {row.state}.", state=row.state)
        succeeded = question.verdict == "succeeded"
        confirmed = (question.confirmed or row.attempt.amount) if succeeded else None
        word = Word("operator", confirmed, question.gateway_reference)
        reason = f"settled by {question.actor}: {question.reason}"
        store.change(work, question.attempt_id, state=question.verdict, reason=reason, not_found=row.not_found, due_at=None, word=word)
        verdict = AttemptVerified(
            correlation_id=row.attempt.payment_id,
            attempt=row.attempt,
            verdict=question.verdict,
            source="operator",
            confirmed=confirmed,
            refusal=None if succeeded else BY_HAND,
            gateway_reference=question.gateway_reference,
        )
        work.publish(verdict)
        after = {"state": question.verdict, "confirmed": str(confirmed) if confirmed else None, "message_id": str(verdict.message_id)}
        store.act(
            work, actor=question.actor, action="verification.settle", subject=str(question.attempt_id), before={"state": row.state},
            after=after, reason=question.reason,
        )  # fmt: skip

    return await _changed(question.attempt_id, change, unit_of_work, queries)


@answers
async def look_again(question: LookAgain, unit_of_work: UnitOfWork, queries: Queries) -> VerificationView:
    """After a gateway's long outage what was exhausted need not be settled by hand: it is asked about anew, from the first rung."""

    def change(work: Work) -> None:
        row = store.read(work, question.attempt_id)
        if row is None:
            raise Refused("NOT_FOUND", "No such verification.")
        if row.state not in ("open", "exhausted"):
            raise Refused("CONFLICT", f"It is settled: {row.state}.", state=row.state)
        reason = f"asked about anew by {question.actor}: {question.reason}"
        store.change(work, question.attempt_id, state="open", reason=reason, not_found=row.not_found, due_at=work.now)
        store.asked(work, question.attempt_id, lookups=0)
        store.act(
            work, actor=question.actor, action="verification.look_again", subject=str(question.attempt_id),
            before={"state": row.state, "lookups": row.lookups}, after={"state": "open", "lookups": 0}, reason=question.reason,
        )  # fmt: skip

    return await _changed(question.attempt_id, change, unit_of_work, queries)


async def _changed(attempt_id: UUID, change: Callable[[Work], None], unit_of_work: UnitOfWork, queries: Queries) -> VerificationView:
    await unit_of_work.apply(change, loads=[Load(VERIFICATION, attempt_id)])
    (view,) = await queries.verifications(order="attempt_id", limit=1, attempt_id=attempt_id)
    return view


@answers
async def list_gateway_events(question: ListGatewayEvents, queries: Queries) -> list[GatewayEventView]:
    order = "received_at, evidence_id" if question.payment_id else "received_at DESC, evidence_id"
    asked = {"state": question.state, "gateway": question.gateway, "payment_id": question.payment_id}
    return await queries.events(order=order, limit=question.limit, **asked)


@answers
async def list_runs(question: ListRuns, queries: Queries) -> list[RunView]:
    return await queries.runs(limit=question.limit, gateway=question.gateway)


@answers
async def start_run(question: StartRun, unit_of_work: UnitOfWork, queries: Queries, gateways: frozenset[str]) -> RunView:
    if question.gateway not in gateways:
        raise Refused("NOT_FOUND", "No such gateway account.")
    window = Window(question.since, question.until)
    if wrong := bad_window(window, now=utc_now()):
        raise Refused("VALIDATION_ERROR", f"The window cannot be compared: {wrong}.")
    window, run_id = Window(window.since.astimezone(UTC), window.until.astimezone(UTC)), new_id()

    def change(work: Work) -> None:
        reconciliation.start(work, run_id, gateway=question.gateway, window=window, asked_by=question.actor)
        after = {"gateway": question.gateway, "since": window.since.isoformat(), "until": window.until.isoformat()}
        store.act(work, actor=question.actor, action="reconciliation.start", subject=str(run_id), before=None, after=after, reason="")

    try:
        await unit_of_work.apply(change)
    except IntegrityError as error:
        raise Refused("CONFLICT", "A run of this account is under way.") from error
    (view,) = await queries.runs(limit=1, run_id=run_id)
    return view


@answers
async def list_discrepancies(question: ListDiscrepancies, queries: Queries) -> list[DiscrepancyView]:
    asked = {"state": question.state, "gateway": question.gateway, "run_id": question.run_id, "payment_id": question.payment_id}
    return await queries.discrepancies(limit=question.limit, **asked)


@answers
async def resolve_discrepancy(question: ResolveDiscrepancy, unit_of_work: UnitOfWork, queries: Queries) -> DiscrepancyView:
    def change(work: Work) -> None:
        row = work.row(ledger.DISCREPANCY, question.discrepancy_id)
        if row is None:
            raise Refused("NOT_FOUND", "No such discrepancy.")
        if row.state != "open":
            raise Refused("CONFLICT", "It is resolved.")
        ledger.close(work, question.discrepancy_id, by=question.actor, resolution=question.reason)
        store.act(
            work, actor=question.actor, action="discrepancy.resolve", subject=str(question.discrepancy_id),
            before={"state": "open", "reason": row.reason}, after={"state": "resolved"}, reason=question.reason,
        )  # fmt: skip

    await unit_of_work.apply(change, loads=[Load(ledger.DISCREPANCY, question.discrepancy_id)])
    (view,) = await queries.discrepancies(limit=1, discrepancy_id=question.discrepancy_id)
    return view


@answers
async def list_audit(question: ListVerifierAudit, queries: Queries) -> list[AuditEntry]:
    return await queries.audit(limit=question.limit)
