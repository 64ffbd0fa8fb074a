"""The route of the audit: who changed what, when, and why."""

import asyncio
from typing import Annotated

from pydantic import BaseModel, Field

from services.api.http.availability import available
from services.api.http.layer import Problem, Role, Routes
from services.api.http.owners import ASKING, Owners
from services.api.office import Office
from shared.contracts.questions import AuditEntry, ListAudit, ListExecutorAudit, ListMetricsAudit, ListNotifierAudit, ListVerifierAudit

router = Routes(tag="audit", description="Who changed what, when, and why.")

LIMIT_MAX = 500


class AuditQuery(BaseModel):
    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)] = 100


class Audit(BaseModel):
    """`missing` are the services that did not answer: changes of theirs are not in it."""

    items: list[AuditEntry]
    missing: list[str]


@router.get("/audit", needs=Role.OPERATOR, errors=ASKING)
async def list_audit(query: AuditQuery, owners: Owners, office: Office) -> Audit:
    """Operators' changes, newest first, of all services: each keeps its own in the transaction of the change."""
    with available():
        own = await office.audit(query.limit)
    kinds = (ListAudit, ListMetricsAudit, ListExecutorAudit, ListVerifierAudit, ListNotifierAudit)
    questions = [kind(limit=query.limit) for kind in kinds]
    found = await asyncio.gather(*(owners.ask(one, list[AuditEntry]) for one in questions), return_exceptions=True)
    items = [AuditEntry(**row) for row in own]
    missing: list[str] = []
    for question, entries in zip(questions, found, strict=True):
        if isinstance(entries, Problem):
            missing.append(question.owner)
        elif isinstance(entries, BaseException):
            raise entries
        else:
            items += entries
    if len(missing) == len(questions):
        raise next(entries for entries in found if isinstance(entries, Problem))
    items.sort(key=lambda entry: entry.at, reverse=True)
    return Audit(items=items[: query.limit], missing=missing)
