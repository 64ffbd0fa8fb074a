"""Why what was decided: stored decisions, attempts, and decisions of payments that are not made."""

from typing import Any

from services.router import desk as sql
from services.router.answers.register import answers, missing
from services.router.desk import Desk
from services.router.domain.decision import Wish, decide
from services.router.domain.record import read
from services.router.domain.view import view_of
from services.router.picture import Picture
from shared.clock import new_id, utc_now
from shared.contracts.questions import CandidateView, DecisionView, ExplainDecision, ShowAttempts, ShowDecisions, TriedView


@answers
def explain_decision(question: ExplainDecision, picture: Picture) -> DecisionView:
    """From the same picture as a payment's, so a bandit or a probe may fall differently for each asking."""
    wish = Wish(
        amount_minor=question.amount.amount_minor,
        currency=question.amount.currency,
        method=question.method,
        bank=question.bank,
        merchant_id=question.merchant_id,
        customer_id=question.customer_id,
        preferred=question.preferred_gateway,
    )
    now = utc_now()
    return view_of(decide(picture.board(now), wish, new_id().int, now), number=1, made_at=now)


@answers
async def show_decisions(question: ShowDecisions, desk: Desk) -> list[DecisionView]:
    """As they were made, whatever would be decided today."""
    rows = await desk.rows(sql.DECISIONS, payment_id=question.payment_id)
    if not rows or question.merchant_id not in (None, rows[0]["merchant_id"]):
        missing("route of payment", question.payment_id)
    return [view(row) for row in rows if row["number"] is not None]


@answers
async def show_attempts(question: ShowAttempts, desk: Desk) -> list[TriedView]:
    """In order, each preceded by the gateways that were passed over for it."""
    rows = await desk.rows(sql.ROUTE, payment_id=question.payment_id)
    if not rows or question.merchant_id not in (None, rows[0]["merchant_id"]):
        missing("route of payment", question.payment_id)
    found = [(one["number"], False, TriedView(gateway=one["gateway"], state="skipped", reason=one["reason"])) for one in rows[0]["skipped"]]
    found += [(one["number"], True, TriedView.model_validate(one)) for one in rows[0]["attempts"]]
    return [tried for _, _, tried in sorted(found, key=lambda one: one[:2])]


def view(row: dict[str, Any]) -> DecisionView:
    head = {"number": row["number"], "payment_id": row["payment_id"], "made_at": row["made_at"]}
    if row["record"] is not None:
        return view_of(read(row["record"]), **head)
    candidates = tuple(CandidateView.model_validate(one) for one in row["ranked"] or ())
    return DecisionView(policy="fixed", gateway=row["gateway"], reason=row["reason"], candidates=candidates, **head)
