"""Accepting a payment: claim its idempotency key, seal its instrument, write the row and the command in one transaction."""

import asyncio
import hashlib
import hmac
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson

from services.api import orders, store, subscriptions
from services.api.domain.instruments import hints_of, number_of
from services.api.domain.money import BadMoney, minor_units
from services.api.domain.quota import QuotaExhausted, Standing, why_refused
from services.api.domain.velocity import Payer
from services.api.http.access.keys import Merchant
from services.api.http.access.velocity import Velocity, payer_of
from services.api.http.availability import available
from services.api.http.layer import Code, Problem, refused
from services.api.http.paying.bodies import CreatePayment
from services.api.live import Live
from services.api.orders import Order
from services.api.queries import Queries
from shared import ids
from shared.clock import new_id, utc_now
from shared.contracts import Money, PaymentSnapshot, RoutePayment
from shared.sealing import Sealer, fingerprint
from shared.settings import Waiting
from shared.storage.unit_of_work import UnitOfWork
from shared.storage.work import AlreadyHandled, Claim, Work

CREATE = "payments.create"
COMMIT_TIMEOUT_S = 10.0  # past it the merchant is told to ask again with the same key; what was written stands


@dataclass(frozen=True, slots=True)
class Accepted:
    payment: PaymentSnapshot
    replayed: bool


