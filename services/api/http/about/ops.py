"""Routes that tell whether the edge is well."""

from aiohttp import web
from pydantic import BaseModel

from services.api.http.layer import Reply, Role, Routes
from shared.ops import OpsPort

router = Routes(tag="operations", description="Is the edge well?")


class Check(BaseModel):
    ok: bool
    detail: str


class Readiness(BaseModel):
    ready: bool
    checks: dict[str, Check]


class Liveness(BaseModel):
    alive: bool


@router.get("/ops/readiness", needs=Role.PUBLIC, also=[503], limited=False)
async def readiness(ops: OpsPort) -> Reply[Readiness]:
    """Can this replica take payments now? Database, broker and its own queues are asked."""
    ready, checks = await ops.readiness()
    found = {name: Check.model_validate(one) for name, one in checks.items()}
    return Reply(Readiness(ready=ready, checks=found), status=200 if ready else 503)


@router.get("/metrics", needs=Role.OPERATOR, media="text/plain")
async def metrics(request: web.Request, ops: OpsPort) -> web.Response:
    """This replica's own measures, as Prometheus reads them. Every service has them at its operations port, too."""
    return await ops.metrics(request)


@router.get("/ops/liveness", needs=Role.PUBLIC, limited=False)
async def liveness() -> Liveness:
    """Is the process there?"""
    return Liveness(alive=True)
