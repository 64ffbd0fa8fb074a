"""`./paymesh down`: end an instance, whoever started it."""

import signal
from typing import Annotated

from cyclopts import Parameter

from deploy.local.commands.options import InstanceName
from deploy.local.console import out
from deploy.local.errors import LocalError
from deploy.local.instance import DEFAULT, RUNNER_RECORD, Instance
from deploy.local.leftovers import end_programs, end_servers, remove
from deploy.local.process import Identity

PATIENCE_S = 90.0  # the runner drains every service and shuts both servers down


def down(
    *,
    wipe: Annotated[bool, Parameter(negative="", help="Delete the instance's data, logs and keys too.")] = False,
    instance: InstanceName = DEFAULT,
) -> None:
    """Stop everything of an instance: the runner ends it in order; what a killed runner left behind is ended by its records."""
    found = Instance.named(instance)
    runner = Identity.load(found.folder / RUNNER_RECORD)
    stopped: list[str] = []
    if found.is_held() and runner is not None and runner.alive():
        out.print(f"stopping the instance {instance!r} …")
        runner.signal(signal.SIGTERM)
        if not runner.wait(PATIENCE_S):
            raise LocalError(f"its runner (pid {runner.pid}) did not end within {PATIENCE_S:.0f} s; see `./paymesh logs runner`")
        stopped.append("runner")
    if not found.folder.exists():
        out.print(f"there is no instance {instance!r}")
        return
    with found.held():
        stopped += [*end_programs(found), *end_servers(found)]
        (found.folder / RUNNER_RECORD).unlink(missing_ok=True)
        if wipe:
            remove(found)
    out.print(f"stopped: {', '.join(stopped)}" if stopped else f"nothing of the instance {instance!r} was running")
    if wipe:
        out.print(f"deleted {found.folder} and the data")
