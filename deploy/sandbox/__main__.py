"""`python -m deploy.sandbox`: the stand-ins for the outside world as one process."""

import gc
import logging
import socket
import sys
import tomllib
from pathlib import Path
from typing import Annotated

import cyclopts
import uvloop
from aiohttp import web
from cyclopts import Parameter
from pydantic import ValidationError

from deploy.sandbox import settings, signature
from deploy.sandbox.app import create_app
from deploy.sandbox.journal import JournalError

BACKLOG = 1024
STOP_TIMEOUT_S = 1.0  # connections that are being held are not waited for

cli = cyclopts.App(
    name="python -m deploy.sandbox",
    help="A payment gateway that misbehaves on command, and a shop that receives webhooks.",
    version_flags=[],
)


@cli.default
def serve(
    *,
    port: Annotated[int, Parameter(help="0 takes a free one and says which.")],
    journal: Annotated[Path, Parameter(help="Folder of the journals: charges.jsonl, webhooks.jsonl.")],
    host: str = "127.0.0.1",
    accounts: Annotated[Path | None, Parameter(help="TOML file of gateway accounts; default: deploy/sandbox/accounts.toml.")] = None,
    call_back: Annotated[str | None, Parameter(help="Where accounts send webhooks, each below its name; default: nowhere.")] = None,
    webhook_secret: Annotated[
        str | None, Parameter(env_var="PAYMESH_WEBHOOK_SECRET", help="whsec_… of the shop; without it the shop trusts nobody.")
    ] = None,
) -> int:
    """Serve gateway accounts under /gateways/{account}, the shop under /shop, until SIGTERM or Ctrl-C."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        if webhook_secret is not None:
            signature.key_of(webhook_secret)
        app = create_app(journal, settings.load(accounts or settings.ACCOUNTS_FILE, call_back), webhook_secret)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
        shown = f"[{host}]" if ":" in host else host
        gc.freeze()
        gc.set_threshold(20_000, 20, 100)  # charges are never garbage; with the defaults a tenth of the CPU went into looking at them
        print(f"sandbox at http://{shown}:{listener.getsockname()[1]}", flush=True)
        web.run_app(
            app,
            sock=listener,
            backlog=BACKLOG,
            access_log=None,
            print=None,
            shutdown_timeout=STOP_TIMEOUT_S,
            loop=uvloop.new_event_loop(),
        )
    except (OSError, tomllib.TOMLDecodeError, ValidationError, signature.InvalidSecret, JournalError) as error:
        print(f"the sandbox cannot start: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(cli())
