"""`./paymesh pay`: make a payment and follow it."""

from collections.abc import Iterator
from typing import Annotated

from cyclopts import Parameter
from rich.live import Live
from rich.table import Table
from rich.text import Text

from deploy.local.commands.options import InstanceName
from deploy.local.console import out
from deploy.local.errors import LocalError
from deploy.local.instance import DEFAULT, Instance
from deploy.local.journey import Journey, Order, travel
from deploy.local.status import MeshStatus, read_status


def pay(
    *,
    amount: Annotated[int, Parameter(help="In minor units: 1000 is ₹10.00.")] = 1000,
    currency: str = "INR",
    method: Annotated[str, Parameter(help="UPI or CARD.")] = "UPI",
    vpa: Annotated[str, Parameter(help="The UPI address; the sandbox's README lists what each does.")] = "success@sandbox",
    card: Annotated[str, Parameter(help="A test card's number, for CARD.")] = "4100280000001007",
    idempotency_key: Annotated[str, Parameter(help="Made up unless given; the same key is the same payment.")] = "",
    patience_s: Annotated[float, Parameter(help="How long to follow it.")] = 60.0,
    instance: InstanceName = DEFAULT,
) -> int:
    """Make a payment as the demo merchant and follow it, stop by stop, to its end and its webhook.

    Exit status 0 when it ended, whatever its end; 1 when it was refused or did not end in time.
    """
    status = running(instance)
    if method.upper() not in ("UPI", "CARD"):
        raise LocalError(f"--method is UPI or CARD, not {method!r}")
    upi = method.upper() == "UPI"
    year_2040 = {"expiry_month": 12, "expiry_year": 2040, "cvv": "123", "name": "Demo Customer"}
    instrument = {"type": "UPI", "vpa": vpa} if upi else {"type": "CARD", "number": card, **year_2040}
    order = Order(amount, currency, method.upper(), instrument, **({"idempotency_key": idempotency_key} if idempotency_key else {}))
    return 0 if show(travel(status, order, patience_s)).ended else 1


def running(instance: str) -> MeshStatus:
    """The status of an instance that runs. Raises LocalError when it does not."""
    status = read_status(Instance.named(instance))
    if status is None or status.state != "running":
        raise LocalError(f"the instance {instance!r} does not run: start it with `./paymesh up`")
    return status


def show(journeys: Iterator[Journey]) -> Journey:
    """Show the journey as it goes, live on a terminal and once at its end elsewhere; what it came to."""
    if out.is_terminal:
        with Live(console=out, refresh_per_second=10) as live:
            for last in journeys:
                live.update(table(last))
    else:
        *_, last = journeys
        out.print(table(last))
    heard = ", and the shop has the signed webhook" if last.told else ", and the shop has not heard of it yet"
    out.print(Text.assemble(last.payment_id, " ", (last.status, "bold green" if last.status == "succeeded" else "bold yellow"), heard))
    return last


def table(journey: Journey) -> Table:
    """One row a stop, with the milliseconds since the first; then what the shop received."""
    grid = Table(box=None, padding=(0, 2), header_style="dim")
    grid.add_column("ms", justify="right")
    grid.add_column("stop")
    grid.add_column("detail", style="dim")
    first = journey.stops[0].at_s if journey.stops else 0.0
    for stop in journey.stops:
        detail = " ".join(f"{key}={value}" for key, value in stop.detail.items() if value not in (None, "", [], {}))
        grid.add_row(f"{(stop.at_s - first) * 1000:.0f}", stop.what, detail)
    for webhook in journey.webhooks:
        grid.add_row("", f"webhook {webhook.get('type', '?')}", f"sequence={webhook.get('sequence', '?')}, received by the shop")
    if not journey.stops:
        grid.add_row("", journey.status, "")
    return grid
