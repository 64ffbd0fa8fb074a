"""The command line `./paymesh`."""

import sys

from cyclopts import App

from deploy.local.console import complain
from deploy.local.errors import LocalError

HELP = "A payment gateway as a mesh of small consumers around one message broker, on this machine."

app = App(name="paymesh", help=HELP, version="0.1.0")
# By name, each imported only when it is meant: `./paymesh status` should not wait for what the benchmark imports.
for name in ("up", "down", "status", "logs", "pay", "seed", "bench", "simulate", "faults"):
    app.command(f"deploy.local.commands.{name}:{name}", name=name)
app.command("deploy.local.commands.merchant:app", name="merchant")
app.command("deploy.local.commands.suite:run_tests", name="test")
app.command("deploy.local.commands.up:supervise", name="supervise", show=False)


def main() -> None:
    """Run the command; errors of this machine are one line and exit status 1."""
    if not set(sys.argv[1:]) - {"--help", "-h"}:  # what each command is for is known once it is imported
        for name in app:
            app[name]
    try:
        app()
    except LocalError as error:
        complain(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
