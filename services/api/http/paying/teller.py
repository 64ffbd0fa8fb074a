"""Captures, voids and refunds at the edge: claim the key, reserve the amount and write the operation in one transaction."""

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import orjson

from services.api import desk, store
from services.api.domain.operations import UNDER_WAY, Movement
from services.api.domain.plans import Captures, NotAllowed, Plan, plan_capture, plan_refund, plan_void
from services.api.http.access.keys import Merchant
from services.api.http.availability import available
from services.api.http.layer import Code, Problem
from services.api.http.paying.edge import COMMIT_TIMEOUT_S, Edge
from services.api.store import Payment
from shared.clock import new_id, new_id_text
from shared.contracts import OperationKind
from shared.storage.work import AlreadyHandled, Claim, Work


@dataclass(frozen=True, slots=True)
class Wish:
    """What a merchant asks for. `amount_minor` None: all that is left."""

    kind: OperationKind
    payment_id: UUID
    amount_minor: int | None = None
    final: bool = False
    reason: str | None = None

    @property
    def fingerprint(self) -> str:
        meant = {"payment": str(self.payment_id), "amount": self.amount_minor, "final": self.final, "reason": self.reason}
        return hashlib.sha256(orjson.dumps(meant, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True, slots=True)
class Done:
    """`operation` is None where there was nothing left to do."""

    payment: Payment
    operation: Movement | None
    replayed: bool = False


class Teller:
    """`captures`: how each gateway account captures what it has authorized; `lapsing`: those whose gateways void nothing."""

    def __init__(self, edge: Edge, captures: Mapping[str, Captures], lapsing: frozenset[str] = frozenset()) -> None:
        self.edge, self.captures, self.lapsing = edge, captures, lapsing

    async def move(self, wish: Wish, caller: Merchant, idempotency_key: str | None) -> Done:
        """Raises Problem. Nothing is claimed, reserved or written for a wish that is refused."""
        if self.edge.unit_of_work.overloaded():
            raise Problem(Code.OVERLOADED)
        payment = await self.standing(caller, wish.payment_id)
        operation_id, key = new_id(), idempotency_key or await self._derived_key(wish, caller, payment)
        claim = store.claim(
            caller.merchant_id,
            f"payments.{wish.kind}",
            key,
            fingerprint=wish.fingerprint,
            payment_id=wish.payment_id,
            operation_id=operation_id,
        )
        if replayed := await self._replay(caller, claim):
            return replayed
        if self._plan(wish, payment) is None:  # refused here where nothing was written yet, and again under the lock
            return Done(payment, None)
        try:
            with available():
                async with asyncio.timeout(COMMIT_TIMEOUT_S):
                    await self.edge.unit_of_work.win(
                        claim, lambda work: self._begin(work, wish, operation_id), loads=store.load_of(wish.payment_id)
                    )
        except AlreadyHandled:
            if replayed := await self._replay(caller, claim):
                return replayed
            raise Problem(Code.TEMPORARILY_UNAVAILABLE) from None
        except NotAllowed as refused:
            raise problem(refused) from None
        return await self.find(caller, operation_id)

    def _begin(self, work: Work, wish: Wish, operation_id: UUID) -> None:
        payment = store.read(work, wish.payment_id)
        plan = self._decide(wish, payment) if payment else None
        if payment is None or plan is None:
            raise NotAllowed("PAYMENT_NOT_CAPTURABLE", "All of it has just been captured.")
        begun = desk.planned(payment, wish.kind, plan, operation_id=operation_id, origin="merchant", now=work.now)
        begun = replace(begun, reason=wish.reason)
        store.enter(work, desk.begin(work, payment, begun, self.edge.waiting))

    def _plan(self, wish: Wish, payment: Payment) -> Plan | None:
        try:
            return self._decide(wish, payment)
        except NotAllowed as refused:
            raise problem(refused) from None

    def _decide(self, wish: Wish, payment: Payment) -> Plan | None:
        status, sums = payment.snapshot.status, payment.sums
        match wish.kind:
            case "capture":
                captures = self.captures.get(payment.snapshot.gateway or "", "several")
                return plan_capture(status, sums, amount_minor=wish.amount_minor, final=wish.final, captures=captures)
            case "void":
                return plan_void(status, sums, lapses=payment.snapshot.gateway in self.lapsing)
            case _:
                return plan_refund(status, sums, amount_minor=wish.amount_minor)

    async def _derived_key(self, wish: Wish, caller: Merchant, payment: Payment) -> str:
        """For merchants whose setting allows it. A refund that is asked for twice is two refunds; a capture or void is the same one while
        the sums are, until it has failed."""
        if not caller.derive_idempotency_key:
            raise Problem(Code.MISSING_IDEMPOTENCY_KEY)
        if wish.kind == "refund":
            return f"fresh:{new_id_text()}"
        so_far = payment.sums.captured_minor + payment.sums.released_minor
        with available():
            dead = await self.edge.queries.dead_operations(wish.payment_id, wish.kind)
        return f"derived:{wish.payment_id}:{wish.amount_minor}:{wish.final}:{so_far}:{dead}"

    async def _replay(self, caller: Merchant, claim: Claim) -> Done | None:
        with available():
            found = await self.edge.queries.claimed(claim.row["claim"])
        if found is None:
            return None
        if found.fingerprint != claim.row["fingerprint"] or found.operation_id is None:
            raise Problem(Code.IDEMPOTENCY_KEY_REUSED_WITH_DIFFERENT_PAYLOAD)
        return replace(await self.find(caller, found.operation_id), replayed=True)

    async def standing(self, caller: Merchant, payment_id: UUID) -> Payment:
        """Another merchant's payment is as unknown as one that never was."""
        with available():
            found = await self.edge.queries.standing(caller.merchant_id, payment_id)
        if found is None:
            raise Problem(Code.NOT_FOUND, "There is no such payment.")
        return found

    async def find(self, caller: Merchant, operation_id: UUID) -> Done:
        """An operation of the caller's, and its payment. Raises Problem."""
        with available():
            operation = await self.edge.queries.operation(caller.merchant_id, operation_id)
        if operation is None:
            raise Problem(Code.NOT_FOUND, "There is no such operation.")
        return Done(await self.standing(caller, operation.payment_id), operation)

    async def outcome(self, caller: Merchant, done: Done, wait_s: float) -> Done:
        """As soon as the operation has ended, or as it is when the wait is over."""
        live = self.edge.live
        if done.operation is None or done.operation.status not in UNDER_WAY or wait_s <= 0 or live.full():
            return done
        operation_id = done.operation.operation_id
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s), live.watching(done.operation.payment_id) as changed:
                while True:
                    done = replace(await self.find(caller, operation_id), replayed=done.replayed)
                    if done.operation is None or done.operation.status not in UNDER_WAY:
                        break
                    await changed.get()
        return done


def problem(refused: NotAllowed) -> Problem:
    details: dict[str, Any] = {} if refused.left_minor is None else {"left": refused.left_minor}
    return Problem(Code[refused.code], refused.message, details)