@dataclass(kw_only=True, slots=True)
class Edge:
    """What the routes of payments work with."""

    unit_of_work: UnitOfWork
    queries: Queries
    live: Live
    sealer: Sealer
    fingerprint_key: bytes
    waiting: Waiting
    velocity: Velocity = field(default_factory=Velocity)

    async def accept(self, order: CreatePayment, caller: Merchant, idempotency_key: str | None, *, address: str = "") -> Accepted:
        """`address` is the caller's. Raises Problem. Nothing is claimed, taken or written for an order that is refused."""
        if order.merchant_id is not None and order.merchant_id != caller.merchant_id:
            raise Problem(Code.FORBIDDEN, "merchant_id names another merchant than the key's.")
        if self.unit_of_work.overloaded():
            raise Problem(Code.OVERLOADED)
        command, snapshot = self._command(order, caller)
        key = idempotency_key or await self._derived_key(order, caller)
        claim = store.claim(caller.merchant_id, CREATE, key, fingerprint=self._fingerprint(order, caller), payment_id=snapshot.payment_id)
        try:
            return Accepted(await self._make(order, caller, command, snapshot, claim, address), replayed=False)
        except AlreadyHandled:
            refusal = Problem(Code.TEMPORARILY_UNAVAILABLE)
        except Problem as problem:  # a copy that was faster may be what has taken the token, or pays the order
            if problem.code is Code.TEMPORARILY_UNAVAILABLE:
                raise  # and who is away is not asked again
            refusal = problem
        if replayed := await self._replay(caller, claim.row):
            return Accepted(replayed, replayed=True)
        raise refusal

    async def _make(
        self, order: CreatePayment, caller: Merchant, command: RoutePayment, snapshot: PaymentSnapshot, claim: Claim, address: str
    ) -> PaymentSnapshot:
        """Raises AlreadyHandled where the key has been used, Problem."""
        ours = order_id_in(order.order_id)
        for_order = (await self._payable(caller, ours, snapshot.amount)).order_id if ours else None
        if order.subscription_id:
            await self._has_token(caller, order.subscription_id)
        try:
            with self.velocity.counted(self._payer(order, command, address)):
                return await self._write(order, command, snapshot, claim, for_order)
        except QuotaExhausted as error:
            raise Problem(Code.QUOTA_EXHAUSTED, str(error)) from None

    async def _write(
        self, order: CreatePayment, command: RoutePayment, snapshot: PaymentSnapshot, claim: Claim, for_order: UUID | None
    ) -> PaymentSnapshot:
        """The payment as it was written. Its time is the transaction's, so that what lists show in order of time appears in that order."""
        written = snapshot

        def change(work: Work) -> None:
            nonlocal written
            if orders.is_taken(work, for_order):
                raise Problem(Code.ORDER_HAS_LIVE_PAYMENT)
            written = snapshot.model_copy(update={"created_at": work.now, "updated_at": work.now})
            due_at = work.now + timedelta(seconds=self.waiting.resume_after_s)
            store.insert_payment(work, command, written, due_at=due_at, for_order=for_order, subscription_id=order.subscription_id)
            store.tell(work, written.payment_id, "payment.created", amount=written.amount.amount_minor, currency=written.amount.currency)
            if order.subscription_id:
                subscriptions.take(work, written.payment_id, written.merchant_id, order.subscription_id)
            work.send(command)

        with available():
            async with asyncio.timeout(COMMIT_TIMEOUT_S):
                loads = [*orders.load_of(for_order), *subscriptions.load_of(snapshot.merchant_id, order.subscription_id)]
                await self.unit_of_work.win(claim, change, loads=loads)
        return written

    async def _has_token(self, caller: Merchant, subscription_id: str) -> None:
        """Asked again under the lock; refused here it spoils nobody's commit. Raises Problem."""
        with available():
            found = await self.queries.subscription(caller.merchant_id, subscription_id)
        if reason := why_refused(Standing(found.tokens, found.active) if found else None):
            raise Problem(Code.QUOTA_EXHAUSTED, reason)

    def _payer(self, order: CreatePayment, command: RoutePayment, address: str) -> Payer | None:
        """Whom the guard against card testing counts; None for what is no card."""
        if order.method != "CARD" or not command.hints.fingerprint:
            return None
        return payer_of(
            str(command.payment_id),
            command.hints.fingerprint,
            caller=address,
            address=str(order.customer_ip) if order.customer_ip else None,
            merchant_id=command.merchant_id,
            customer_id=order.customer_id,
        )

    async def order(self, caller: Merchant, order_id: UUID) -> Order:
        """Another merchant's order is as unknown as one that never was."""
        with available():
            found = await self.queries.order(caller.merchant_id, order_id)
        if found is None:
            raise Problem(Code.NOT_FOUND, "There is no such order.")
        return found

    async def _payable(self, caller: Merchant, order_id: UUID, amount: Money) -> Order:
        """The order, if it can be paid now with this amount. Raises Problem."""
        order = await self.order(caller, order_id)
        if order.amount != amount:
            raise Problem(Code.CONFLICT, "The order is about another amount or currency.")
        match order.status(utc_now()):
            case "created":
                return order
            case "expired":
                raise Problem(Code.ORDER_EXPIRED)
        raise Problem(Code.ORDER_HAS_LIVE_PAYMENT)

    async def show(self, caller: Merchant, payment_id: UUID) -> PaymentSnapshot:
        """Another merchant's payment is as unknown as one that never was."""
        with available():
            found = await self.queries.payment(caller.merchant_id, payment_id)
        if found is None:
            raise Problem(Code.NOT_FOUND, "There is no such payment.")
        return found

    async def outcome(self, caller: Merchant, payment: PaymentSnapshot, wait_s: float) -> PaymentSnapshot:
        """The payment as soon as it has left `processing`, or as it is when the wait is over."""
        if payment.status != "processing" or wait_s <= 0 or self.live.full():
            return payment
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s), self.live.watching(payment.payment_id) as changed:
                payment = await self.show(caller, payment.payment_id)
                while payment.status == "processing":
                    payment = await changed.get()
        return payment

    def _command(self, order: CreatePayment, caller: Merchant) -> tuple[RoutePayment, PaymentSnapshot]:
        payment_id, now = new_id(), utc_now()
        currency = order.currency or caller.currency
        try:
            amount_minor = order.amount if order.amount is not None else minor_units(order.price or 0, currency)  # type: ignore[arg-type]
        except BadMoney as error:
            raise refused("body", "price", str(error), "money") from None
        amount = Money(amount_minor=amount_minor, currency=currency)
        clear = order.instrument.model_dump(exclude_defaults=True) if order.instrument else {}
        number = number_of(clear)
        hints = hints_of(clear, fingerprint(self.fingerprint_key, number) if number else None)
        command = RoutePayment(
            correlation_id=payment_id,
            payment_id=payment_id,
            merchant_id=caller.merchant_id,
            amount=amount,
            method=order.method,
            capture=order.capture,
            instrument=self.sealer.seal(caller.merchant_id, clear) if clear else None,
            hints=hints,
            customer_id=order.customer_id,
            preferred_gateway=order.alias,
            created_at=now,
        )
        snapshot = PaymentSnapshot(
            payment_id=payment_id,
            merchant_id=caller.merchant_id,
            status="processing",
            sequence=0,
            amount=amount,
            method=order.method,
            order_id=order.order_id,
            customer_id=order.customer_id,
            instrument=hints.masked,
            metadata=order.metadata,
            created_at=now,
            updated_at=now,
        )
        return command, snapshot

    def _fingerprint(self, order: CreatePayment, caller: Merchant) -> str:
        """Of the order as it is meant, whatever its spelling; keyed, because it covers the number, and never the CVV."""
        aside: Any = {"vpa": True, "merchant_id": True, "customer_ip": True, "instrument": {"cvv"}}
        if order.subscription_id is None:  # as it was before there were any
            aside["subscription_id"] = True
        meant: dict[str, Any] = order.model_dump(mode="json", exclude=aside)
        meant["currency"] = order.currency or caller.currency
        return hmac.new(self.fingerprint_key, orjson.dumps(meant, option=orjson.OPT_SORT_KEYS), hashlib.sha256).hexdigest()

    async def _derived_key(self, order: CreatePayment, caller: Merchant) -> str:
        """For merchants whose setting allows it: the event's id, or the order's for as long as its payment lives or has succeeded."""
        if order.event_id:
            return f"event:{order.event_id}"
        if caller.derive_idempotency_key and order.order_id:
            with available():
                dead = await self.queries.dead_payments_of_order(caller.merchant_id, order.order_id)
            return f"order:{order.order_id}:{dead + 1}"
        raise Problem(Code.MISSING_IDEMPOTENCY_KEY)

    async def _replay(self, caller: Merchant, claimed: dict[str, Any]) -> PaymentSnapshot | None:
        """What the key stands for, if it has been used. Raises Problem where it stands for something else."""
        with available():
            found = await self.queries.claimed(claimed["claim"])
        if found is None:
            return None
        if found.fingerprint != claimed["fingerprint"]:
            raise Problem(Code.IDEMPOTENCY_KEY_REUSED_WITH_DIFFERENT_PAYLOAD)
        return await self.show(caller, found.payment_id)


def order_id_in(text: str | None) -> UUID | None:
    """One of our own orders' ids; None for a merchant's."""
    try:
        return ids.private(ids.ORDER, text or "")
    except ValueError:
        return None
