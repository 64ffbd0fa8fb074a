"""`./paymesh logs`: what a process has written."""

import time
from typing import Annotated

from cyclopts import Parameter

from deploy.local.commands.options import InstanceName
from deploy.local.console import Follower, out, render
from deploy.local.errors import LocalError
from deploy.local.files import tail
from deploy.local.instance import DEFAULT, Instance

LOOK_EVERY_S = 0.2


def logs(
    service: Annotated[str, Parameter(help="A service, sandbox, postgres, rabbitmq, runner, or `all`.")] = "all",
    *,
    follow: Annotated[bool, Parameter(["--follow", "-f"], negative="", help="Keep showing what comes, until Ctrl-C.")] = False,
    lines: Annotated[int, Parameter(["--lines", "-n"], help="How many of the last lines to begin with.")] = 50,
    instance: InstanceName = DEFAULT,
) -> None:
    """Show the last log lines of one process or of all, readably; the files are `.paymesh/<instance>/logs/<name>.log`."""
    folder = Instance.named(instance).folder / "logs"
    files = {log.stem: log for log in sorted(folder.glob("*.log"))}
    if service != "all":
        if service not in files:
            raise LocalError(f"no log of {service!r}: there are {', '.join(files) or 'none'}")
        files = {service: files[service]}
    follower = Follower(files)
    for name, log in files.items():
        for line in tail(log, lines):
            out.print(render(name, line))
    while follow:
        for name, line in follower.lines():
            out.print(render(name, line))
        time.sleep(LOOK_EVERY_S)
