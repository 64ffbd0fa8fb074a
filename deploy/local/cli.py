"""The command line `./paymesh`."""

import sys

from cyclopts import App

from deploy.local.commands.bench import bench
from deploy.local.commands.down import down
from deploy.local.commands.logs import logs
from deploy.local.commands.pay import pay
from deploy.local.commands.status import status
from deploy.local.commands.suite import run_tests
from deploy.local.commands.up import supervise, up
from deploy.local.console import complain
from deploy.local.errors import LocalError

HELP = "A payment gateway as a mesh of small consumers around one message broker, on this machine."

app = App(name="paymesh", help=HELP, version="0.1.0")
for command in (up, down, status, logs, pay, bench):
    app.command(command)
app.command(run_tests, name="test")
app.command(supervise, show=False)


def main() -> None:
    """Run the command; errors of this machine are one line and exit status 1."""
    try:
        app()
    except LocalError as error:
        complain(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
