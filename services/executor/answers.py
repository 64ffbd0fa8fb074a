"""What the executor answers: what gateways' error codes mean, who changed that, and what it did for a payment."""

from services.executor.desk import Desk
from services.executor.domain.classes import OVERRIDES_MAX, Override, objection, row, table
from services.executor.queries import Queries, Stored
from shared.contracts.questions import (
    AuditEntry,
    ChangeErrorClass,
    ErrorClass,
    ExecutionView,
    ListErrorClasses,
    ListExecutorAudit,
    ShowExecutions,
)
from shared.gateways import CODECS, Codes
from shared.messaging.answers import Answers, Refused

CODE_MAX, TEXT_MAX = 100, 500

answers = Answers("executor")


@answers
async def list_error_classes(question: ListErrorClasses, desk: Desk) -> list[ErrorClass]:
    kinds = [question.gateway_kind] if question.gateway_kind else sorted(CODECS)
    return [one for kind in kinds for one in table(kind, _codes(kind), desk.classes.of(kind))]


@answers
async def change_error_class(question: ChangeErrorClass, desk: Desk) -> ErrorClass:
    kind, code = question.gateway_kind, question.code
    codes = _codes(kind)
    _check(question, codes)
    async with desk.changing() as change:
        overrides = dict(change.before.get(kind, {}))
        was = row(kind, code, codes, overrides) if code in codes or code in overrides else None
        if question.outcome_class is None:
            if was is None:
                raise Refused("NOT_FOUND", f"There is no code {code} of {kind}.")
            overrides.pop(code, None)
        else:
            overrides[code] = Override(question.outcome_class, question.retryable, question.advice)
            if len(overrides) > OVERRIDES_MAX:
                raise Refused("CONFLICT", f"There are {OVERRIDES_MAX} overrides of {kind} already: take some back.")
        now = row(kind, code, codes, overrides) if code in codes or code in overrides else None
        if now != was:
            await change.save(question, was, now)
    if now is None:  # a code that the codec does not have is forgotten: it proves nothing again
        return ErrorClass(gateway_kind=kind, code=code, outcome_class="unknown", retryable=False)
    return now


@answers
async def list_audit(question: ListExecutorAudit, desk: Desk) -> list[AuditEntry]:
    return await desk.audit(question.limit)


def _codes(gateway_kind: str) -> Codes:
    if gateway_kind not in CODECS:
        raise Refused("NOT_FOUND", f"There is no gateway kind {gateway_kind}.", kinds=sorted(CODECS))
    return CODECS[gateway_kind].codes


def _check(question: ChangeErrorClass, codes: Codes) -> None:
    if not 0 < len(question.code) <= CODE_MAX:
        raise Refused("VALIDATION_ERROR", f"code: 1 to {CODE_MAX} characters")
    if max(len(question.advice), len(question.reason)) > TEXT_MAX:
        raise Refused("VALIDATION_ERROR", f"advice, reason: at most {TEXT_MAX} characters")
    outcome_class = question.outcome_class
    if outcome_class and (why := objection(codes, question.code, outcome_class, retryable=question.retryable)):
        raise Refused("VALIDATION_ERROR", why)


@answers
async def show_executions(question: ShowExecutions, queries: Queries) -> list[ExecutionView]:
    return [_execution(one) for one in await queries.of_payments([question.payment_id])]


def _execution(stored: Stored) -> ExecutionView:
    attempt, said = stored.attempt, stored.outcome or {}
    about = attempt.model_dump(include={"attempt_id", "number", "operation", "gateway", "amount"})
    kept = {name: said.get(name) for name in ("reason", "gateway_reference", "confirmed", "latency_ms")}
    when = {"started_at": stored.started_at, "concluded_at": stored.concluded_at}
    return ExecutionView(**about, **kept, **when, state=stored.state, code=said.get("refusal", {}).get("code"))
