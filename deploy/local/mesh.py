"""One instance of the mesh on this machine. The command line, the end-to-end tests and the fault campaign all use this one."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from deploy.local.errors import LocalError
from deploy.local.instance import ROOT, RUNNER_RECORD, Instance
from deploy.local.leftovers import end_programs
from deploy.local.prepare import Preparation
from deploy.local.process import Identity
from deploy.local.programs import SANDBOX, SERVICES, Blueprint, Program
from deploy.local.progress import Progress, Step, step, unseen
from deploy.local.servers import Server, silent
from deploy.local.servers.provide import provide
from deploy.local.service import READY_TIMEOUT_S, Service, wait_until_ready
from deploy.local.status import MeshStatus, ServerStatus, ServiceStatus, read_status, write_status
from deploy.local.unit import Unit
from deploy.local.watch import Watch

ALL = SERVICES


class Mesh:
    """PostgreSQL, RabbitMQ, the sandbox and the services of one instance, whose folder is `folder`.

    Every method blocks: where an event loop runs, call it through `asyncio.to_thread`. `settings` are environment variables for every
    program (`PAYMESH_POSTGRES_URL` and `PAYMESH_RABBITMQ_URL` name servers to use), `overrides` by service name for single ones.
    `servers` are a PostgreSQL and a RabbitMQ to use that somebody else starts and stops. `notice` hears who died and was restarted.
    `launchers` start single services in place of Python itself, and with `call_back` the gateways send webhooks (see Blueprint).
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str] | None = None,
        services: Sequence[str] = ALL,
        *,
        overrides: Mapping[str, Mapping[str, str]] | None = None,
        notice: Callable[[str], None] = silent,
        servers: tuple[Server, Server] | None = None,
        root: Path = ROOT,
        database_prefix: str = "paymesh_",
        ready_timeout_s: float = READY_TIMEOUT_S,
        launchers: Mapping[str, Sequence[str]] | None = None,
        call_back: bool = False,
    ) -> None:
        self.instance = Instance(folder)
        self._settings, self._overrides = dict(settings or {}), dict(overrides or {})
        self._names = tuple(services)
        self._notice = notice
        self._given_servers = servers
        self._root = root
        self._database_prefix = database_prefix
        self._ready_timeout_s = ready_timeout_s
        self._launchers, self._call_back = dict(launchers or {}), call_back
        self._hold = contextlib.ExitStack()
        self._units: dict[str, Unit] = {}
        self._watch: Watch | None = None
        self._status_lock = threading.Lock()
        self._blueprint: Blueprint | None = None

    @property
    def blueprint(self) -> Blueprint:
        """Every URL, key and environment of the mesh. Raises LocalError before `start`."""
        if self._blueprint is None:
            raise LocalError(f"the instance {self.instance.name!r} has not been started here")
        return self._blueprint

    @property
    def postgres(self) -> Server:
        """The PostgreSQL it stands on."""
        return self.blueprint.postgres

    @property
    def rabbitmq(self) -> Server:
        """The RabbitMQ it stands on."""
        return self.blueprint.rabbitmq

    def start(self, progress: Progress = unseen) -> None:
        """Bring everything up; return when every service is ready. Raises LocalError, and then nothing of it is left running."""
        self._hold.enter_context(self.instance.held())
        try:
            self._claim()
            self._write_status("starting")
            self._lay_foundation(progress)
            self._start_services(progress)
        except BaseException:
            self.stop()
            raise
        self._watch = Watch(self._units.values(), self.instance.folder / "logs", self._notice, lambda: self._write_status("running"))
        self._watch.start()
        self._write_status("running")

    def _claim(self) -> None:
        """Be found by `./paymesh down`, end what an earlier runner left, and settle on servers and ports."""
        me = Identity.of(os.getpid())
        if me is not None:
            me.save(self.instance.folder / RUNNER_RECORD)
        left = end_programs(self.instance)
        if left:
            self._notice(f"ended what an earlier runner left running: {', '.join(left)}")
        servers = self._given_servers or provide(self.instance.folder, {**os.environ, **self._settings}, self._notice)
        self._blueprint = Blueprint(
            self.instance, *servers, self._root, self._settings, self._overrides, self._database_prefix, self._launchers, self._call_back
        )
        for name in ("api", SANDBOX, *(f"ops_{service}" for service in self._names)):
            self.instance.ports.of(name)
        self._units = {} if self._given_servers else {server.name: server for server in servers}

    def _lay_foundation(self, progress: Progress) -> None:
        """Databases, broker and sandbox side by side: RabbitMQ alone takes five seconds, in which all migrations are done."""
        with ThreadPoolExecutor(3) as pool:
            lanes = [pool.submit(lane, progress) for lane in (self._databases, self._broker, self._sandbox)]
            try:
                for lane in as_completed(lanes):
                    lane.result()
            except BaseException:
                self._end_all(unseen)  # or the other lanes would wait for their servers
                raise

    def _databases(self, progress: Progress) -> None:
        preparation = Preparation(self.blueprint, self._names)
        with step(progress, "PostgreSQL"):
            self.postgres.start()
        with step(progress, "keys, databases, demo merchant"):
            preparation.keys()
            preparation.databases()

    def _broker(self, progress: Progress) -> None:
        with step(progress, "RabbitMQ"):
            self.rabbitmq.start()
        with step(progress, "topology"):
            Preparation(self.blueprint, self._names).topology()

    def _sandbox(self, progress: Progress) -> None:
        self._launch([self.blueprint.sandbox()], progress)

    def _start_services(self, progress: Progress) -> None:
        self._launch([self.blueprint.service(name) for name in self._names], progress)

    def _launch(self, programs: Sequence[Program], progress: Progress) -> None:
        services = [Service(program, self.instance.process(program.name), self._root) for program in programs]
        started = time.monotonic()
        for service in services:
            self._units[service.name] = service
            progress(Step(service.name, "running"))
            service.start()

        def ready(name: str) -> None:
            progress(Step(name, "done", f"{time.monotonic() - started:.1f} s"))

        wait_until_ready(services, ready, self._ready_timeout_s)

    def stop(self, progress: Progress = unseen) -> None:
        """End everything, the edge first and the servers last, each with its time to drain; nothing happens when nothing runs."""
        if self._watch is not None:
            self._watch.close()
        if self._blueprint is not None:
            self._write_status("stopping")
            self._end_all(progress)
            self._write_status("down")
        (self.instance.folder / RUNNER_RECORD).unlink(missing_ok=True)
        self._hold.close()

    def _end_all(self, progress: Progress) -> None:
        servers = ("postgres", "rabbitmq")
        inner = tuple(name for name in self._names if name != "api")
        for wave in (("api",), inner, (SANDBOX,), servers):
            units = [self._units[name] for name in wave if name in self._units]
            with ThreadPoolExecutor(8) as pool:
                try:
                    list(pool.map(lambda unit: self._end(unit, progress), units))
                except KeyboardInterrupt:
                    self.abandon()  # ends what the threads wait for
                    raise

    @staticmethod
    def _end(unit: Unit, progress: Progress) -> None:
        with step(progress, f"stop {unit.name}"):
            unit.stop()

    def abandon(self) -> None:
        """SIGKILL everything, for who cannot wait; nothing that was promised is lost by it."""
        for unit in self._units.values():
            with contextlib.suppress(LocalError):
                unit.kill()

    def _unit(self, name: str) -> Unit:
        try:
            return self._units[name]
        except KeyError:
            raise LocalError(f"no {name!r} here: there are {', '.join(self._units)}") from None

    def kill(self, name: str) -> None:
        """SIGKILL a service, the sandbox, `postgres` or `rabbitmq`; it stays dead until `restart`."""
        self._unit(name).kill()

    def restart(self, name: str) -> None:
        """Start it again, ending it properly first if it runs; return when it is ready. Raises StartFailed."""
        unit = self._unit(name)
        unit.stop()
        unit.start()
        if isinstance(unit, Service):
            wait_until_ready([unit], silent, self._ready_timeout_s)

    def pids(self) -> dict[str, int | None]:
        """Every process of ours by name; None for what does not run."""
        return {name: unit.pid for name, unit in self._units.items()}

    def status(self) -> MeshStatus:
        """What `./paymesh status --json` shows. Raises LocalError before `start`."""
        status = read_status(self.instance)
        if status is None:
            raise LocalError(f"the instance {self.instance.name!r} has not been started")
        return status

    def _write_status(self, state: str) -> None:
        blueprint, restarts = self.blueprint, self._watch.restarts if self._watch else {}
        programs = [blueprint.sandbox(), *(blueprint.service(name) for name in self._names)]
        status = MeshStatus(
            instance=self.instance.name,
            state=state,
            runner=os.getpid(),
            api=blueprint.url("api"),
            shop=blueprint.shop_url,
            internal_api_key=blueprint.internal_api_key,
            services={
                program.name: ServiceStatus(ops=program.ops_url, ready_url=program.ready_url, restarts=restarts.get(program.name, 0))
                for program in programs
            },
            servers={server.name: ServerStatus(url=server.url) for server in (blueprint.postgres, blueprint.rabbitmq)},
        )
        with self._status_lock:
            write_status(self.instance, status)
