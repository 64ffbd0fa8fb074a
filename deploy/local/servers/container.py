"""A server in a container of ours, for machines that have a Docker engine and no programs to run."""

import shutil
import subprocess
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import LocalError
from deploy.local.files import write_atomically
from deploy.local.instance import Instance
from deploy.local.servers import START_TIMEOUT_S, Say, silent
from deploy.local.servers.answering import wait_until_answering

PULL_TIMEOUT_S = 900.0  # a first start fetches the image


@dataclass(frozen=True)
class Image:
    """What is run: the image, its port and data folder, its environment and arguments (a function of the password), and the URL's form."""

    name: str
    port: int
    data: str
    environment: Callable[[str], dict[str, str]]
    arguments: tuple[str, ...]
    url: str


POSTGRES = Image(
    "postgres:15",
    5432,
    "/var/lib/postgresql/data",
    lambda password: {"POSTGRES_USER": "paymesh", "POSTGRES_DB": "postgres", "POSTGRES_PASSWORD": password},
    ("-c", "max_connections=200", "-c", "shared_buffers=256MB", "-c", "max_wal_size=2GB", "-c", "jit=off"),
    "postgresql://paymesh:{password}@127.0.0.1:{port}/postgres",
)
RABBITMQ = Image(
    "rabbitmq:3.13",
    5672,
    "/var/lib/rabbitmq",
    lambda password: {"RABBITMQ_DEFAULT_USER": "paymesh", "RABBITMQ_DEFAULT_PASS": password, "RABBITMQ_NODENAME": "paymesh@localhost"},
    (),
    "amqp://paymesh:{password}@127.0.0.1:{port}/",
)
IMAGES = {"postgres": POSTGRES, "rabbitmq": RABBITMQ}


def docker(*arguments: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run the docker client and keep what it says."""
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, timeout=timeout_s)


def engine_answers() -> bool:
    """Whether a Docker engine can be talked to; a client alone is not enough."""
    try:
        return shutil.which("docker") is not None and docker("info", timeout_s=10).returncode == 0
    except subprocess.TimeoutExpired:
        return False


class Container:
    """PostgreSQL or RabbitMQ in a container, its data in a volume, both named after the checkout and the instance."""

    pid = None
    home: Path | None = None  # the data are in a volume, out of our reach

    def __init__(self, name: str, folder: Path, say: Say = silent) -> None:
        self.name = name
        self._instance = Instance(folder)
        self._image = IMAGES[name]
        self._say = say
        self._container = f"paymesh-{zlib.crc32(str(self._instance.folder).encode()):08x}-{self._instance.name}-{name}"
        self._record = folder / "run" / f"{name}.container"
        self.wanted = False

    @property
    def url(self) -> str:
        """On the port of this machine that stands for the container's."""
        port = self._instance.ports.last(self.name)
        return self._image.url.format(password=self._instance.secret(f"{self.name}_password"), port=port)

    def _state(self) -> str:
        """`running`, `exited`, …; empty when there is no such container."""
        return docker("inspect", "--format", "{{.State.Status}}", self._container).stdout.strip()

    def alive(self) -> bool:
        """Whether the container runs."""
        return self._state() == "running"

    def start(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Run, or start again, and return when it answers. Raises StartFailed, LocalError."""
        state = self._state()
        self.wanted = True
        write_atomically(self._record, self._container)
        if not state:
            self._run()
        elif state != "running":
            self._docker("start", self._container)
        wait_until_answering(self, timeout_s)

    def _run(self) -> None:
        image, port = self._image, self._instance.ports.of(self.name)
        environment = image.environment(self._instance.secret(f"{self.name}_password"))
        self._say(f"{self.name}: running the image {image.name} (fetched first if this machine has not got it)")
        command = ["run", "--detach", "--name", self._container, "--publish", f"127.0.0.1:{port}:{image.port}"]
        command += ["--volume", f"{self._container}:{image.data}"]
        command += [part for name, value in environment.items() for part in ("--env", f"{name}={value}")]
        self._docker(*command, image.name, *image.arguments, timeout_s=PULL_TIMEOUT_S)

    def _docker(self, *arguments: str, timeout_s: float = 60.0) -> str:
        done = docker(*arguments, timeout_s=timeout_s)
        if done.returncode != 0:
            raise LocalError(f"docker {arguments[0]} of {self._container} failed", (done.stderr or done.stdout).strip())
        return done.stdout

    def stop(self) -> None:
        """Stop the container; it and its volume stay."""
        self.wanted = False
        if self.alive():
            self._docker("stop", "--time", "30", self._container, timeout_s=60)
        self._record.unlink(missing_ok=True)

    def kill(self) -> None:
        """SIGKILL what runs in it."""
        self.wanted = False
        if self.alive():
            self._docker("kill", self._container)

    def ending(self) -> str:
        """How it ended, in words."""
        return f"container {self._state() or 'gone'}"

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        done = docker("logs", "--tail", str(lines), self._container)
        return (done.stdout + done.stderr).strip()

    def remove(self) -> None:
        """Forget container and data."""
        docker("rm", "--force", "--volumes", self._container)
        docker("volume", "rm", "--force", self._container)


def leftovers(folder: Path) -> Sequence[Container]:
    """Containers of this instance that were started and not stopped, for who stops or removes them."""
    return [Container(record.stem, folder) for record in sorted((folder / "run").glob("*.container"))]
