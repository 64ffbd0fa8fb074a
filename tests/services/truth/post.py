"""Executor and verifier with databases of their own and a real sandbox between them; their messages are carried by hand, which shows
every order and repetition that a broker may come up with."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from services.executor import consumers as executor
from services.executor import store as executor_store
from services.executor.gateways import Gateways
from services.executor.queries import Queries as ExecutorQueries
from services.verifier import consumers as verifier
from services.verifier import store as verifier_store
from services.verifier.answers import answers
from services.verifier.domain.verdict import Patience, Patiences
from services.verifier.queries import Queries as VerifierQueries
from shared import topology
from shared.accounts import Account
from shared.clock import new_id, utc_now
from shared.contracts import Attempt, ExecuteAttempt, Message, Money, Operation
from shared.contracts.questions import Question
from shared.messaging.handlers import Hears
from shared.sealing import Opener, Sealer
from shared.settings import Waiting
from shared.storage.sweeper import Sweep, Sweeper
from shared.storage.unit_of_work import UnitOfWork
from shared.storage.work import AlreadyHandled
from shared.storage.writer import Writer
from tests.contracts.golden import kinds
from tests.servers import Database

M = TypeVar("M", bound=Message)
KINDS: dict[str, Any] = dict(kinds())
KEY = X25519PrivateKey.generate()
SEALER = Sealer({"key": base64.b64encode(KEY.public_key().public_bytes_raw()).decode()})
OPENER = Opener({"key": base64.b64encode(KEY.private_bytes_raw()).decode()})
PATIENCE = Patience(ladder_s=(0.0, 0.0, 0.0), grace_s=0.0)


@dataclass
class House:
    """A service, as far as its handlers, its database and its clock go."""

    name: str
    database: Database
    unit_of_work: UnitOfWork
    by_queue: dict[str, dict[str, Callable[[Any], Any]]]
    outbox: Any

    async def said(self) -> list[tuple[UUID, str, str, Message]]:
        """(row, exchange, routing key, message) of what waits in the outbox, the oldest first."""
        rows = await self.database.rows("SELECT id, exchange, routing_key, kind, body FROM outbox ORDER BY id")
        return [(row.id, row.exchange, row.routing_key, KINDS[row.kind].model_validate_json(row.body)) for row in rows]

    async def hear(self, queue: str, message: Message) -> None:
        """As a subscription would: a copy changes nothing."""
        try:
            await self.by_queue[queue][message.kind](message)
        except AlreadyHandled:
            return

    async def sweep(self, take: str, sweep: Sweep, **settings: Any) -> int:
        writer = Writer(self.outbox)
        return await Sweeper(
            self.unit_of_work.engine, writer, take=take, sweep=sweep, said=lambda rows: None, every_s=1.0, **settings
        ).once()


def house(name: str, hears: Hears, database: Database, store: Any, given: Mapping[str, Any]) -> House:
    unit_of_work = UnitOfWork(database.engine, store.inbox, Writer(store.outbox))
    by_queue: dict[str, dict[str, Any]] = {}
    for heard in hears.heard:
        settle = heard.bound(unit_of_work, given)
        by_queue.setdefault(heard.inlet.queue, {}).update({kind.kind_of(): settle for kind in heard.kinds})
    return House(name, database, unit_of_work, by_queue, store.outbox)


@dataclass
class Truth:
    """The two of them. `heard` is what was said to services that are not here."""

    executor: House
    verifier: House
    gateways: Gateways
    heard: list[Message] = field(default_factory=list)
    copies: int = 1

    async def carry(self) -> None:
        """Deliver until nothing waits, `copies` times each."""
        while True:
            waiting = [(here, *one) for here in (self.executor, self.verifier) for one in await here.said()]
            if not waiting:
                return
            for here, row, exchange, key, message in waiting:
                await self.deliver(exchange, key, message)
                await here.database.rows("DELETE FROM outbox WHERE id = :id", id=row)

    async def deliver(self, exchange: str, key: str, message: Message) -> None:
        self.heard.append(message)
        for template in topology.TEMPLATES:
            for there in (self.executor, self.verifier):
                if template.queue in there.by_queue and template.exchange == exchange and type(message) in template.hears:
                    for _ in range(self.copies):
                        await there.hear(template.queue, message)

    def told(self, kind: type[M]) -> list[M]:
        return [one for one in self.heard if isinstance(one, kind)]

    async def execute(self, attempt: Attempt, *, within_s: float = 60.0, vpa: str = "asha@okbank", instrument: Any = None) -> None:
        """The router's order, and everything that follows from it."""
        sealed = SEALER.seal(attempt.merchant_id, instrument or {"type": "UPI", "vpa": vpa})
        deadline_at = utc_now() + timedelta(seconds=within_s)
        command = ExecuteAttempt(correlation_id=attempt.payment_id, attempt=attempt, instrument=sealed, deadline_at=deadline_at)
        await self.executor.hear(topology.EXECUTOR_EXECUTE.queue, command)
        await self.carry()

    async def ask_due(self) -> None:
        """The verifier's clock strikes, until nothing is due."""
        while await self.verifier.sweep(verifier_store.TAKE_DUE, verifier.ask):
            await self.carry()

    async def answer(self, question: Question) -> Any:
        _, function, names = answers.functions[question.kind_of()]
        given = {
            "unit_of_work": self.verifier.unit_of_work,
            "queries": VerifierQueries(self.verifier.database.engine),
            "gateways": frozenset(self.gateways.by_name),
        }
        found = await function(question, *(given[name] for name in names))
        await self.carry()
        return found

    async def attempt_row(self, attempt: Attempt) -> Any:
        (row,) = await self.executor.database.rows("SELECT * FROM attempts WHERE attempt_id = :id", id=attempt.attempt_id)
        return row


@asynccontextmanager
async def truth(executor_db: Database, verifier_db: Database, accounts: list[Account], *, timeout_ms: int = 10_000) -> AsyncIterator[Truth]:
    gateways = Gateways(accounts, timeout_ms=timeout_ms)
    given = {"gateways": gateways, "opener": OPENER, "waiting": Waiting(), "queries": ExecutorQueries(executor_db.engine)}
    there = Truth(
        house("executor", executor.hears, executor_db, executor_store, given),
        house("verifier", verifier.hears, verifier_db, verifier_store, {"patiences": Patiences(PATIENCE)}),
        gateways,
    )
    committers = [asyncio.ensure_future(one.unit_of_work.run()) for one in (there.executor, there.verifier)]
    await gateways.open()
    try:
        yield there
    finally:
        for one in committers:
            one.cancel()
        await asyncio.gather(*committers, return_exceptions=True)
        await gateways.close()


def attempt(gateway: str = "alpha", *, operation: Operation = "charge", amount_minor: int = 50_000) -> Attempt:
    """Of a payment of its own."""
    return Attempt(
        attempt_id=new_id(),
        payment_id=new_id(),
        merchant_id="m_001",
        operation=operation,
        gateway=gateway,
        number=1,
        amount=Money(amount_minor=amount_minor, currency="INR"),
        method="UPI",
    )
