"""`./paymesh test`: the whole suite against servers of its own."""

import os
import random
import signal
import subprocess
import sys
from typing import Annotated

from cyclopts import Parameter

from deploy.local.console import err, notice, shown
from deploy.local.errors import InstanceBusy, LocalError
from deploy.local.instance import ROOT, Instance
from deploy.local.progress import Progress, step
from deploy.local.servers import Server
from deploy.local.servers.provide import provide

TEST_INSTANCE = "test"
PROCESSES = 2


def run_tests(
    *arguments: Annotated[str, Parameter(allow_leading_hyphen=True, help="Passed on to pytest: paths, -k, -x, …")],
    long: Annotated[bool, Parameter(negative="", help="Campaigns, clusters and big tables too.")] = False,
    keep: Annotated[bool, Parameter(negative="", help="Leave PostgreSQL and RabbitMQ running: the next run starts at once.")] = False,
    instance: Annotated[str, Parameter(help="Where the servers' data lie: `.paymesh/<instance>`.")] = TEST_INSTANCE,
) -> int:
    """Run the test suite on a PostgreSQL and a RabbitMQ of its own, and exit with pytest's status.

    The tests find the servers by PAYMESH_TEST_POSTGRES_URL and PAYMESH_TEST_RABBITMQ_URL; where these are set, no server is started.
    """
    given = {
        "PAYMESH_POSTGRES_URL": os.environ.get("PAYMESH_TEST_POSTGRES_URL", ""),
        "PAYMESH_RABBITMQ_URL": os.environ.get("PAYMESH_TEST_RABBITMQ_URL", ""),
    }
    found = Instance.named(instance)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with found.held():
            servers = provide(found.folder, given, notice)
            try:
                with shown("servers for the tests") as progress:
                    for server in servers:
                        _start(server, progress)
                return _pytest(servers, found, long=long, arguments=arguments)
            finally:
                if not keep:
                    for server in reversed(servers):
                        server.stop()
    except InstanceBusy:
        raise LocalError(f"another test run holds the instance {instance!r}: wait for it, or use --instance NAME") from None


def _start(server: Server, progress: Progress) -> None:
    with step(progress, server.name):
        server.start()


def _pytest(servers: tuple[Server, Server], instance: Instance, *, long: bool, arguments: tuple[str, ...]) -> int:
    postgres, rabbitmq = servers
    environment = {
        **os.environ,
        "PAYMESH_TEST_POSTGRES_URL": postgres.url,
        "PAYMESH_TEST_RABBITMQ_URL": rabbitmq.url,
        "PAYMESH_TEST_FOLDER": str(instance.folder),  # for tests that end and start the servers
        "PYTHONHASHSEED": str(random.randrange(2**32)),  # another each run, but one for all its processes: they must agree on tests
    }
    selection = [] if long else ["-m", "not long"]
    if not arguments:  # the whole suite: half of its time is waiting, so two processes share it
        selection += ["-n", str(PROCESSES), "--dist", "loadscope", "--no-loadscope-reorder"]
    pytest = subprocess.Popen([sys.executable, "-m", "pytest", *selection, *arguments], cwd=ROOT, env=environment)
    signal.signal(signal.SIGTERM, lambda *_: pytest.send_signal(signal.SIGINT))  # a Ctrl-C reaches pytest by itself
    while True:
        try:
            status = pytest.wait()
            return status if status >= 0 else 128 - status
        except KeyboardInterrupt:
            err.print("interrupted: waiting for the tests to clean up")
