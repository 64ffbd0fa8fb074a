"""Routes of the operators' list: charges that came too late, and that their gateway would not take back."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from services.api import desk, ledger, store
from services.api.domain.operations import Movement, once_more
from services.api.http.availability import available
from services.api.http.change import Why
from services.api.http.layer import Caller, Code, Problem, Role, Routes
from services.api.http.paying.edge import Edge
from services.api.office import By, note
from shared import ids
from shared.public import PaymentError
from shared.storage.work import Work

router = Routes(tag="exhausted operations", description="What the mesh could not give back by itself.")


class ExhaustedView(BaseModel):
    """`tries` have been made; the last refusal is in `error`."""

    operation_id: UUID
    payment_id: str
    merchant_id: str
    gateway: str
    gateway_reference: str | None
    amount: int
    currency: str
    tries: int
    error: PaymentError | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, one: Movement) -> "ExhaustedView":
        return cls(
            operation_id=one.operation_id,
            payment_id=ids.public(ids.PAYMENT, one.payment_id),
            merchant_id=one.merchant_id,
            gateway=one.gateway,
            gateway_reference=one.target_reference,
            amount=one.amount.amount_minor,
            currency=one.amount.currency,
            tries=one.number,
            error=PaymentError.model_validate(one.error) if one.error else None,
            created_at=one.created_at,
            updated_at=one.updated_at,
        )


class Exhausted(BaseModel):
    items: list[ExhaustedView]


class LimitQuery(BaseModel):
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class OperationPath(BaseModel):
    operation_id: UUID


@router.get("/operations/exhausted", needs=Role.OPERATOR, errors=[Code.TEMPORARILY_UNAVAILABLE])
async def list_exhausted(query: LimitQuery, edge: Edge) -> Exhausted:
    """Reversals for which no try is left, oldest first: money of a payer's that is ours to give back."""
    with available():
        found = await edge.queries.exhausted(query.limit)
    return Exhausted(items=[ExhaustedView.of(one) for one in found])


@router.post("/operations/{operation_id}/retry", needs=Role.OPERATOR, errors=[Code.CONFLICT, Code.TEMPORARILY_UNAVAILABLE])
async def retry_operation(path: OperationPath, body: Why | None, caller: Caller, edge: Edge) -> ExhaustedView:
    """Ask the gateway once more, under a new number; it stands on the payment's timeline who wanted it, and why."""
    with available():
        known = await edge.queries.anybodys_operation(path.operation_id)
    if known is None:
        raise Problem(Code.NOT_FOUND, "There is no such operation.")
    again: list[Movement] = []

    def change(work: Work) -> None:
        again.clear()
        now = ledger.read(work, path.operation_id)
        following = once_more(now) if now else None
        if following is None:
            raise Problem(Code.CONFLICT, "It is not exhausted.")
        again.append(following)
        ledger.change(work, replace(following, updated_at=work.now, due_at=desk.due_at(following, work.now, edge.waiting)))
        desk.send(work, following, edge.waiting)
        by = By(caller.name, (body or Why()).reason)
        store.tell(work, following.payment_id, "reversal.retried", id=desk.public_id(following), actor=by.actor, reason=by.reason)
        before, after = {"tries": following.number - 1}, {"tries": following.number}
        note(work, by, "operation.retry", str(following.operation_id), before=before, after=after)

    with available():
        await edge.unit_of_work.apply(change, loads=[*store.load_of(known.payment_id), *ledger.load_of(path.operation_id)])
    return ExhaustedView.of(again[0])
