"""What operators have changed: each owner keeps its own, in the transaction of the change."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from shared.contracts.base import Frozen
from shared.contracts.questions.base import ExecutorQuestion, MetricsQuestion, RouterQuestion

Limit = Annotated[int, Field(ge=1, le=500)]


class AuditEntry(Frozen):
    at: datetime
    actor: str
    action: str
    subject: str
    before: Any = None
    after: Any = None
    reason: str = ""


class ListAudit(RouterQuestion):
    """Answer: list[AuditEntry] of the router's changes, newest first."""

    kind: Literal["router.audit.v1"] = "router.audit.v1"
    limit: Limit = 100


class ListMetricsAudit(MetricsQuestion):
    """Answer: list[AuditEntry] of metrics' changes, newest first: breakers forced and released."""

    kind: Literal["metrics.audit.v1"] = "metrics.audit.v1"
    limit: Limit = 100


class ListExecutorAudit(ExecutorQuestion):
    """Answer: list[AuditEntry] of the executor's changes, newest first: error classes."""

    kind: Literal["executor.audit.v1"] = "executor.audit.v1"
    limit: Limit = 100
