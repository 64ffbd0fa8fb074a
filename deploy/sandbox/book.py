"""One account's charges and what followed them, found by id, reference, idempotency key, intent and time. The journal is what lasts."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from deploy.sandbox import moves
from deploy.sandbox.charge import STATUSES, Charge, Wire
from deploy.sandbox.moves import Move

Place = tuple[str, str]  # created_at and id: where something stands among what was made


class Book:
    def __init__(self) -> None:
        self._charges: dict[str, Charge] = {}
        self._by_reference: dict[str, tuple[str, ...]] = {}
        self._by_key: dict[str, str] = {}
        self._by_time: list[Place] = []
        self._by_intent: dict[str, tuple[str, ...]] = {}
        self._moves: dict[str, Move] = {}
        self._moves_of: dict[str, tuple[str, ...]] = {}  # by charge
        self._moves_by_reference: dict[str, tuple[str, ...]] = {}
        self._moves_by_key: dict[str, str] = {}
        self._refunds_by_time: list[Place] = []

    def __len__(self) -> int:
        return len(self._charges)

    def put(self, charge: Charge) -> None:
        """Enter a new charge, or the next status of one that is here."""
        known = charge.charge_id in self._charges
        self._charges[charge.charge_id] = charge
        if known:
            return
        self._by_reference[charge.reference] = (*self._by_reference.get(charge.reference, ()), charge.charge_id)
        if charge.idempotency_key is not None:
            self._by_key.setdefault(charge.idempotency_key, charge.charge_id)
        if charge.intent_id is not None:
            self._by_intent[charge.intent_id] = (*self._by_intent.get(charge.intent_id, ()), charge.charge_id)
        insort(self._by_time, (charge.created_at, charge.charge_id))

    def put_move(self, move: Move) -> None:
        """Enter a new move, or the next status of one that is here."""
        known = move.move_id in self._moves
        self._moves[move.move_id] = move
        if known:
            return
        self._moves_of[move.charge_id] = (*self._moves_of.get(move.charge_id, ()), move.move_id)
        self._moves_by_reference[move.reference] = (*self._moves_by_reference.get(move.reference, ()), move.move_id)
        if move.idempotency_key is not None:
            self._moves_by_key.setdefault(move.idempotency_key, move.move_id)
        if move.kind == "refund":
            insort(self._refunds_by_time, (move.created_at, move.move_id))

    def replay(self, record: Mapping[str, Any]) -> None:
        """Enter what a journal line says."""
        if "move_id" in record:
            known_move, move = self._moves.get(record["move_id"]), moves.replayed(record)
            self.put_move(replace(move, created_at=known_move.created_at) if known_move else move)
            return
        status, known = STATUSES[record["kind"]], self._charges.get(record["charge_id"])
        if known is not None:
            self.put(replace(known, status=status, code=record["code"]))
            return
        same = ("charge_id", "reference", "idempotency_key", "operation", "amount_minor", "requested_minor", "currency", "method")
        facts = {name: record[name] for name in same}
        if facts["idempotency_key"] == facts["reference"]:
            facts["idempotency_key"] = facts["reference"]  # one string instead of two, for each of up to a million charges
        facts |= {name: record[name] for name in ("wire", "intent_id", "notes") if name in record}
        self.put(Charge(**facts, behaviour=record["behaviour"], status=status, created_at=record["at"], code=record["code"]))

    def get(self, charge_id: str) -> Charge | None:
        return self._charges.get(charge_id)

    def by_key(self, key: str) -> Charge | None:
        """The first charge made under an idempotency key."""
        charge_id = self._by_key.get(key)
        return None if charge_id is None else self._charges[charge_id]

    def by_reference(self, reference: str, visible_until: str) -> list[Charge]:
        """Charges, oldest first, that were made before `visible_until`."""
        found = (self._charges[charge_id] for charge_id in self._by_reference.get(reference, ()))
        return [charge for charge in found if charge.created_at <= visible_until]

    def between(self, start: str, end: str, cursor: Place | None, limit: int) -> tuple[Sequence[Charge], Place | None]:
        """Charges with start ≤ created_at < end after `cursor`, at most `limit`, and the cursor of the next page if there is one."""
        places, more = _page(self._by_time, start, end, cursor, limit)
        return [self._charges[charge_id] for _, charge_id in places], more

    def refunds_between(self, start: str, end: str, cursor: Place | None, limit: int) -> tuple[Sequence[Move], Place | None]:
        """The same of refunds."""
        places, more = _page(self._refunds_by_time, start, end, cursor, limit)
        return [self._moves[move_id] for _, move_id in places], more

    def newest_refunds(self, start: str, end: str, wire: Wire) -> list[Move]:
        """Of charges ordered in this format, with start ≤ created_at < end, newest first."""
        places, _ = _page(self._refunds_by_time, start, end, None, len(self._moves))
        refunds = (self._moves[move_id] for _, move_id in reversed(places))
        return [one for one in refunds if self._charges[one.charge_id].wire == wire]

    def of_intent(self, intent_id: str) -> list[Charge]:
        """Charges that pay an order, an intent or a link, oldest first."""
        return [self._charges[charge_id] for charge_id in self._by_intent.get(intent_id, ())]

    def newest(self, start: str, end: str) -> list[Charge]:
        """Charges with start ≤ created_at < end, newest first."""
        first, last = bisect_left(self._by_time, (start, "")), bisect_left(self._by_time, (end, ""))
        return [self._charges[charge_id] for _, charge_id in reversed(self._by_time[first:last])]

    def move(self, move_id: str) -> Move | None:
        return self._moves.get(move_id)

    def move_by_key(self, key: str) -> Move | None:
        """The first move made under an idempotency key."""
        move_id = self._moves_by_key.get(key)
        return None if move_id is None else self._moves[move_id]

    def moves_of(self, charge_id: str) -> list[Move]:
        """Oldest first."""
        return [self._moves[move_id] for move_id in self._moves_of.get(charge_id, ())]

    def moves_by_reference(self, reference: str, visible_until: str) -> list[Move]:
        found = (self._moves[move_id] for move_id in self._moves_by_reference.get(reference, ()))
        return [move for move in found if move.created_at <= visible_until]

    def pending_moves(self) -> list[Move]:
        """Those that still have to end by themselves."""
        return [move for move in self._moves.values() if move.status == "pending"]

    def pending(self) -> list[Charge]:
        """Those that still have to end by themselves."""
        return [charge for charge in self._charges.values() if charge.status == "pending"]


def _page(places: list[Place], start: str, end: str, cursor: Place | None, limit: int) -> tuple[list[Place], Place | None]:
    first, last = bisect_left(places, (start, "")), bisect_left(places, (end, ""))
    if cursor is not None:
        first = max(first, bisect_right(places, cursor))
    found = places[first : min(last, first + limit)]
    return found, found[-1] if first + limit < last else None
