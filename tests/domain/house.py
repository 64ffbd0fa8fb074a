"""The edge in one hand: rows of one payment and its operations, changed by the handlers as their statements would change them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import orjson

from services.api import desk, ledger, store
from services.api.consumers import evidence_heard
from services.api.domain.operations import Movement, attempt_of
from services.api.domain.plans import NotAllowed, Plan
from services.api.domain.sums import SUMS
from services.api.overdue import operation_overdue, payment_overdue
from services.api.store import Payment
from shared.contracts import Attempt, AttemptEvent, Event, ExecuteAttempt, OperationKind, PaymentEvent, Status
from shared.settings import Waiting
from shared.storage.work import Work
from tests.domain.stand import AMOUNT, NOW, PAYMENT, said, written

WAITING = Waiting(operation_pauses_s=(2, 10), reversal_pauses_s=(2, 10, 60))
JSON = ("evidence", "error", "metadata")


class House:
    """`now` passes by a second with every change."""

    def __init__(self, waiting: Waiting = WAITING) -> None:
        self.waiting, self.now = waiting, NOW
        self.lapsing: frozenset[str] = frozenset()
        self.payment_row: dict[str, Any] = {
            "payment_id": PAYMENT, "merchant_id": "m_001", "status": "processing", "sequence": 0, "method": "CARD", "gateway": None,
            "amount_minor": AMOUNT.amount_minor, "currency": AMOUNT.currency, "order_id": None, "customer_id": None,
            "instrument": None, "metadata": {}, "payment_url": None, "error": None, "evidence": {}, "last_event_id": None,
            "subscription_id": None,
            "created_at": NOW, "updated_at": NOW, "due_at": None, **dict.fromkeys(SUMS, 0),
        }  # fmt: skip
        self.operation_rows: dict[UUID, dict[str, Any]] = {}
        self.sent: list[Attempt] = []
        self.events: list[PaymentEvent] = []
        self.told: list[str] = []
        self.statuses: list[Status] = ["processing"]

    @property
    def payment(self) -> Payment:
        return store.payment_of(SimpleNamespace(**self.payment_row))

    @property
    def operations(self) -> list[Movement]:
        return [ledger.movement_of(SimpleNamespace(**row)) for row in self.operation_rows.values()]

    def one(self, kind: OperationKind) -> Movement:
        (found,) = [one for one in self.operations if one.kind == kind]
        return found

    def change(self, change: Callable[[Work], None]) -> Work:
        self.now += timedelta(seconds=1)
        rows: dict[Any, Any] = {(store.PAYMENT, PAYMENT): SimpleNamespace(**self.payment_row)}
        rows |= {(ledger.OPERATION, one): SimpleNamespace(**row) for one, row in self.operation_rows.items()}
        work = Work(self.now, rows)
        change(work)
        for statement in (store.ENTER, store.LEARN, store.LOOK_AGAIN):
            for row in written(work, statement):
                self.payment_row |= plain(row)
        for statement in (ledger.BEGIN, ledger.CHANGE):
            for row in written(work, statement):
                known = self.operation_rows.setdefault(row["operation_id"], {})
                if statement is ledger.CHANGE or not known:
                    known |= plain(row)
        self.told += [row["event"] for row in written(work, store.TELL)]
        messages = said(work)
        self.sent += [one.attempt for one in messages if isinstance(one, ExecuteAttempt)]
        self.events += [one for one in messages if isinstance(one, PaymentEvent)]
        if self.payment_row["status"] != self.statuses[-1]:
            self.statuses.append(self.payment_row["status"])
        return work

    def hear(self, *events: Event) -> "House":
        for event in events:
            heard: Any = event
            self.change(lambda work, heard=heard: evidence_heard(heard, work, self.waiting, self.lapsing))  # type: ignore[misc]
        return self

    def ask(self, kind: OperationKind, plan: Callable[[Payment], Plan | None], operation_id: UUID) -> Movement:
        """As the edge does it under the lock. Raises NotAllowed."""

        def change(work: Work) -> None:
            payment = self.payment
            planned = plan(payment)
            if planned is None:
                raise NotAllowed("PAYMENT_NOT_CAPTURABLE", "all of it")
            begun = desk.planned(payment, kind, planned, operation_id=operation_id, origin="merchant", now=work.now)
            store.enter(work, desk.begin(work, payment, begun, self.waiting))

        self.change(change)
        return ledger.movement_of(SimpleNamespace(**self.operation_rows[operation_id]))

    def sweep_operation(self, operation_id: UUID) -> Work:
        return self.change(lambda work: operation_overdue(SimpleNamespace(**self.operation_rows[operation_id]), work, self.waiting))

    def sweep_payment(self, *, after_s: float = 0) -> Work:
        self.now += timedelta(seconds=after_s)
        return self.change(lambda work: payment_overdue(SimpleNamespace(**self.payment_row), work, self.waiting, self.lapsing))


def plain(row: dict[str, Any]) -> dict[str, Any]:
    return row | {name: orjson.loads(row[name]) for name in JSON if row.get(name)}


def trying(movement: Movement, number: int | None = None) -> Attempt:
    """The try of an operation under a number, or the one under way."""
    return attempt_of(movement if number is None else replace(movement, number=number))


def about(event: AttemptEvent) -> str:
    return event.kind
