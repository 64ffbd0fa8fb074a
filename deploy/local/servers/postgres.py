"""A private PostgreSQL: own data, own port, own password, never root, never the system's."""

import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path

from deploy.local.account import run_as
from deploy.local.errors import LocalError, StartFailed
from deploy.local.servers.private import PrivateServer

USER = "paymesh"
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "fsync": "on",  # a promise kept only while the power is on is none, in a test least of all
    "synchronous_commit": "on",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "jit": "off",  # every statement here is short
    "max_parallel_workers_per_gather": "0",
    "autovacuum_naptime": "15s",  # outbox tables are queues: their dead rows come fast
    "log_line_prefix": "%m [%p] %d ",
    "log_checkpoints": "off",
}
SOCKET_PATH_LIMIT = 107  # bytes of a Unix socket's address, less its terminating zero
# Nothing of the caller's: a PGPORT or PGDATA of somebody's own cluster must not leak in.
ENVIRONMENT: Mapping[str, str] = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}


def find(major: str = "*") -> Path | None:
    """The folder of PostgreSQL's programs, newest version first; Debian keeps them out of the PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob(f"{major}/bin"), key=lambda folder: int(folder.parent.name), reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    return next((folder for folder in folders if (folder / "postgres").exists() and (folder / "initdb").exists()), None)


class Postgres(PrivateServer):
    """One cluster."""

    name = "postgres"

    @property
    def url(self) -> str:
        """The cluster's owner in the database `postgres`."""
        return f"postgresql://{USER}:{self._password}@127.0.0.1:{self._port}/postgres"

    def _launch(self) -> None:
        programs, data, port = self._programs(), self.home / "data", self._port
        socket_fits = len(os.fsencode(data / f".s.PGSQL.{port}")) <= SOCKET_PATH_LIMIT
        settings = {**SETTINGS, "port": str(port), "unix_socket_directories": str(data) if socket_fits else ""}
        command = [str(programs / "postgres"), "-D", str(data)]
        command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._process.start(command, environment=ENVIRONMENT, folder=self.home, account=self._account)

    def _programs(self) -> Path:
        """The programs of the version that made the data, if there are data."""
        made_by = self.home / "data" / "PG_VERSION"
        major = made_by.read_text().strip() if made_by.exists() else "*"
        programs = find(major)
        if programs is None:
            version = "" if major == "*" else f" {major}, which made the data in {self.home},"
            raise LocalError(f"PostgreSQL{version} is not installed: apt-get install postgresql{'' if major == '*' else '-' + major}")
        if not made_by.exists():
            self._create_cluster(programs)
        return programs

    def _create_cluster(self, programs: Path) -> None:
        """Under another name first: a run that is cut off leaves no half cluster to trip over."""
        unfinished = self.home / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        options = ["--username", USER, "--auth", "scram-sha-256", "--pwfile", str(self._password_file), "--encoding", "UTF8", "--no-locale"]
        command = [str(programs / "initdb"), "--pgdata", str(unfinished), *options]
        made = run_as(self._account, command, environment=ENVIRONMENT, folder=self.home)
        if made.returncode != 0:
            raise StartFailed("initdb could not create the PostgreSQL cluster", (made.stdout + made.stderr).strip())
        unfinished.rename(self.home / "data")

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, a checkpoint is written."""
        self._process.end(signal.SIGINT, grace_s=30)
