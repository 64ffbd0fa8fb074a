"""Locks that do not hold each other up: rows that name a payment or a subscription lock it by its key, and its key never changes."""

import asyncio
from typing import Any

from sqlalchemy import text

from services.api import subscriptions
from services.api.domain.quota import own_id
from services.api.http.paying.teller import Wish
from shared.clock import new_id
from tests.servers import Database
from tests.services.api.replica import Replica
from tests.services.api.test_money import AMOUNT, ask, stands, succeeded, sums
from tests.services.api.test_quota import left, make

Replicas = tuple[Replica, Replica]


async def test_who_holds_an_operation_holds_nobody_up_who_has_its_payment(database: Database, replicas: Replicas) -> None:
    """The sweeper leases an operation and changes it again: PostgreSQL checks then that its payment is there. It used to wait for the
    evidence of that same operation, which waited for it."""
    payment_id = await stands(database, "succeeded", captured_minor=AMOUNT)
    refund: Any = await ask(replicas[0], Wish("refund", payment_id, 1_000))
    async with database.engine.connect() as sweeper:
        await sweeper.execute(text("SELECT 1 FROM payments WHERE payment_id = :id FOR KEY SHARE"), {"id": payment_id})
        async with asyncio.timeout(20):
            await replicas[1].hear(succeeded(refund))
    assert (await sums(database, payment_id)).refunded_minor == 1_000


async def test_two_grants_at_once_wait_for_nobody(database: Database, replicas: Replicas) -> None:
    """One has been written and not committed; the other, and a payment, take what they need."""
    name = await make(replicas[0], 1)
    key = own_id("m_001", name)
    async with database.engine.connect() as other:
        await other.execute(
            text("INSERT INTO token_grants (grant_id, own_id, tokens) VALUES (:id, :own_id, 5)"), {"id": new_id(), "own_id": key}
        )
        async with asyncio.timeout(20):
            await replicas[0].edge.unit_of_work.apply(lambda work: subscriptions.add(work, key, 2))
    assert await left(database, name) == 3
