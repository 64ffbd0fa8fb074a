"""What a run leaves: no card number and no VPA anywhere, nothing owed, nothing stuck, no error that nobody made on purpose.

These come last, and judge everything that the other tests of this folder did.
"""

import asyncio
import uuid
from collections.abc import Iterable
from pathlib import Path

from deploy.faults.leftovers import AWAITED
from deploy.local.programs import SERVICES
from shared import topology
from shared.contracts import AttemptSucceeded, ExecuteAttempt, PaymentFailed, PaymentSucceeded, RoutePayment
from tests.mesh.inside import Inside
from tests.mesh.instruments import SECRETS, card, magic_pan, upi
from tests.mesh.merchant import Merchant, order
from tests.mesh.outside import Outside
from tests.mesh.waiting import until

PLAIN = f"o-{uuid.uuid4()}"
"""An order's id: no secret, and found wherever the search for secrets really looks."""
COMMANDS = [RoutePayment.kind_of(), *(f"{ExecuteAttempt.kind_of()}.{gateway}" for gateway in ("alpha", "beta", "gamma"))]
EVENTS = [kind.kind_of() for kind in (AttemptSucceeded, PaymentSucceeded, PaymentFailed)]
ON_PURPOSE = {"unroutable", "verification_exhausted"}  # a binding was taken away; a ladder was spent for an operator to settle


def found_in(data: bytes) -> set[str]:
    """Which of the secrets, or the plain word, are in there."""
    return {word for word in (*SECRETS, PLAIN) if word.encode() in data}


def files_below(*folders: Path | None) -> Iterable[tuple[Path, bytes]]:
    for folder in filter(None, folders):
        for file in sorted(folder.rglob("*")):
            try:
                if file.is_file():
                    yield file, file.read_bytes()
            except FileNotFoundError:  # servers make and remove files while we read
                continue


async def found_in_rows(inside: Inside, service: str) -> set[str]:
    """Of every table, as text and as the text inside its binary columns."""
    found: set[str] = set()
    async with inside.database(service) as database:
        tables = await database.fetch("SELECT relname FROM pg_stat_user_tables")
        assert len(tables) > 2
        for word in (*SECRETS, PLAIN):
            patterns = [f"%{word}%", f"%{word.encode().hex()}%"]
            for table in tables:
                if await database.fetchval(f"SELECT 1 FROM {table['relname']} AS t WHERE t::text LIKE ANY($1) LIMIT 1", patterns):
                    found.add(word)
    return found


async def test_no_instrument_is_ever_written_down(merchant: Merchant, outside: Outside, inside: Inside) -> None:
    """Looked for in messages on their way, in every row, log and journal, and in the raw files of both servers: those keep what rows and
    queues have long let go of."""
    orders = [order(order_id=PLAIN, **method) for method in (card(), card(magic_pan("decline")), upi(), upi("fail"))]
    async with inside.tap(topology.COMMANDS, COMMANDS) as commands, inside.tap(topology.EVENTS, EVENTS) as events:
        payments = [await merchant.pay(body) for body in orders]
        await asyncio.gather(*(outside.told(payment) for payment in payments))
    assert {str(message.routing_key) for message in commands} >= set(COMMANDS)
    assert set().union(*(found_in(message.body) for message in (*commands, *events))) == {PLAIN}

    assert await found_in_rows(inside, "api") == {PLAIN}
    assert await found_in_rows(inside, "notifier") == {PLAIN}
    for service in ("router", "executor", "metrics", "verifier"):
        assert await found_in_rows(inside, service) == set()

    folder, servers = inside.mesh.instance.folder, (inside.mesh.postgres.home, inside.mesh.rabbitmq.home)
    for where, plain in (((folder / "logs",), set()), ((folder / "journal",), {PLAIN}), *(((home,), {PLAIN}) for home in servers if home)):
        found = {str(file): words for file, data in files_below(*where) if (words := found_in(data))}
        assert set().union(*found.values()) == plain, found


async def test_nothing_is_left(inside: Inside) -> None:
    """Everything that was accepted has ended, everything that was owed is delivered, every queue is empty."""
    nothing = {
        **{f"outbox of {service}": (service, "outbox") for service in SERVICES},
        "payments under way": ("api", "payments WHERE status IN ('processing', 'pending_verification')"),
        "attempts without outcome": ("executor", "attempts WHERE state = 'started' OR due_at IS NOT NULL"),
        "open verifications": (
            "verifier",
            f"verifications WHERE (due_at IS NOT NULL OR state IN ('open', 'exhausted')) AND NOT ({AWAITED})",
        ),
        "deliveries owed": ("notifier", "deliveries WHERE state <> 'delivered' OR due_at IS NOT NULL"),
        "outcomes not counted": ("metrics", "outcomes WHERE folded_at IS NULL"),
    }

    async def left() -> dict[str, int]:
        return {name: count for name, (service, what) in nothing.items() if (count := await inside.count(service, what))}

    await until(left, within_s=100, what="nothing is left", every_s=0.2, accept=lambda found: not found)

    async def lying() -> dict[str, tuple[int, int]]:
        queues = await inside.queues()
        assert len(queues) > 2 * len(topology.TEMPLATES)
        return {name: counts for name, counts in queues.items() if counts != (0, 0)}

    await until(lying, within_s=60, what="every queue is empty", accept=lambda found: not found)


def test_no_service_logged_an_error(inside: Inside) -> None:
    bad = [line for line in inside.logged() if line["level"] not in ("info", "warning") and line["event"] not in ON_PURPOSE]
    assert bad == []
