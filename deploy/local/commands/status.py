"""`./paymesh status`: what runs."""

import json
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from deploy.local.commands.options import InstanceName
from deploy.local.console import out
from deploy.local.instance import DEFAULT, Instance
from deploy.local.status import MeshStatus, read_status


def status(*, as_json: Annotated[bool, Parameter("--json", negative="")] = False, instance: InstanceName = DEFAULT) -> int:
    """Show what runs, where, and whether it is ready. Exit status 0 when everything is.

    Parameters
    ----------
    as_json
        One JSON object: instance, state, runner, api, shop, merchant {id, api_key, api_secret, publishable_key},
        internal_api_key, services {name: {pid, ready, restarts, ops}}, servers {name: {pid, url}}.
    """
    now = read_status(Instance.named(instance))
    if as_json:
        print(json.dumps({"instance": instance, "state": "down"} if now is None else now.model_dump(mode="json"), indent=2))
    elif now is None:
        out.print(f"the instance {instance!r} has never been started: `./paymesh up` does it")
    else:
        show(now)
    return 0 if now is not None and now.ready else 1


def show(now: MeshStatus) -> None:
    """As a table."""
    out.print(Text.assemble(("instance ", "dim"), now.instance, "  ", (now.state, "bold green" if now.ready else "bold yellow")))
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for column in ("", "pid", "ready", "restarts", "where"):
        table.add_column(column)
    for name, server in now.servers.items():
        table.add_row(name, str(server.pid or "-"), "", "", server.url.rsplit("@", 1)[-1])  # without its password
    for name, service in now.services.items():
        ready = Text("yes", "green") if service.ready else Text("no", "yellow")
        table.add_row(name, str(service.pid or "-"), ready, str(service.restarts), service.ops)
    out.print(table)
    if now.state == "running":
        out.print(where(now))
    if now.state == "abandoned":
        out.print("its runner was killed: `./paymesh up` takes over, `./paymesh down` ends what is left")


def where(now: MeshStatus) -> Text:
    """Where to go and with which keys, and one line to try it with."""
    body = '{"amount": 1000, "currency": "INR", "method": "UPI", "instrument": {"type": "UPI", "vpa": "success@sandbox"}}'
    curl = (
        f"curl -s {now.api}/payments -H 'X-Api-Key: {now.merchant.api_key}' -H 'X-Api-Secret: {now.merchant.api_secret}' \\\n"
        f"  -H \"Idempotency-Key: $(date +%s%N)\" -H 'Content-Type: application/json' -d '{body}'"
    )
    rows = {
        "api": now.api,
        "shop": now.shop,
        "merchant": f"{now.merchant.id}  X-Api-Key: {now.merchant.api_key}  X-Api-Secret: {now.merchant.api_secret}",
        "operator": f"X-Internal-Api-Key: {now.internal_api_key}",
    }
    lines = [Text.assemble((f"{label:<10}", "dim"), text, "\n") for label, text in rows.items()]
    return Text.assemble(*lines, "\n", curl, "\n")
