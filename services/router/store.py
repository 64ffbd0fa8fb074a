"""The router's tables and every statement it has."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import orjson
from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Integer, SmallInteger, Table, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine

from services.router.domain.selection import Gateway, NoRoute, Route
from shared.accounts import Account
from shared.contracts import Message, RoutePayment, SealedInstrument
from shared.storage.bulk import insert, update
from shared.storage.tables import inbox_table, new_metadata, outbox_table
from shared.storage.work import Load, Rows, Work

metadata = new_metadata()
inbox, outbox = inbox_table(metadata), outbox_table(metadata)
gateways = Table(
    "gateways",
    metadata,
    Column("name", Text, primary_key=True),
    Column("methods", JSONB, nullable=False),
    Column("currencies", JSONB, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("amount_minor_min", BigInteger, nullable=False),
    Column("amount_minor_max", BigInteger, nullable=False),
    Column("enabled", Boolean, nullable=False, server_default="true"),
)
routes = Table(
    "routes",
    metadata,
    Column("payment_id", Uuid, primary_key=True),
    Column("merchant_id", Text, nullable=False),
    Column("request", JSONB, nullable=False),  # the command, without the instrument
    Column("instrument", JSONB),  # sealed; forgotten when no attempt can use it any more
    Column("attempts", JSONB, nullable=False),
    Column("exhausted", JSONB),
    Column("forget_at", DateTime(timezone=True)),
    Index("routes_forget", "forget_at", postgresql_where=text("forget_at IS NOT NULL")),
)
decisions = Table(
    "decisions",
    metadata,
    Column("payment_id", Uuid, primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("gateway", Text),
    Column("reason", Text, nullable=False),
    Column("ranked", JSONB, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

ROUTE = Rows(
    "SELECT payment_id AS key, merchant_id, request, instrument, attempts, exhausted FROM routes"
    " WHERE payment_id = ANY(cast(:keys AS uuid[])) ORDER BY payment_id FOR UPDATE",
    rank=1,
)
INSERT_ROUTE = insert(routes, "payment_id", "merchant_id", "request", "instrument", "attempts", "exhausted", "forget_at")
UPDATE_ROUTE = update(routes, "attempts", "exhausted", key="payment_id")
INSERT_DECISION = insert(decisions, "payment_id", "number", "gateway", "reason", "ranked")
FORGET = text(
    "UPDATE routes SET instrument = NULL, forget_at = NULL WHERE payment_id IN"
    " (SELECT payment_id FROM routes WHERE forget_at < now() ORDER BY forget_at LIMIT 1000 FOR UPDATE SKIP LOCKED)"
)
SEED_GATEWAY = text(
    "INSERT INTO gateways (name, methods, currencies, priority, amount_minor_min, amount_minor_max)"
    " VALUES (:name, cast(:methods AS jsonb), cast(:currencies AS jsonb), :priority, :amount_minor_min, :amount_minor_max)"
    " ON CONFLICT (name) DO NOTHING"
)
GATEWAYS = text("SELECT name, methods, currencies, priority, amount_minor_min, amount_minor_max, enabled FROM gateways ORDER BY name")


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt as the router knows it: open until it hears that nothing was charged."""

    attempt_id: UUID
    number: int
    gateway: str
    state: Literal["open", "failed"] = "open"


@dataclass(frozen=True, slots=True)
class RouteRow:
    """A payment's route. `request` is None for a payment the router never heard of before it was asked to resume it."""

    request: RoutePayment | None
    tries: tuple[Try, ...]
    exhausted: dict[str, str] | None
    instrument: SealedInstrument | None


def route_of(message: Message) -> Sequence[Load]:
    return [Load(ROUTE, message.correlation_id)]


def read(work: Work, payment_id: UUID) -> RouteRow | None:
    row = work.row(ROUTE, payment_id)
    if row is None:
        return None
    return RouteRow(
        request=RoutePayment.model_validate(row.request) if row.request else None,
        tries=tuple(Try(UUID(one["attempt_id"]), one["number"], one["gateway"], one["state"]) for one in row.attempts),
        exhausted=row.exhausted,
        instrument=SealedInstrument.model_validate(row.instrument) if row.instrument else None,
    )


def open_route(work: Work, command: RoutePayment, tries: Sequence[Try], exhausted: dict[str, str] | None, forget_at: datetime) -> None:
    """A route that ends at once keeps no instrument."""
    keep = command.instrument if exhausted is None else None
    work.write(
        INSERT_ROUTE,
        payment_id=command.payment_id,
        merchant_id=command.merchant_id,
        request=command.model_dump_json(exclude={"instrument"}, exclude_none=True),
        instrument=keep.model_dump_json() if keep else None,
        attempts=_tries(tries),
        exhausted=_json(exhausted),
        forget_at=forget_at + timedelta(seconds=60) if keep else None,
    )


def close_unknown_route(work: Work, payment_id: UUID, merchant_id: str, exhausted: dict[str, str]) -> None:
    """An exhausted route for a payment that was never heard of, so that a late `payment.route` changes nothing."""
    row = {"payment_id": payment_id, "merchant_id": merchant_id, "request": "{}", "instrument": None}
    work.write(INSERT_ROUTE, **row, attempts="[]", exhausted=_json(exhausted), forget_at=None)


def move_on(work: Work, payment_id: UUID, tries: Sequence[Try], exhausted: dict[str, str] | None) -> None:
    work.write(UPDATE_ROUTE, payment_id=payment_id, attempts=_tries(tries), exhausted=_json(exhausted))


def record(work: Work, payment_id: UUID, number: int, decision: Route | NoRoute) -> None:
    gateway = decision.gateway if isinstance(decision, Route) else None
    ranked = orjson.dumps([{"gateway": one.gateway, "rank": one.rank, "reason": one.reason} for one in decision.ranked]).decode()
    work.write(INSERT_DECISION, payment_id=payment_id, number=number, gateway=gateway, reason=decision.reason, ranked=ranked)


async def seed_gateways(engine: AsyncEngine, accounts: Sequence[Account]) -> None:
    """New accounts of `gateways.toml` get a row; rows that are there keep what operators made of them."""
    async with engine.begin() as connection:
        for account in accounts:
            lists = {"methods": orjson.dumps(account.methods).decode(), "currencies": orjson.dumps(account.currencies).decode()}
            limits = {"amount_minor_min": account.amount_minor_min, "amount_minor_max": account.amount_minor_max}
            await connection.execute(SEED_GATEWAY, {"name": account.name, "priority": account.priority, **lists, **limits})


async def load_gateways(engine: AsyncEngine) -> tuple[Gateway, ...]:
    async with engine.connect() as connection:
        rows = (await connection.execute(GATEWAYS)).mappings().all()
    return tuple(Gateway(**{**row, "methods": frozenset(row["methods"]), "currencies": frozenset(row["currencies"])}) for row in rows)


async def forget_instruments(engine: AsyncEngine) -> int:
    async with engine.begin() as connection:
        return (await connection.execute(FORGET)).rowcount


def _tries(tries: Sequence[Try]) -> str:
    return orjson.dumps(tries).decode()


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()
