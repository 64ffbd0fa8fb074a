"""What is read of attempts outside a unit of work: for comparing them with a gateway's list, and for who asks about a payment."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.executor.domain.testimony import Ours, State
from services.executor.store import ours_of
from shared.contracts import Attempt
from shared.gateways import What

COLUMNS = "attempt_id, attempt, state, outcome, started_at, concluded_at"
BY_IDS = text(f"SELECT {COLUMNS} FROM attempts WHERE attempt_id = ANY(cast(:ids AS uuid[]))")
OF_PAYMENTS = text(
    f"SELECT {COLUMNS} FROM attempts WHERE payment_id = ANY(cast(:ids AS uuid[])) ORDER BY started_at, attempt_id LIMIT 5000"
)
# An attempt's id begins with the time of what caused it, so the primary key finds those of a time without an index of its own. Only a
# refund that is tried again after an hour starts later, and one of a charge that came to light as late: it is not called missing, and
# compared where the gateway lists it.
OF_WINDOW = text(
    f"SELECT {COLUMNS} FROM attempts WHERE attempt_id >= :first AND attempt_id < :last AND gateway = :gateway"
    " AND started_at >= :since AND started_at < :until AND operation IN ('charge', 'authorize', 'link', 'refund')"
    " AND state IN ('started', 'succeeded', 'unknown', 'action_required') LIMIT :limit"
)
OLDER_S, AHEAD_S = 3_600.0, 60.0  # an attempt starts at most this long after its payment was made, and clocks differ by less


@dataclass(frozen=True, slots=True)
class Stored:
    """An attempt's row, read."""

    attempt: Attempt
    state: State
    outcome: dict[str, Any] | None
    started_at: datetime
    concluded_at: datetime | None

    @property
    def ours(self) -> Ours:
        return ours_of(self.attempt, self.state, self.outcome)

    @property
    def what(self) -> What:
        """In which of a gateway's lists it stands."""
        return "refund" if self.attempt.operation == "refund" else "charge"


class Queries:
    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def by_ids(self, ids: Iterable[UUID]) -> dict[UUID, Stored]:
        return {one.attempt.attempt_id: one for one in await self._fetch(BY_IDS, ids=list(ids))}

    async def of_payments(self, ids: Iterable[UUID]) -> list[Stored]:
        """In the order in which they were started."""
        return await self._fetch(OF_PAYMENTS, ids=list(ids))

    async def of_window(self, gateway: str, since: datetime, until: datetime, *, limit: int) -> list[Stored]:
        """Attempts to charge or refund, started in this time, and not known to have come to nothing."""
        first, last = _id_at(since - timedelta(seconds=OLDER_S)), _id_at(until + timedelta(seconds=AHEAD_S))
        return await self._fetch(OF_WINDOW, first=first, last=last, gateway=gateway, since=since, until=until, limit=limit)

    async def _fetch(self, sql: Any, **values: Any) -> list[Stored]:
        async with self.engine.connect() as connection:
            rows = (await connection.execute(sql, values)).all()
        return [Stored(Attempt.model_validate(row.attempt), row.state, row.outcome, row.started_at, row.concluded_at) for row in rows]


def _id_at(moment: datetime) -> UUID:
    """Below every id made from that millisecond on."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)
