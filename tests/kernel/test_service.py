"""A real service process: ready when it can do its work and not before, told to stop it loses nothing."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from deploy.local.instance import ROOT
from shared import topology
from shared.clock import new_id
from shared.contracts import Attempt, AttemptUnknown, Money
from tests.kernel.queues import Queues, queues_at
from tests.kernel.waiting import until
from tests.servers import Database, Mortal, fresh_database

INLET = topology.METRICS_OUTCOMES
WITHIN_S = 60.0


class Service:
    """`python -m services.metrics`, the simplest there is."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.environment = {**environment, "PAYMESH_OPS_PORT": str(port)}
        self.log = log
        self.process: asyncio.subprocess.Process | None = None

    async def run(self, *module: str) -> int:
        """A command to its end."""
        with self.log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", *module, cwd=ROOT, env=self.environment, stdout=output, stderr=output
            )
            return await process.wait()

    async def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "services.metrics", cwd=ROOT, env=self.environment, stdout=output, stderr=output
            )

    async def stop(self) -> int:
        """SIGTERM; its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(WITHIN_S):
            return await self.process.wait()

    async def kill(self) -> None:
        if self.process and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def asked(self, path: str) -> tuple[int, dict[str, Any]]:
        """Status 0 where nobody answers."""
        assert self.process is not None
        assert self.process.returncode is None, self.log.read_text()
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{self.url}{path}") as answer:
                return answer.status, await answer.json()
        except aiohttp.ClientConnectionError:
            return 0, {}

    async def ready(self) -> bool:
        status, answer = await self.asked("/readyz")
        assert answer.get("ready", False) is (status == 200)
        return status == 200

    async def failing(self) -> set[str]:
        """Checks that say no."""
        _, answer = await self.asked("/readyz")
        return {name for name, check in answer.get("checks", {}).items() if not check["ok"]}


@pytest_asyncio.fixture(scope="module")
async def servers(mortal_postgres: Mortal, mortal_rabbitmq: Mortal) -> tuple[Mortal, Mortal]:
    return mortal_postgres, mortal_rabbitmq


@pytest_asyncio.fixture(scope="module")
async def ledger(servers: tuple[Mortal, Mortal]) -> AsyncIterator[Database]:
    async with fresh_database(servers[0].url) as found:
        yield found


@pytest_asyncio.fixture(scope="module")
async def environment(ledger: Database, servers: tuple[Mortal, Mortal], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """With a database that is migrated and a broker that has the topology."""
    found = {
        "PATH": os.environ["PATH"],
        "PAYMESH_DATABASE_URL": ledger.url,
        "PAYMESH_RABBITMQ_URL": servers[1].url,
        "PAYMESH_STOP_TIMEOUT_S": "50",
        "PAYMESH_LOCK_TIMEOUT_MS": "20000",
    }
    one = Service(found, tmp_path_factory.mktemp("deploy") / "deploy.log")
    done = await asyncio.gather(one.run("shared.storage.migrate", "metrics", "upgrade"), one.run("shared.topology", "declare"))
    assert not any(done), one.log.read_text()
    return found


@pytest_asyncio.fixture
async def broker(servers: tuple[Mortal, Mortal]) -> AsyncIterator[Queues]:
    async with queues_at(servers[1].url) as found:
        yield found


@pytest_asyncio.fixture
async def service(environment: dict[str, str], ledger: Database, broker: Queues, tmp_path: Path) -> AsyncIterator[Service]:
    """Started and ready, with nothing left of the tests before."""
    await ledger.rows("TRUNCATE inbox, outbox, outcomes")
    channel = await broker.channel()
    await (await channel.get_queue(INLET.queue)).purge()
    await channel.close()
    one = Service(environment, tmp_path / "service.log")
    await one.start()
    try:
        await until(one.ready, WITHIN_S)
        yield one
    finally:
        await one.kill()


def _outcome() -> AttemptUnknown:
    money = Money(amount_minor=100, currency="INR")
    attempt = Attempt(
        attempt_id=new_id(), payment_id=new_id(), merchant_id="m", operation="charge", gateway="alpha", number=1, amount=money, method="UPI"
    )
    return AttemptUnknown(correlation_id=attempt.payment_id, attempt=attempt, reason="no answer")


async def test_it_stops_in_the_middle_of_its_work_and_loses_nothing(service: Service, ledger: Database, broker: Queues) -> None:
    """Told to stop while a transaction waits for a lock: what it has in hand is finished, it takes no more, and exits with 0."""
    outcomes = [_outcome() for _ in range(60)]
    async with ledger.engine.begin() as gate:
        await gate.exec_driver_sql("LOCK TABLE outcomes IN SHARE MODE")
        await broker.put(INLET, outcomes[:30], *([one] for one in outcomes[30:40]))
        await until(lambda: ledger.waiting("paymesh-metrics"))
        stopped = asyncio.ensure_future(service.stop())
        await until(lambda: _refuses(service))
        await broker.put(INLET, outcomes[40:])
    assert await stopped == 0, service.log.read_text()
    kept = {row.attempt_id for row in await ledger.rows("SELECT attempt_id FROM outcomes")}
    assert kept == {one.attempt.attempt_id for one in outcomes[:40]}
    assert await broker.take(INLET.queue) is not None
    assert await broker.take(INLET.queue) is None, "what was done was not acknowledged"
    assert '"event": "stopped"' in service.log.read_text()
    assert "stopped_before_dry" not in service.log.read_text()


async def _refuses(service: Service) -> bool:
    """Not ready from the moment it stops, so that nobody sends it anything more."""
    return not await service.ready()


async def test_it_is_ready_while_it_can_work_and_alive_all_along(
    service: Service, ledger: Database, broker: Queues, servers: tuple[Mortal, Mortal]
) -> None:
    status, answer = await service.asked("/readyz")
    assert (status, set(answer["checks"])) == (200, {"database", "consumers", "publisher"})
    channel = await broker.channel()
    await channel.queue_delete(INLET.queue)
    await until(lambda: _fails(service, "consumers"))
    assert (await service.asked("/livez"))[0] == 200
    assert await service.run("shared.topology", "declare") == 0
    await until(service.ready, WITHIN_S)

    await servers[0].kill()
    try:
        await until(lambda: _fails(service, "database"))
        assert (await service.asked("/livez"))[0] == 200
        outcome = _outcome()
        await broker.put(INLET, [outcome])
    finally:
        await servers[0].start()
        await ledger.engine.dispose()
    await until(service.ready, WITHIN_S)
    await until(lambda: ledger.value("SELECT count(*) = 1 FROM outcomes WHERE attempt_id = :id", id=outcome.attempt.attempt_id))
    assert await service.stop() == 0


async def _fails(service: Service, check: str) -> bool:
    return await service.failing() == {check}


async def test_a_row_that_nobody_takes_makes_it_unready(service: Service, ledger: Database) -> None:
    """What it says does not leave: something is wrong that looks well from inside."""
    await ledger.rows(
        "INSERT INTO outbox (id, message_id, exchange, routing_key, kind, body, refusals, due_at)"
        " SELECT id, id, '', 'nowhere', 'x', '', 0, now() - interval '5 minutes' FROM (SELECT gen_random_uuid() AS id) AS one"
    )

    async def held() -> bool:
        """Unless a relay was faster, none can take it."""
        await ledger.rows("UPDATE outbox SET due_at = now() - interval '5 minutes'")
        async with ledger.engine.begin() as gate:
            overdue = await gate.exec_driver_sql("SELECT 1 FROM outbox WHERE due_at < now() - interval '4 minutes' FOR UPDATE")
            return bool(overdue.all()) and await service.failing() == {"database"}

    await until(held)
    await until(service.ready)


async def test_told_to_stop_without_a_database_it_gives_up_in_time(
    service: Service, ledger: Database, broker: Queues, servers: tuple[Mortal, Mortal]
) -> None:
    """What it has in hand goes back to the queue, and nothing to the dead letters."""
    service.environment["PAYMESH_STOP_TIMEOUT_S"] = "1"
    await service.kill()
    await service.start()
    await until(service.ready, WITHIN_S)
    outcomes = [_outcome() for _ in range(5)]
    await servers[0].kill()
    try:
        await broker.put(INLET, *([one] for one in outcomes))

        async def in_hand() -> bool:
            return await broker.length(INLET.queue) == 0

        await until(in_hand)
        assert await service.stop() == 0
    finally:
        await servers[0].start()
        await ledger.engine.dispose()
    assert len(await broker.taken(INLET.queue, 5)) == 5
    assert await broker.take(INLET.dead_queue) is None


async def test_a_missing_queue_ends_the_start(service: Service, broker: Queues) -> None:
    """Loudly: a consumer that made the queue itself would wait there for what nobody routes to it."""
    await service.kill()
    channel = await broker.channel()
    await channel.queue_delete(INLET.queue)
    await service.start()
    assert service.process is not None
    async with asyncio.timeout(WITHIN_S):
        assert await service.process.wait() == 1
    assert f"no queue '{INLET.queue}'" in service.log.read_text()


@pytest.mark.parametrize("variable", ["PAYMESH_DATABASE_URL", "PAYMESH_RABBITMQ_URL"])
async def test_a_missing_setting_is_named(tmp_path: Path, variable: str) -> None:
    given = {"PATH": os.environ["PATH"], "PAYMESH_DATABASE_URL": "postgresql+asyncpg://x/y", "PAYMESH_RABBITMQ_URL": "amqp://x/"}
    one = Service({name: value for name, value in given.items() if name != variable}, tmp_path / "service.log")
    assert await one.run("services.metrics") == 1
    assert variable.removeprefix("PAYMESH_").lower() in one.log.read_text()
