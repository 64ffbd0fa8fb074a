"""Statements of the payments' path, and what is read when the router starts and every few seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.router.domain.board import SCORING
from services.router.domain.decision import Decision
from services.router.domain.record import record_of
from services.router.domain.rulebook import Rulebook
from services.router.domain.shadow import Comparison
from services.router.tables import audit, decisions, experiments, inbox, metadata, outbox, routes, shadow_decisions
from shared.accounts import Account
from shared.contracts import Assignment, Message, RoutePayment, SealedInstrument
from shared.contracts.questions import ExperimentView, GatewayView, RetryPolicyView, ScoringView
from shared.storage.bulk import insert, update
from shared.storage.work import Load, Rows, Work

__all__ = ["inbox", "metadata", "outbox"]

ROUTE = Rows(
    "SELECT payment_id AS key, merchant_id, request, instrument, attempts, skipped, exhausted FROM routes"
    " WHERE payment_id = ANY(cast(:keys AS uuid[])) ORDER BY payment_id FOR UPDATE",
    rank=1,
)
EXPERIMENT = Rows(
    "SELECT experiment_id AS key, status FROM experiments WHERE experiment_id = ANY(cast(:keys AS text[]))"
    " ORDER BY experiment_id FOR UPDATE",
    rank=2,
)
INSERT_ROUTE = insert(routes, "payment_id", "merchant_id", "request", "instrument", "attempts", "skipped", "exhausted", "forget_at")
UPDATE_ROUTE = update(routes, "attempts", "skipped", "exhausted", key="payment_id")
INSERT_DECISION = insert(decisions, "payment_id", "number", "gateway", "reason", "record")
INSERT_SHADOW = insert(
    shadow_decisions,
    "payment_id",
    "number",
    "policy",
    "made",
    "shadow",
    "expected_made",
    "expected_shadow",
    tail="ON CONFLICT (payment_id, number) DO NOTHING",
)
PAUSE_EXPERIMENT = update(experiments, "status", "reason", key="experiment_id")
INSERT_AUDIT = insert(audit, "actor", "action", "subject", "before", "after", "reason")
FORGET = text(
    "UPDATE routes SET instrument = NULL, forget_at = NULL WHERE payment_id IN"
    " (SELECT payment_id FROM routes WHERE forget_at < now() ORDER BY forget_at LIMIT 1000 FOR UPDATE SKIP LOCKED)"
)
SEED_GATEWAY = text(
    "INSERT INTO gateways (name, methods, currencies, priority, amount_minor_min, amount_minor_max)"
    " VALUES (:name, cast(:methods AS jsonb), cast(:currencies AS jsonb), :priority, :amount_minor_min, :amount_minor_max)"
    " ON CONFLICT (name) DO NOTHING"
)
GATEWAYS = "SELECT * FROM gateways ORDER BY name"
RUNNING = "SELECT * FROM experiments WHERE status = 'running' ORDER BY created_at, experiment_id"
RETRIES = "SELECT * FROM retry_policies"
SEGMENTS_ON = "SELECT segment FROM bandits WHERE enabled"
SCORING_SET = "SELECT policy, weights FROM scoring WHERE id = 1"
SHADOW_SET = "SELECT policy FROM shadow WHERE id = 1"


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt as the router knows it: open until it hears that nothing was charged, or from the verifier that something was."""

    attempt_id: UUID
    number: int
    gateway: str
    state: Literal["open", "failed", "succeeded"] = "open"
    probe: bool = False
    epoch: int = 0
    experiment: Assignment | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """A gateway that was passed over at attempt `number`, because of its breaker."""

    gateway: str
    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class RouteRow:
    """A payment's route. `request` is None for a payment the router never heard of before it was asked to resume it."""

    request: RoutePayment | None
    tries: tuple[Try, ...]
    skipped: tuple[Skip, ...]
    exhausted: dict[str, str] | None
    instrument: SealedInstrument | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a route has come. `exhausted` says why it is at its end."""

    tries: tuple[Try, ...] = ()
    skipped: tuple[Skip, ...] = ()
    exhausted: dict[str, str] | None = None


def route_of(message: Message) -> Sequence[Load]:
    return [Load(ROUTE, message.correlation_id)]


def read(work: Work, payment_id: UUID) -> RouteRow | None:
    row = work.row(ROUTE, payment_id)
    if row is None:
        return None
    return RouteRow(
        request=RoutePayment.model_validate(row.request) if row.request else None,
        tries=tuple(map(_try, row.attempts)),
        skipped=tuple(Skip(**one) for one in row.skipped),
        exhausted=row.exhausted,
        instrument=SealedInstrument.model_validate(row.instrument) if row.instrument else None,
    )


def open_route(work: Work, command: RoutePayment, progress: Progress, forget_at: datetime) -> None:
    """A route that ends at once keeps no instrument."""
    keep = command.instrument if progress.exhausted is None else None
    work.write(
        INSERT_ROUTE,
        payment_id=command.payment_id,
        merchant_id=command.merchant_id,
        request=command.model_dump_json(exclude={"instrument"}, exclude_none=True),
        instrument=keep.model_dump_json() if keep else None,
        **_progress(progress),
        forget_at=forget_at + timedelta(seconds=60) if keep else None,
    )


def close_unknown_route(work: Work, payment_id: UUID, merchant_id: str, exhausted: dict[str, str]) -> None:
    """An exhausted route for a payment that was never heard of, so that a late `payment.route` changes nothing."""
    row = {"payment_id": payment_id, "merchant_id": merchant_id, "request": "{}", "instrument": None}
    work.write(INSERT_ROUTE, **row, **_progress(Progress(exhausted=exhausted)), forget_at=None)


def move_on(work: Work, payment_id: UUID, progress: Progress) -> None:
    work.write(UPDATE_ROUTE, payment_id=payment_id, **_progress(progress))


def record(work: Work, payment_id: UUID, number: int, decision: Decision) -> str:
    """Stores the decision with everything that it went by, and returns that."""
    written = record_of(decision)
    work.write(INSERT_DECISION, payment_id=payment_id, number=number, gateway=decision.gateway, reason=decision.reason, record=written)
    return written


def record_shadow(work: Work, payment_id: UUID, number: int, found: Comparison) -> None:
    work.write(
        INSERT_SHADOW,
        payment_id=payment_id,
        number=number,
        policy=found.policy,
        made=found.made,
        shadow=found.shadow,
        expected_made=found.expected_made,
        expected_shadow=found.expected_shadow,
    )


async def seed_gateways(engine: AsyncEngine, accounts: Sequence[Account]) -> None:
    """New accounts of `gateways.toml` get a row; rows that are there keep what operators made of them."""
    async with engine.begin() as connection:
        for account in accounts:
            lists = {"methods": orjson.dumps(account.methods).decode(), "currencies": orjson.dumps(account.currencies).decode()}
            limits = {"amount_minor_min": account.amount_minor_min, "amount_minor_max": account.amount_minor_max}
            await connection.execute(SEED_GATEWAY, {"name": account.name, "priority": account.priority, **lists, **limits})


async def load_rules(engine: AsyncEngine) -> Rulebook:
    """Everything that operators have laid down, as of one moment."""
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ")

        async def rows(sql: str) -> list[dict[str, Any]]:
            return [dict(row) for row in (await connection.execute(text(sql))).mappings()]

        scoring, shadow = await rows(SCORING_SET), await rows(SHADOW_SET)
        return Rulebook(
            gateways=tuple(GatewayView.model_validate(row) for row in await rows(GATEWAYS)),
            scoring=ScoringView.model_validate(scoring[0]) if scoring else SCORING,
            experiments=tuple(ExperimentView.model_validate(row) for row in await rows(RUNNING)),
            bandits=frozenset(row["segment"] for row in await rows(SEGMENTS_ON)),
            retries={row["merchant_id"]: RetryPolicyView.model_validate(row) for row in await rows(RETRIES)},
            shadow=shadow[0]["policy"] if shadow else None,
        )


async def forget_instruments(engine: AsyncEngine) -> int:
    async with engine.begin() as connection:
        return (await connection.execute(FORGET)).rowcount


def _try(stored: dict[str, Any]) -> Try:
    experiment = stored.get("experiment")
    return Try(
        attempt_id=UUID(stored["attempt_id"]),
        number=stored["number"],
        gateway=stored["gateway"],
        state=stored["state"],
        probe=stored.get("probe", False),
        epoch=stored.get("epoch", 0),
        experiment=Assignment.model_validate(experiment) if experiment else None,
    )


def _progress(progress: Progress) -> dict[str, str | None]:
    exhausted = progress.exhausted
    return {
        "attempts": orjson.dumps(progress.tries, default=Assignment.model_dump).decode(),
        "skipped": orjson.dumps(progress.skipped).decode(),
        "exhausted": None if exhausted is None else orjson.dumps(exhausted).decode(),
    }
