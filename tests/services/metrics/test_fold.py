"""Windows count each attempt once, under its last word, in whatever order its words are folded."""

from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from services.metrics import store
from shared.clock import new_id
from tests.servers import Database, fresh_database

FIRST, CORRECTION = (0, "unknown"), (1, "success")


async def hear(database: Database, attempt_id: UUID, phase: int, outcome_class: str) -> None:
    await database.rows(
        "INSERT INTO outcomes (attempt_id, phase, gateway, method, outcome_class) VALUES (:id, :phase, 'alpha', 'UPI', :what)",
        id=attempt_id,
        phase=phase,
        what=outcome_class,
    )


async def fold(database: Database) -> None:
    async with database.engine.begin() as connection:
        await store.fold(connection)


async def counts(database: Database) -> dict[str, Any]:
    rows = await database.rows("SELECT outcome_class, sum(attempts) AS n FROM windows GROUP BY 1 HAVING sum(attempts) <> 0")
    return {row.outcome_class: row.n for row in rows}


@pytest.mark.parametrize("together", [True, False], ids=["in one fold", "in two folds"])
@pytest.mark.parametrize("words", list(permutations([FIRST, CORRECTION])), ids=["first word first", "correction first"])
async def test_a_corrected_attempt_counts_once(postgres_url: str, words: list[tuple[int, str]], together: bool) -> None:
    async with fresh_database(postgres_url) as database:
        await database.create(store.metadata)
        attempt = new_id()
        for phase, outcome_class in words:
            await hear(database, attempt, phase, outcome_class)
            if not together:
                await fold(database)
        await fold(database)
        await fold(database)
        assert await counts(database) == {"success": 1}


async def test_health_leaves_out_what_is_not_the_gateways_fault(postgres_url: str) -> None:
    async with fresh_database(postgres_url) as database:
        await database.create(store.metadata)
        for outcome_class in ("success", "success", "gateway_fault", "unknown", "user_decline", "fraud_block", "issuer_fault", "our_fault"):
            await hear(database, new_id(), 0, outcome_class)
        await fold(database)
        async with database.engine.connect() as connection:
            (health,) = await store.health(connection)
        assert (health.gateway, health.method, health.attributable, health.succeeded) == ("alpha", "UPI", 4, 2)


async def test_one_replica_leads_until_its_lease_ends(postgres_url: str) -> None:
    async with fresh_database(postgres_url) as database:
        await database.create(store.metadata)
        one, other = new_id(), new_id()
        assert [await store.lead(database.engine, holder) for holder in (one, other, one)] == [1, None, 1]
        await database.rows("UPDATE leader SET until = now() - interval '1 second'")
        assert [await store.lead(database.engine, holder) for holder in (other, one)] == [2, None], "a new leader, a new epoch"
