"""`./paymesh seed`: fill a running instance with demo data."""

from rich.table import Table
from rich.text import Text

from deploy.local.commands.options import InstanceName
from deploy.local.commands.pay import running
from deploy.local.console import out, shown
from deploy.local.instance import DEFAULT
from deploy.local.progress import Step
from deploy.local.seeding import Made, Seeding
from deploy.local.status import MeshStatus


def seed(*, instance: InstanceName = DEFAULT) -> int:
    """Make payments of every kind and end, subscriptions, an order and another merchant, as the demo merchant would.

    Everything has a fixed key, so a second time makes nothing new and shows what is there. Exit status 0 when everything came out as it
    was meant to.
    """
    status, made = running(instance), list[Made]()
    with shown("seeding") as progress:
        for one in Seeding(status).run():
            made.append(one)
            progress(Step(one.name, "done" if one.as_meant else "failed", f"{one.what}: {one.state}"))
    out.print(table(made))
    out.print(Text(f"{sum(one.again is False for one in made)} new, {sum(one.again is True for one in made)} were there before"))
    out.print(Text(examples(status, made)), soft_wrap=True)
    return 0 if all(one.as_meant for one in made) else 1


def table(made: list[Made]) -> Table:
    grid = Table(box=None, padding=(0, 2), header_style="dim")
    for name in ("name", "id", "amount", "state", "what"):
        grid.add_column(name, justify="right" if name == "amount" else "left", no_wrap=True)
    for one in made:
        grid.add_row(one.name, one.id, one.amount, Text(one.state, "" if one.as_meant else "bold red"), Text(one.what, "dim"))
    return grid


def examples(status: MeshStatus, made: list[Made]) -> str:
    """Where to look first."""
    payment = next((one.id for one in made if one.name == "rescued"), "")
    paths = ["payments?status=failed", f"payments/{payment}/tracking", f"payments/{payment}/attempts", "subscriptions/sub_trial"]
    user = f"{status.merchant.api_key}:{status.merchant.api_secret}"
    return "\n".join(["look:", *(f"  curl -s '{status.api}/{path}' -u {user}" for path in paths)])
