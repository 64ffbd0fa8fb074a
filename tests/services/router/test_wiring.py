"""The service put together: every question has an answer, the environment goes before the database, and replicas hear of changes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.router import store, wiring
from services.router.answers import answers
from services.router.answers.gateways import change_gateway
from services.router.desk import Desk
from services.router.picture import Picture
from services.router.wiring import Rules
from shared.contracts import questions
from shared.contracts.questions import ChangeGateway
from shared.messaging.broadcast import Ear
from shared.messaging.rabbit import connect
from shared.topology import BROADCAST
from tests.kernel.waiting import until
from tests.servers import Database
from tests.services.router.conftest import ACCOUNTS, Office

MODELS = [one for one in vars(questions).values() if isinstance(one, type) and issubclass(one, questions.Question)]
ASKED = {one.kind_of() for one in MODELS if getattr(one, "owner", "") == "router"}


def test_every_question_to_the_router_has_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert answers.functions.keys() == ASKED
    monkeypatch.setenv("PAYMESH_DATABASE_URL", "postgresql+asyncpg://nobody@localhost:1/x")
    monkeypatch.setenv("PAYMESH_RABBITMQ_URL", "amqp://localhost:1/")
    assert wiring.build().name == "router"  # raises KeyError for a dependency that an answer names and nobody gives


async def test_the_environments_order_goes_before_the_databases(office: Office) -> None:
    parts: Any = SimpleNamespace(engine=office.database.engine)
    for policy, expected in (("fixed", "fixed"), (None, "adaptive")):
        await Rules(parts, office.picture, policy).load()
        assert office.picture.rules.scoring.policy == expected


@asynccontextmanager
async def replica(database: Database, url: str) -> AsyncIterator[Rules]:
    broker = connect(url, service="router")
    await broker.connect()
    picture = Picture()
    parts: Any = SimpleNamespace(engine=database.engine, mouth=broker)
    rules = Rules(parts, picture, None)
    await Ear(broker, BROADCAST, picture.hear_change).open(["routing.changed"])
    await rules.load()
    following = asyncio.create_task(follow(rules))
    try:
        yield rules
    finally:
        following.cancel()
        await broker.stop()


async def follow(rules: Rules) -> None:
    while True:
        await rules.follow()


async def test_a_change_at_one_replica_is_gone_by_at_the_others(office: Office, rabbitmq_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "REFRESH_S", 3600.0)  # so that nobody finds it by looking
    async with replica(office.database, rabbitmq_url) as one, replica(office.database, rabbitmq_url) as other:
        asked = ChangeGateway(name="alpha", changes={"enabled": False}, actor="asha", reason="broken")
        await change_gateway(asked, Desk(office.database.engine, one.announce))
        assert not one.picture.rules.gateways[0].enabled, "who answered goes by it at once"
        await until(lambda: not other.picture.rules.gateways[0].enabled)


async def test_what_nobody_announced_is_found_by_looking(office: Office, rabbitmq_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "REFRESH_S", 0.05)
    async with replica(office.database, rabbitmq_url) as one:
        await office.database.rows("UPDATE gateways SET enabled = false WHERE name = 'alpha'")
        await until(lambda: not one.picture.rules.gateways[0].enabled)


async def test_a_change_stands_even_if_nobody_can_be_told(office: Office) -> None:
    parts: Any = SimpleNamespace(engine=office.database.engine, mouth=connect("amqp://localhost:1/", service="router"))
    rules = Rules(parts, office.picture, None)
    asked = ChangeGateway(name="alpha", changes={"enabled": False}, actor="asha", reason="broken")
    with capture_logs() as logs:
        assert not (await change_gateway(asked, Desk(office.database.engine, rules.announce))).enabled
    assert [(one["event"], one["action"]) for one in logs] == [("change_not_announced", "change_gateway")]
    assert not office.picture.rules.gateways[0].enabled


async def test_new_accounts_get_a_row_and_old_rows_stay(office: Office) -> None:
    await office.database.rows("UPDATE gateways SET enabled = false, priority = 9 WHERE name = 'alpha'")
    await store.seed_gateways(office.database.engine, [*ACCOUNTS, ACCOUNTS[0].model_copy(update={"name": "gamma"})])
    rules = await store.load_rules(office.database.engine)
    assert [(one.name, one.enabled, one.priority) for one in rules.gateways] == [("alpha", False, 9), ("beta", True, 1), ("gamma", True, 0)]
