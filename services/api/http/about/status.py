"""Route that tells how the mesh keeps up: what waits in every queue, and who works on it. Measured, when asked."""

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, Field

from services.api.http.layer import Code, Problem, Role, Routes
from shared.messaging.ask import Unreachable
from shared.messaging.depths import Depth, depths
from shared.messaging.rabbit import Broker
from shared.topology import Inlet, inlets, service_of

router = Routes(tag="queues", description="What waits, and who works.")


class QueueStatus(BaseModel):
    """`waiting` and `dead` count envelopes: of those nobody holds, and of those nobody could handle. Null where the queue is not there."""

    queue: str
    service: str
    waiting: int | None
    consumers: int
    dead: int | None


class JobsStatus(BaseModel):
    """`running` where every queue has a consumer, `stopped` where none has."""

    worker_status: Literal["running", "degraded", "stopped"] = Field(examples=["running"])
    waiting: int
    dead: int
    queues: list[QueueStatus]


class Jobs:
    """The queues of a mesh with these gateway accounts, asked over `broker`."""

    def __init__(self, broker: Broker, gateways: Iterable[str]) -> None:
        self.broker, self.inlets = broker, tuple(inlets(gateways))

    async def measured(self) -> JobsStatus:
        """Raises Unreachable."""
        names = [name for inlet in self.inlets for name in (inlet.queue, inlet.dead_queue)]
        found = await depths(self.broker, names)
        return summed([_status(inlet, found[inlet.queue], found[inlet.dead_queue]) for inlet in self.inlets])


def _status(inlet: Inlet, depth: Depth | None, dead: Depth | None) -> QueueStatus:
    return QueueStatus(
        queue=inlet.queue,
        service=service_of(inlet),
        waiting=depth.waiting if depth else None,
        consumers=depth.consumers if depth else 0,
        dead=dead.waiting if dead else None,
    )


def summed(queues: list[QueueStatus]) -> JobsStatus:
    worked = [one.consumers > 0 for one in queues]
    status: Literal["running", "degraded", "stopped"] = "running" if all(worked) else "degraded" if any(worked) else "stopped"
    return JobsStatus(
        worker_status=status,
        waiting=sum(one.waiting or 0 for one in queues),
        dead=sum(one.dead or 0 for one in queues),
        queues=queues,
    )


@router.get("/test/jobs/status", needs=Role.OPERATOR, errors=[Code.TEMPORARILY_UNAVAILABLE])
async def show_jobs(jobs: Jobs) -> JobsStatus:
    """What waits in every queue of the mesh, how many consumers it has, and how much lies in its dead letters, as the broker says now."""
    try:
        return await jobs.measured()
    except Unreachable:
        raise Problem(Code.TEMPORARILY_UNAVAILABLE, "The broker is away. Try again.") from None
