"""A service as small as one can be: money is paid in and out of accounts, and every payment leaves an entry."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, ForeignKey, Identity, Integer, LargeBinary, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from shared.clock import new_id
from shared.contracts import Command, Event
from shared.messaging.failure import Permanent
from shared.messaging.handlers import Hears
from shared.storage.bulk import Bulk, insert, insert_claim, update
from shared.storage.tables import inbox_table, new_metadata, outbox_table
from shared.storage.work import Claim, Load, Rows, Work
from shared.topology import COMMANDS, Inlet


class Deposit(Command):
    """`trouble` is what befalls whoever handles it, before the try `until_try`; `tell` names the queue that hears of it by a Withdraw."""

    kind: Literal["toy.deposit.v1"] = "toy.deposit.v1"
    account: UUID
    amount: int = 1
    trouble: str = ""
    until_try: int = 1_000_000
    tell: str = ""


class Withdraw(Command):
    kind: Literal["toy.withdraw.v1"] = "toy.withdraw.v1"
    account: UUID
    amount: int = 1


class Deposited(Event):
    kind: Literal["toy.deposited.v1"] = "toy.deposited.v1"
    account: UUID
    amount: int


metadata = new_metadata()
inbox, outbox = inbox_table(metadata), outbox_table(metadata)
accounts = Table(
    "accounts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("balance", Integer, CheckConstraint("balance >= 0", name="not_in_debt"), nullable=False),
    Column("note", Text),
    Column("doc", JSONB),
    Column("seal", LargeBinary),
    Column("seen_at", DateTime(timezone=True)),
    Column("due_at", DateTime(timezone=True)),
)
entries = Table(
    "entries",
    metadata,
    Column("number", BigInteger, Identity(), primary_key=True),
    Column("message_id", Uuid, nullable=False),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False),
    Column("amount", Integer, nullable=False),
)
tickets = Table("tickets", metadata, Column("id", Uuid, primary_key=True), Column("token", Uuid, nullable=False))

OPEN = insert(accounts, "id", "balance")
ENTER = insert(entries, "message_id", "account_id", "amount")
BALANCE = update(accounts, "balance", key="id")
NOTE = update(accounts, "note", key="id")
TICKET = insert_claim(tickets, "id", "token", key="id", again="tickets.token = excluded.token")
SLEEP = Bulk(entries, ("seconds",), "SELECT pg_sleep(s) FROM unnest(cast($1 AS float8[])) AS v(s)")
LOCK_ACCOUNTS = "SELECT id AS key, balance, note FROM accounts WHERE id = ANY(cast(:keys AS uuid[])) ORDER BY id FOR UPDATE"
ACCOUNT = Rows(LOCK_ACCOUNTS, rank=1)


def deposit_of(amount: int = 1, *, account: UUID | None = None, **more: Any) -> Deposit:
    """For an account of its own where none is named; the payment is the message's own too."""
    return Deposit(correlation_id=new_id(), account=account or new_id(), amount=amount, **more)


def account_of(message: Deposit | Withdraw) -> list[Load]:
    return [Load(ACCOUNT, message.account)]


def ticket(key: UUID, token: UUID) -> Claim:
    return Claim(TICKET, key, {"id": key, "token": token})


def pay_in(message: Deposit, work: Work) -> None:
    """The change that everything here is about: one entry more, and the balance that follows from it."""
    row = work.row(ACCOUNT, message.account)
    if row is None:
        work.write(OPEN, id=message.account, balance=message.amount)
    else:
        work.write(BALANCE, id=message.account, balance=row.balance + message.amount)
    work.write(ENTER, message_id=message.message_id, account_id=message.account, amount=message.amount)
    if message.tell:
        echo = Withdraw.caused_by(message, account=message.account, amount=message.amount)
        work.send(echo, to=message.tell)


@dataclass
class Troubles:
    """What the handler of one replica has met."""

    tries: Counter[UUID] = field(default_factory=Counter)
    at: dict[UUID, list[datetime]] = field(default_factory=dict)

    def meet(self, message: Deposit, work: Work) -> None:
        self.tries[message.message_id] += 1
        self.at.setdefault(message.message_id, []).append(work.now)
        if self.tries[message.message_id] >= message.until_try:
            return
        match message.trouble:
            case "raises":
                raise ValueError(f"try {self.tries[message.message_id]}")
            case "permanent":
                raise Permanent("no such merchant")
            case "slow":
                work.write(SLEEP, seconds=5.0)
            case "nul":
                raise ValueError("the client's name is \x00\ud800")


LEDGER = Inlet(queue="toy.ledger", exchange=COMMANDS, prefetch=100, hears=(Deposit,), gateway="*")
ECHOES = Inlet(queue="toy.echoes", exchange=COMMANDS, prefetch=100, hears=(Withdraw,), gateway="*")


def ledger(inlet: Inlet = LEDGER) -> Hears:
    """The register of a service that hears deposits; it depends on `troubles`."""
    hears = Hears()

    @hears(inlet, loads=account_of)
    def deposit(message: Deposit, work: Work, troubles: Troubles) -> None:
        troubles.meet(message, work)
        pay_in(message, work)

    return hears
