"""What an instance looks like from outside: read from its folder and asked of its programs, by whoever wants to know."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from pydantic import BaseModel, ValidationError

from deploy.local import demo
from deploy.local.files import write_atomically
from deploy.local.instance import RUNNER_RECORD, Instance
from deploy.local.process import Identity
from deploy.local.service import readiness


class Merchant(BaseModel):
    """The demo merchant and its keys."""

    id: str = demo.MERCHANT_ID
    api_key: str = demo.API_KEY
    api_secret: str = demo.API_SECRET
    publishable_key: str = demo.PUBLISHABLE_KEY


class ServiceStatus(BaseModel):
    """One process of the mesh; `ops` is the base of its operations port, `ready_url` what answers 200 when it is ready."""

    pid: int | None = None
    ready: bool = False
    restarts: int = 0
    ops: str
    ready_url: str


class ServerStatus(BaseModel):
    """PostgreSQL or RabbitMQ; `url` has its password. `pid` is null where it is not a process of ours."""

    pid: int | None = None
    url: str


class MeshStatus(BaseModel):
    """One instance. `state` is `starting`, `running`, `stopping`, `down`, or `abandoned`: the runner was killed and parts still run."""

    instance: str
    state: str = "down"
    runner: int | None = None
    api: str
    shop: str
    merchant: Merchant = Merchant()
    internal_api_key: str
    services: dict[str, ServiceStatus] = {}
    servers: dict[str, ServerStatus] = {}

    @property
    def ready(self) -> bool:
        """Whether it runs and every process of it is ready."""
        return self.state == "running" and all(service.ready for service in self.services.values())


def write_status(instance: Instance, status: MeshStatus) -> None:
    """Leave it for readers; only the runner of the instance does."""
    write_atomically(instance.folder / "state.json", status.model_dump_json(indent=1), mode=0o600)


def written_status(instance: Instance) -> MeshStatus | None:
    """What the last runner wrote, asking nobody whether it still holds. None when there was none."""
    try:
        return MeshStatus.model_validate_json((instance.folder / "state.json").read_text())
    except (FileNotFoundError, ValidationError):
        return None


def read_status(instance: Instance) -> MeshStatus | None:
    """The instance as it is now: what its runner wrote, with pids looked up and readiness asked. None when it never ran."""
    status = written_status(instance)
    if status is None:
        return None
    for name, server in status.servers.items():
        server.pid = instance.process(name).pid
    with ThreadPoolExecutor(8) as pool:
        asked: Iterable[tuple[str, ServiceStatus]] = pool.map(lambda item: _ask(instance, *item), status.services.items())
        status.services = dict(asked)
    runner = Identity.load(instance.folder / RUNNER_RECORD)
    if not instance.is_held():
        pids = [server.pid for server in status.servers.values()] + [service.pid for service in status.services.values()]
        status.state, status.runner = ("abandoned" if any(pids) else "down"), None
    elif runner is not None and runner.pid != status.runner:  # what we read is an earlier runner's last word
        status.state, status.runner = "starting", runner.pid
    return status


def _ask(instance: Instance, name: str, service: ServiceStatus) -> tuple[str, ServiceStatus]:
    pid = instance.process(name).pid
    ready = pid is not None and readiness(service.ready_url)[0]
    return name, service.model_copy(update={"pid": pid, "ready": ready})
