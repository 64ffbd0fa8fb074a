"""What metrics is asked, and answers."""

from typing import get_args

from services.metrics.desk import Desk
from shared.contracts import ArmHealth, Method
from shared.contracts.questions import (
    AuditEntry,
    BreakerView,
    ExperimentResults,
    ForceBreaker,
    GatewayFigures,
    ListBreakers,
    ListMetricsAudit,
    ResultsView,
    ShowArms,
    ShowGatewayFigures,
)
from shared.messaging.answers import Answers, Refused

EXPIRES_IN_S_MAX = 30 * 86_400  # whoever wants longer means until further notice
REASON_MAX = 500

answers = Answers("metrics")


@answers
async def show_gateway_figures(question: ShowGatewayFigures, desk: Desk) -> GatewayFigures:
    return await desk.figures(question.gateway)


@answers
async def list_breakers(question: ListBreakers, desk: Desk) -> list[BreakerView]:
    return await desk.breakers()


@answers
async def force_breaker(question: ForceBreaker, desk: Desk) -> BreakerView:
    """Which gateways there are is the router's to know: what nobody has heard of is forced all the same, and changes nothing."""
    if question.method not in get_args(Method):
        raise Refused("VALIDATION_ERROR", f"There is no method {question.method}.", methods=list(get_args(Method)))
    if question.expires_in_s is not None and not 0 < question.expires_in_s <= EXPIRES_IN_S_MAX:
        raise Refused("VALIDATION_ERROR", f"A forced state expires in 1 to {EXPIRES_IN_S_MAX} s, or not at all.")
    if not question.actor.strip() or len(question.reason) > REASON_MAX:
        raise Refused("VALIDATION_ERROR", f"A change has an actor, and a reason of at most {REASON_MAX} characters.")
    return await desk.force(
        question.gateway,
        question.method,
        question.to,
        expires_in_s=question.expires_in_s if question.to else None,
        actor=question.actor,
        reason=question.reason or "forced by hand",
    )


@answers
async def show_arms(question: ShowArms, desk: Desk) -> list[ArmHealth]:
    return await desk.arms(question.segment)


@answers
async def experiment_results(question: ExperimentResults, desk: Desk) -> ResultsView:
    return await desk.results(question.experiment_id, question.control_pct)


@answers
async def list_audit(question: ListMetricsAudit, desk: Desk) -> list[AuditEntry]:
    return await desk.audit(question.limit)
