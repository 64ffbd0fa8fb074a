"""One gateway account: takes orders, books what its behaviour says, once per idempotency key. Knows no HTTP."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import uuid_utils

from deploy.sandbox import choice
from deploy.sandbox.behaviour import Behaviour
from deploy.sandbox.book import Book
from deploy.sandbox.charge import Charge, Status, Wire
from deploy.sandbox.choice import Draw, Plan
from deploy.sandbox.intents import Intents
from deploy.sandbox.journal import Journal
from deploy.sandbox.mover import Mover
from deploy.sandbox.moves import Move
from deploy.sandbox.order import KeyReused, Order
from deploy.sandbox.settings import Settings
from deploy.sandbox.times import before, now

CHARGES_MAX = 1_000_000  # about 1 kB of memory each
LATER_MAX = 10_000  # charges that still have to be made or to end by themselves


class GatewayFull(Exception):
    """A limit of the sandbox is reached; nothing was charged."""


class NotOpen(Exception):
    """The charge has ended already, or never was one that somebody else ends."""


@dataclass(frozen=True, slots=True)
class Booked:
    """`charge` is None where nothing has been booked, or not yet. A replayed one was made by an earlier copy of the order."""

    charge: Charge | None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """In which format an order came, and for what: see Charge. `prefix` is how its charge's id begins."""

    wire: Wire = "sandbox"
    intent_id: str | None = None
    notes: Mapping[str, str] | None = None
    prefix: str = "ch"


NATIVE = Origin()


class Gateway:
    """`journal` is for charges and moves, `intents` for what comes before them; every account writes to the same two."""

    def __init__(self, account: str, settings: Settings, journal: Journal, intents: Journal) -> None:
        self.account = account
        self.authorization = f"Bearer sk_sandbox_{account}"
        self.settings = self.settings_of_file = settings
        self.book, self.journal = Book(), journal
        self.intents, self.mover = Intents(account, intents), Mover(self)
        self.tell: Callable[[Charge | Move], None] = lambda fact: None  # whoever sends webhooks takes this place
        self._claims: dict[str, asyncio.Future[None]] = {}  # by idempotency key: orders between their start and their booking
        self._settling: set[str] = set()
        self.paying: set[str] = set()  # orders and intents that are being paid: formats without a key take one payment at a time
        self._later: set[asyncio.Task[None]] = set()

    def plan(self, order: Order) -> Plan:
        """Raises magic.UnknownMagic."""
        draw = Draw.of(self.settings.seed, self.account, order.reference)
        behaviour = choice.choose(self.settings, self.account, order.instrument, order.amount_minor, draw.behaviour)
        return self.planned(behaviour, draw)

    def planned(self, behaviour: Behaviour, draw: Draw) -> Plan:
        return Plan(behaviour, choice.wait_s(self.settings, behaviour, draw.latency))

    async def submit(self, order: Order, key: str | None, behaviour: Behaviour, origin: Origin = NATIVE) -> Booked:
        """Book the order, unless a copy of it has been; a copy in flight is waited for. Raises KeyReused, GatewayFull."""
        claim_key = None if self.settings.ignores_idempotency_keys else key
        if claim_key is not None:
            while (claim := self._claims.get(claim_key)) is not None:
                await asyncio.shield(claim)
            earlier = self.book.by_key(claim_key)
            if earlier is not None:
                if not _same(order, earlier):
                    raise KeyReused
                return Booked(earlier, replayed=True)
        if behaviour.books == "nothing":
            return Booked(None)
        if len(self.book) + len(self._claims) >= CHARGES_MAX or len(self._later) >= LATER_MAX:
            raise GatewayFull
        if claim_key is not None:
            self._claims[claim_key] = asyncio.get_running_loop().create_future()
        if behaviour.books == "later":
            self.in_a_while(partial(self._book, order, key, claim_key, behaviour, origin), self.settings.late_s)
            return Booked(None)
        return Booked(await self._book(order, key, claim_key, behaviour, origin))

    async def _book(self, order: Order, key: str | None, claim_key: str | None, behaviour: Behaviour, origin: Origin) -> Charge:
        """On disk first, then in the book where searches find it, then the claim is given back."""
        try:
            charge = _new_charge(order, key, behaviour, origin)
            await self.journal.append(charge.record(self.account, charge.created_at))
            self.book.put(charge)
        finally:
            if claim_key is not None:
                self._claims.pop(claim_key).set_result(None)
        self.tell(charge)
        if charge.status == "pending":
            self.in_a_while(partial(self._end_pending, charge.charge_id), self.settings.late_s)
        return charge

    async def settle(self, charge_id: str, status: Status, code: str | None = None) -> Charge:
        """End a charge that was open: the payer approved or declined, or the gateway made up its mind. Raises NotOpen."""
        charge = self.book.get(charge_id)
        if charge is None or charge.status not in ("requires_action", "pending") or charge_id in self._settling:
            raise NotOpen
        self._settling.add(charge_id)
        try:
            ended = replace(charge, status=status, code=code)
            await self.journal.append(ended.record(self.account, now()))
            self.book.put(ended)
        finally:
            self._settling.discard(charge_id)
        self.tell(ended)
        return ended

    async def _end_pending(self, charge_id: str) -> None:
        charge = self.book.get(charge_id)
        if charge is not None:
            await self.settle(charge_id, _done(charge.operation))

    def in_a_while(self, work: Callable[[], Coroutine[Any, Any, Any]], delay_s: float) -> None:
        """What is still to be done when the account closes is not done."""

        async def wait() -> None:
            await asyncio.sleep(delay_s)
            await work()

        task = asyncio.create_task(wait())
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    def resume(self) -> None:
        """After a start: what the journal left pending ends by itself once more."""
        for charge in self.book.pending():
            self.in_a_while(partial(self._end_pending, charge.charge_id), self.settings.late_s)
        for move in self.book.pending_moves():
            self.in_a_while(partial(self.mover.end, move), self.settings.late_s)

    def visible_until(self) -> str:
        """Searches and lists show charges made before this moment."""
        return before(self.settings.visibility_delay_s)

    async def close(self) -> None:
        """Charges that were still to be made are not."""
        for task in self._later:
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)


def approved(charge: Charge) -> Status:
    """The status of an open charge once its payer has agreed."""
    return _done(charge.operation)


def _done(operation: str) -> Status:
    return "authorized" if operation == "authorize" else "succeeded"


def _new_charge(order: Order, key: str | None, behaviour: Behaviour, origin: Origin) -> Charge:
    ends: dict[str, Status] = {"refusal": "failed", "action": "requires_action", "pending": "pending"}
    amount = order.amount_minor
    return Charge(
        charge_id=f"{origin.prefix}_{uuid_utils.uuid7().hex}",
        reference=order.reference,
        idempotency_key=order.reference if key == order.reference else key,  # one string instead of two
        operation=order.operation,
        amount_minor=(amount - 1 if amount > 1 else 2) if behaviour.wrong_amount else amount,
        requested_minor=amount,
        currency=order.currency,
        method=order.method,
        behaviour=behaviour.name,
        status=ends.get(behaviour.books, _done(order.operation)),
        created_at=now(),
        code=behaviour.code,
        wire=origin.wire,
        intent_id=origin.intent_id,
        notes=origin.notes,
    )


def _same(order: Order, charge: Charge) -> bool:
    asked = (order.reference, order.operation, order.amount_minor, order.currency, order.method)
    return asked == (charge.reference, charge.operation, charge.requested_minor, charge.currency, charge.method)
