"""Every statement on the path of a payment finds its rows by an index, however many old payments there are."""

import importlib
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
import pytest
from sqlalchemy import make_url

from deploy.bench.ages import statements_of
from deploy.local.programs import SERVICES
from shared.clock import utc_now
from shared.messaging.relay import Relay
from shared.storage.bulk import Bulk
from shared.storage.pruner import Pruner
from shared.storage.transaction import positional
from shared.storage.work import Rows
from tests.servers import Database, fresh_database

OLD_PAYMENTS = 20_000  # enough for the planner to prefer an index to reading everything
# Small by their nature: configuration, an endpoint or a breaker each, minutes of five.
SMALL = {
    "gateways", "endpoints", "windows", "leader", "merchants", "api_keys", "outbox", "experiments", "retry_policies", "scoring", "bandits",
    "shadow", "breakers", "error_classes", "reconciliation_schedule", "pg_database",
}  # fmt: skip
MODULES = {
    **{service: [f"services.{service}.store"] for service in SERVICES},
    "api": ["services.api.store", "services.api.queries", "services.api.ledger", "services.api.subscriptions"],
    "executor": ["services.executor.store", "services.executor.queries"],
    "metrics": ["services.metrics.store", "services.metrics.ledger"],
    "verifier": ["services.verifier.store", "services.verifier.ledger", "services.verifier.witnesses"],
}
NOT_HOT = {"SEED", "SEED_GATEWAY", "MERCHANT", "OPERATOR"}
NAME = re.compile(r"(?<!:):([a-z_][a-z0-9_]*)")
SAMPLES: dict[str, Any] = {
    "uuid": uuid4(), "text": "m_001", "timestamptz": utc_now(), "int2": 1, "int4": 1, "int8": 1, "float4": 0.5, "float8": 0.5,
    "bytea": b"x", "bool": True, "jsonb": "{}", "json": "{}",
}  # fmt: skip


def statements(module: ModuleType) -> Iterator[tuple[str, str]]:
    """(name, SQL with $n) of everything a store or its queries may run."""
    for name, value in vars(module).items():
        if not name.isupper() or name in NOT_HOT:
            continue
        sql = value.sql if isinstance(value, Bulk | Rows) else str(getattr(value, "text", value))
        if sql.split(" ", 1)[0] in ("SELECT", "UPDATE", "DELETE", "WITH", "INSERT"):
            yield name, positional(sql, *dict.fromkeys(NAME.findall(sql)))


def kernel_statements(module: ModuleType) -> Iterator[tuple[str, str]]:
    relay = Relay(None, module.outbox, None)  # type: ignore[arg-type]
    yield "relay.take", relay.take
    yield "relay.delete", relay.delete
    pruner = Pruner(None, module.inbox)  # type: ignore[arg-type]
    if hasattr(module, "idempotency"):
        pruner.forget(module.idempotency.c.created_at, keep_days=30)
    for prune in pruner.prunes:
        yield f"pruner: {prune}", str(prune)


async def plan_of(connection: "asyncpg.Connection[Any]", sql: str) -> dict[str, Any]:
    """With an argument of each parameter's type."""
    parameters = (await connection.prepare(sql)).get_parameters()
    arguments = [[SAMPLES[one.name.removesuffix("[]")]] if one.name.endswith("[]") else SAMPLES[one.name] for one in parameters]
    (plan,) = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {sql}", *arguments)
    found: dict[str, Any] = plan["Plan"]
    return found


def whole_reads(plan: dict[str, Any]) -> Iterator[str]:
    if plan["Node Type"] == "Seq Scan" and plan["Relation Name"] not in SMALL:
        yield plan["Relation Name"]
    for below in plan.get("Plans", ()):
        yield from whole_reads(below)


async def grown(database: Database, service: str) -> "asyncpg.Connection[Any]":
    module = importlib.import_module(f"services.{service}.store")
    await database.create(module.metadata)
    connection = await asyncpg.connect(make_url(database.url).set(drivername="postgresql").render_as_string(hide_password=False))
    if service == "api":
        await connection.execute("INSERT INTO merchants (merchant_id, name, currency) VALUES ('m_001', 'demo', 'INR')")
    if service == "notifier":
        await connection.execute(
            "INSERT INTO endpoints (endpoint_id, merchant_id, url, secret_sealed) VALUES ('we_demo', 'm_001', 'x', 'x')"
        )
    for statement in statements_of(service):
        await connection.execute(statement, 1, OLD_PAYMENTS)
    await connection.execute("ANALYZE")
    return connection


@pytest.mark.parametrize("service", SERVICES)
async def test_hot_statements_use_an_index(postgres_url: str, service: str) -> None:
    async with fresh_database(postgres_url) as database:
        connection = await grown(database, service)
        await connection.set_type_codec("json", encoder=str, decoder=orjson.loads, schema="pg_catalog")
        found: dict[str, list[str]] = {}
        seen = 0
        for name in MODULES[service]:
            module = importlib.import_module(name)
            asked = [*statements(module), *(kernel_statements(module) if name.endswith(".store") else ())]
            for title, sql in asked:
                seen += 1
                if read := list(whole_reads(await plan_of(connection, sql))):
                    found[f"{name}.{title}"] = read
        await connection.close()
        assert not found, "these read a whole table that grows"
        assert seen > 5
