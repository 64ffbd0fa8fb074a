"""Captures, refunds and voids of one account: within the sums, once per idempotency key, and as misbehaving as charges. Knows no HTTP."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import uuid_utils

from deploy.sandbox import choice
from deploy.sandbox.behaviour import Behaviour
from deploy.sandbox.charge import Charge
from deploy.sandbox.choice import Draw, Plan
from deploy.sandbox.moves import Move, MoveKind, MoveStatus, sums, unpayable
from deploy.sandbox.order import KeyReused
from deploy.sandbox.times import now

if TYPE_CHECKING:
    from deploy.sandbox.gateway import Gateway


class MoveRefused(Exception):
    """The sums do not allow it; nothing was moved. Its text is the code."""


@dataclass(frozen=True, slots=True)
class MoveOrder:
    """`amount_minor` of a void is what is still held; the caller need not know it."""

    kind: MoveKind
    charge_id: str
    reference: str
    amount_minor: int
    prefix: str  # of its id
    final: bool = False
    notes: Mapping[str, str] | None = None


class Mover:
    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway
        self._claims: dict[str, asyncio.Future[None]] = {}
        self._under_way: dict[str, list[Move]] = {}  # by charge: on their way to the disk

    def plan(self, order: MoveOrder) -> Plan:
        """How the account meets it: magic amounts, then the rates of its kind."""
        gateway = self._gateway
        draw = Draw.of(gateway.settings.seed, gateway.account, order.reference)
        behaviour = choice.choose_move(gateway.settings, order.kind, order.amount_minor, draw.behaviour)
        return gateway.planned(behaviour, draw)

    async def submit(self, order: MoveOrder, key: str | None, behaviour: Behaviour) -> tuple[Move | None, bool]:
        """The move, and whether an earlier copy made it; None where nothing is booked, or not yet.

        Raises KeyReused, MoveRefused.
        """
        gateway = self._gateway
        claim = None if gateway.settings.ignores_idempotency_keys else key
        if claim is not None:
            while (running := self._claims.get(claim)) is not None:
                await asyncio.shield(running)
            earlier = gateway.book.move_by_key(claim)
            if earlier is not None:
                if not _same(order, earlier):
                    raise KeyReused
                return earlier, True
        charge = gateway.book.get(order.charge_id)
        if charge is None:
            raise MoveRefused("unknown_charge")
        moves = self._moves(order.charge_id)
        if order.kind == "void":  # all that is held now, and not when it was asked for: captures may be on their way to the disk
            order = replace(order, amount_minor=max(1, sums(charge, moves).capturable))
        if code := unpayable(charge, moves, order.kind, order.amount_minor):
            raise MoveRefused(code)
        if behaviour.books == "nothing":
            return None, False
        move = _new_move(order, charge, key, behaviour)
        if claim is not None:
            self._claims[claim] = asyncio.get_running_loop().create_future()
        self._under_way.setdefault(order.charge_id, []).append(move)
        if behaviour.books == "later":
            gateway.in_a_while(partial(self._book, move, claim), gateway.settings.late_s)
            return None, False
        await self._book(move, claim)
        return move, False

    def _moves(self, charge_id: str) -> list[Move]:
        return [*self._gateway.book.moves_of(charge_id), *self._under_way.get(charge_id, ())]

    async def _book(self, move: Move, claim: str | None) -> None:
        gateway = self._gateway
        try:
            await gateway.journal.append(move.record(gateway.account, move.created_at))
            gateway.book.put_move(move)
        finally:
            under_way = self._under_way[move.charge_id]
            under_way.remove(move)
            if not under_way:
                del self._under_way[move.charge_id]
            if claim is not None:
                self._claims.pop(claim).set_result(None)
        gateway.tell(move)
        if move.status == "pending":
            gateway.in_a_while(partial(self.end, move), gateway.settings.late_s)

    async def end(self, move: Move) -> None:
        """A pending move succeeds in the end."""
        gateway, ended = self._gateway, replace(move, status="succeeded")
        await gateway.journal.append(ended.record(gateway.account, now()))
        gateway.book.put_move(ended)
        gateway.tell(ended)


def _same(order: MoveOrder, earlier: Move) -> bool:
    """A void names no amount."""
    amount_minor = earlier.requested_minor if order.kind == "void" else order.amount_minor
    asked = (order.kind, order.charge_id, order.reference, amount_minor)
    return asked == (earlier.kind, earlier.charge_id, earlier.reference, earlier.requested_minor)


def _new_move(order: MoveOrder, charge: Charge, key: str | None, behaviour: Behaviour) -> Move:
    ends: dict[str, MoveStatus] = {"refusal": "failed", "action": "pending", "pending": "pending"}
    amount = order.amount_minor
    return Move(
        move_id=f"{order.prefix}_{uuid_utils.uuid7().hex}",
        charge_id=charge.charge_id,
        kind=order.kind,
        reference=order.reference,
        idempotency_key=order.reference if key == order.reference else key,
        amount_minor=amount - 1 if behaviour.wrong_amount and amount > 1 else amount,
        requested_minor=amount,
        currency=charge.currency,
        behaviour=behaviour.name,
        status=ends.get(behaviour.books, "succeeded"),
        created_at=now(),
        code=behaviour.code,
        final=order.final,
        notes=order.notes,
    )
