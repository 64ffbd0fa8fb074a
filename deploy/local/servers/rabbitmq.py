"""A private RabbitMQ node: own name, data, ports, cookie and port mapper; it shares nothing with a node of the system's."""

import json
import shutil
import zlib
from pathlib import Path

from deploy.local.account import run_as
from deploy.local.errors import LocalError
from deploy.local.servers import Say, silent
from deploy.local.servers.private import PrivateServer

USER = "paymesh"
SETTINGS = """\
heartbeat = 15
vm_memory_high_watermark.relative = 0.4
disk_free_limit.absolute = 200MB
# 512 MB by default, of which several may lie in memory: too much for a laptop that also runs the mesh.
raft.wal_max_size_bytes = 67108864
log.console.level = info
"""
# Schedulers sleep instead of spinning, and are not tied to cores: six services and PostgreSQL want them too.
ERLANG_ARGUMENTS = "+sbwt none +sbwtdcpu none +sbwtdio none +stbt u"


def find() -> Path | None:
    """RabbitMQ's own start script. Debian's in the PATH is a wrapper that insists on the system's account and folders."""
    for candidate in (Path("/usr/lib/rabbitmq/bin/rabbitmq-server"), shutil.which("rabbitmq-server")):
        if candidate and Path(candidate).exists() and shutil.which("erl"):
            return Path(candidate).resolve()
    return None


class RabbitMQ(PrivateServer):
    """One node, and the port mapper (epmd) that Erlang wants beside it."""

    name = "rabbitmq"

    def __init__(self, folder: Path, say: Say = silent) -> None:
        super().__init__(folder, say)
        self._mapper = self._instance.process("epmd")

    @property
    def url(self) -> str:
        """The node's one user on its default virtual host."""
        return f"amqp://{USER}:{self._password}@127.0.0.1:{self._port}/"

    def _launch(self) -> None:
        program = find()
        if program is None:
            raise LocalError("RabbitMQ is not installed: apt-get install rabbitmq-server")
        ports = self._instance.ports
        ports.of("rabbitmq_distribution")
        mapper_port = ports.of("epmd", ours=self._mapper.alive())
        self._write_settings()
        environment = self._environment(program)
        if not self._mapper.alive():
            # The node would start one by itself, as a daemon that outlives it and that nobody remembers.
            command = ["epmd", "-port", str(mapper_port), "-address", "127.0.0.1"]
            self._mapper.start(command, environment=environment, folder=self.home, account=self._account)
        self._process.start([str(program)], environment=environment, folder=self.home, account=self._account)

    def _write_settings(self) -> None:
        """The user is created with the data, on the first start only."""
        user = f"default_user = {USER}\ndefault_pass = {self._password}\n"
        for name, text in {"rabbitmq.conf": SETTINGS + user, "enabled_plugins": "[].\n", "rabbitmq-env.conf": ""}.items():
            self._give(self.home / name, text)

    def _environment(self, program: Path) -> dict[str, str]:
        home, ports = self.home, self._instance.ports
        return {
            "PATH": f"{program.parent}:/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(home),  # the Erlang cookie lies there
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self._port),
            "RABBITMQ_DIST_PORT": str(ports.last("rabbitmq_distribution")),
            "ERL_EPMD_PORT": str(ports.last("epmd")),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": str(home / "data"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_LOGS": "-",  # to our own log file, which is kept to a size
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(home / "rabbitmq-env.conf"),  # not /etc/rabbitmq's
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(home / "advanced.config"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(home / "config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),  # none: the management plugin costs CPU all the time
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ERLANG_ARGUMENTS,
            "RUNNING_UNDER_SYSTEMD": "true",  # makes the script become the Erlang machine, so that its pid is ours to signal
        }

    @property
    def _node(self) -> str:
        """`localhost` needs no resolver and survives a renamed machine; the hash tells checkouts apart."""
        return f"paymesh_{self._instance.name}_{zlib.crc32(str(self._instance.folder.resolve()).encode()):08x}@localhost"

    def ctl(self, *arguments: str, timeout_s: float = 30.0) -> object:
        """What `rabbitmqctl` says about this node: parsed where it speaks JSON (`list_queues`, …), else its text. Raises LocalError."""
        program = find()
        if program is None:
            raise LocalError("RabbitMQ is not installed: apt-get install rabbitmq-server")
        command = [str(program.with_name("rabbitmqctl")), "--node", self._node, "--quiet", "--formatter", "json", *arguments]
        done = run_as(self._account, command, environment=self._environment(program), folder=self.home, timeout_s=timeout_s)
        if done.returncode != 0:
            raise LocalError(f"rabbitmqctl {' '.join(arguments)}: {(done.stderr or done.stdout).strip()}")
        try:
            return json.loads(done.stdout)
        except ValueError:
            return done.stdout.strip()

    def stop(self) -> None:
        """Close connections, write queues, end; then its port mapper."""
        self._process.end(grace_s=30)
        self._mapper.end()
