"""Every statement on the path of a payment finds its rows by an index, however many old payments there are."""

import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
import pytest
from sqlalchemy import make_url, types
from sqlalchemy.dialects.postgresql import JSONB

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
# What reads a table whole because it is small by its nature: accounts, endpoints of a merchant, minutes of five.
SMALL = {"gateways", "endpoints", "windows", "leader", "merchants", "api_keys", "outbox"}
MODULES = {**{service: [f"services.{service}.store"] for service in SERVICES}, "api": ["services.api.store", "services.api.queries"]}
NOT_HOT = {"SEED", "SEED_GATEWAY", "MERCHANT"}
SAMPLES: dict[type[types.TypeEngine[Any]], Any] = {
    types.Uuid: uuid4(), types.Text: "x", types.DateTime: utc_now(), types.SmallInteger: 1, types.Integer: 1, types.BigInteger: 1,
    types.LargeBinary: b"x", types.Boolean: True, JSONB: "{}",
}  # fmt: skip
NAMED: dict[str, Any] = {
    "payment_id": uuid4(), "merchant_id": "m_001", "key_id": "k", "claim": "c", "order_id": "o", "again_s": 60.0, "lease_s": 30.0,
    "most": 100, "holder": uuid4(),
}  # fmt: skip


def sample(statement: Bulk, column: str) -> Any:
    kind = statement.table.c[column].type
    return next(value for sampled, value in SAMPLES.items() if isinstance(kind, sampled))


def statements(module: ModuleType) -> Iterator[tuple[str, str, list[Any]]]:
    """(name, SQL with $n, arguments) of everything a store or its queries may run."""
    for name, value in vars(module).items():
        if not name.isupper() or name in NOT_HOT:
            continue
        if isinstance(value, Bulk):
            yield name, value.sql, [[sample(value, column)] for column in value.columns]
        elif isinstance(value, Rows):
            yield name, value.sql, [["m_001"] if "text[]" in value.sql else [uuid4()]]
        else:
            sql = str(getattr(value, "text", value))
            if sql.split(" ", 1)[0] in ("SELECT", "UPDATE", "DELETE", "WITH", "INSERT"):
                names = [one for one in NAMED if f":{one}" in sql.replace("::", "")]
                yield name, positional(sql, *names), [NAMED[one] for one in names]


def kernel_statements(module: ModuleType) -> Iterator[tuple[str, str, list[Any]]]:
    relay = Relay(None, module.outbox, None)  # type: ignore[arg-type]
    yield "relay.take", relay.take, []
    yield "relay.delete", relay.delete, [[uuid4()]]
    yield "pruner", str(Pruner(None, module.inbox).prune), []  # type: ignore[arg-type]


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
            for title, sql, arguments in asked:
                (plan,) = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {sql}", *arguments)
                seen += 1
                if read := list(whole_reads(plan["Plan"])):
                    found[f"{name}.{title}"] = read
        await connection.close()
        assert not found, "these read a whole table that grows"
        assert seen > 5
