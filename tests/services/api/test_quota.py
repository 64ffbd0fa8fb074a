"""Tokens of a subscription over two replicas and PostgreSQL: exactly as many payments as tokens, and each comes back once."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.api import overdue, store, subscriptions
from services.api.domain.quota import own_id
from services.api.http.access.keys import Merchant
from services.api.http.layer import Problem, Role
from services.api.http.paying.bodies import CreatePayment
from services.api.http.paying.edge import Accepted
from services.api.queries import Queries
from shared.clock import new_id, utc_now
from shared.contracts import (
    Attempt,
    AttemptActionRequired,
    AttemptEvent,
    AttemptFailed,
    AttemptSucceeded,
    Event,
    Money,
    Refusal,
    RouteExhausted,
    attempt_id,
)
from shared.settings import Waiting
from shared.storage.sweeper import Sweeper
from tests.mesh.waiting import until
from tests.servers import Database
from tests.services.api.replica import Replica

CALLER = Merchant(Role.MERCHANT, "m_001", "key_one", "m_001")
NEIGHBOUR = Merchant(Role.MERCHANT, "m_002", "key_two", "m_002")
REFUSED = Refusal(code="refused", message="no", outcome_class="issuer_fault", retryable=False)
AMOUNT = Money(amount_minor=50_000, currency="INR")
Replicas = tuple[Replica, Replica]


def order(name: str | None, **change: Any) -> CreatePayment:
    body = {"amount": AMOUNT.amount_minor, "method": "UPI", "vpa": "success@sandbox", "subscription_id": name, **change}
    return CreatePayment.model_validate(body)


async def make(one: Replica, tokens: int, *, active: bool = True) -> str:
    """A subscription of the caller's."""
    name, now = f"s-{new_id().hex}", utc_now()
    key = own_id("m_001", name)
    made = subscriptions.Subscription(key, "m_001", name, None, None, tokens, tokens, True, now, now)
    await one.edge.unit_of_work.win(subscriptions.claim_of(made))
    if not active:
        await one.edge.unit_of_work.apply(lambda work: subscriptions.switch(work, key, False))
    return name


async def left(database: Database, name: str) -> int:
    return int(await database.value("SELECT tokens FROM subscriptions WHERE subscription_id = :name", name=name))


async def ask(one: Replica, name: str | None, key: str | None = None, caller: Merchant = CALLER, **change: Any) -> Accepted | str:
    """What was accepted, or the code of the refusal."""
    try:
        return await one.edge.accept(order(name, **change), caller, key or new_id().hex)
    except Problem as problem:
        return problem.code.name


async def accepted(one: Replica, name: str | None, **change: Any) -> UUID:
    answer = await ask(one, name, **change)
    assert isinstance(answer, Accepted), answer
    return answer.payment.payment_id


async def events(database: Database, payment_id: UUID) -> list[str]:
    rows = await database.rows("SELECT event FROM timeline WHERE payment_id = :id AND event LIKE 'quota.%' ORDER BY id", id=payment_id)
    return [row.event for row in rows]


def attempt(payment_id: UUID) -> Attempt:
    return Attempt(
        attempt_id=attempt_id(payment_id, 1),
        payment_id=payment_id,
        merchant_id="m_001",
        operation="charge",
        gateway="alpha",
        number=1,
        amount=AMOUNT,
        method="UPI",
    )


def exhausted(payment_id: UUID) -> RouteExhausted:
    names: dict[str, Any] = {"correlation_id": payment_id, "payment_id": payment_id, "merchant_id": "m_001"}
    return RouteExhausted(**names, code="refused", reason="no gateway took it", attempts=(attempt_id(payment_id, 1),))


def failed(payment_id: UUID) -> AttemptEvent:
    return AttemptFailed(correlation_id=payment_id, attempt=attempt(payment_id), refusal=REFUSED, latency_ms=1)


def succeeded(payment_id: UUID) -> AttemptEvent:
    return AttemptSucceeded(
        correlation_id=payment_id, attempt=attempt(payment_id), confirmed=AMOUNT, gateway_reference="ch_1", latency_ms=1
    )


def copies(payment_id: UUID) -> list[Event]:
    """Its failure, heard twice over: as copies of the same messages, and as others that say the same."""
    said: list[Event] = [failed(payment_id), exhausted(payment_id)]
    return [*said, *said, *(one.model_copy(update={"message_id": new_id()}) for one in said)]


async def test_fifty_at_once_on_ten_tokens_are_ten(database: Database, replicas: Replicas) -> None:
    name = await make(replicas[0], 10)
    answers = await asyncio.gather(*(ask(replicas[n % 2], name) for n in range(50)))
    taken = [one for one in answers if isinstance(one, Accepted)]
    assert (len(taken), Counter(one for one in answers if isinstance(one, str))) == (10, {"QUOTA_EXHAUSTED": 40})
    assert await left(database, name) == 0
    assert await database.value("SELECT count(*) FROM payments WHERE subscription_id = :name", name=name) == 10
    ids = [one.payment.payment_id for one in taken]
    claims = await database.value("SELECT count(*) FROM idempotency WHERE payment_id = ANY(:ids)", ids=ids)
    commands = await database.value(
        "SELECT count(*) FROM outbox WHERE kind = 'payment.route.v1' AND encode(body, 'escape') LIKE ANY(:ids)",
        ids=[f"%{one}%" for one in ids],
    )
    assert (claims, commands) == (10, 10)


async def test_payments_of_one_subscription_share_a_commit(database: Database, replicas: Replicas, monkeypatch: pytest.MonkeyPatch) -> None:
    """And others that need no token are not refused with those that find none."""
    sizes: list[int] = []
    commit = replicas[0].edge.unit_of_work._commit

    async def counted(batch: Any, refused: Any) -> Any:
        sizes.append(len(batch))
        return await commit(batch, refused)

    monkeypatch.setattr(replicas[0].edge.unit_of_work, "_commit", counted)
    name, other = await make(replicas[0], 5), await make(replicas[0], 20)
    wanted = [name] * 8 + [other] * 8 + [None] * 8
    answers = await asyncio.gather(*(ask(replicas[0], one) for one in wanted))
    by = Counter((one, isinstance(answer, Accepted)) for one, answer in zip(wanted, answers, strict=True))
    assert by == {(name, True): 5, (name, False): 3, (other, True): 8, (None, True): 8}
    assert (await left(database, name), await left(database, other)) == (0, 12)
    assert max(sizes) > 8, "each payment had a commit of its own"
    assert len(sizes) < 12, "the batch was taken apart: the database had to say what its changes should have known"


async def test_a_payments_time_is_its_transactions(database: Database, replicas: Replicas) -> None:
    """So it is never earlier than the beginning of a transaction that is still writing."""
    name = await make(replicas[0], 1)
    async with database.engine.connect() as other:
        await other.execute(text("UPDATE subscriptions SET plan = 'gold' WHERE subscription_id = :name"), {"name": name})
        asking = asyncio.ensure_future(ask(replicas[0], name))

        async def waits() -> bool:
            return bool(await database.waiting("paymesh-api"))

        await until(waits, within_s=10, what="the payment waits for the subscription")
        released_at = utc_now()
        await other.commit()
    answer = await asking
    assert isinstance(answer, Accepted)
    assert answer.payment.created_at >= released_at
    assert await database.value("SELECT created_at FROM payments WHERE subscription_id = :n", n=name) == answer.payment.created_at


async def test_a_key_is_of_one_subscription(database: Database, replicas: Replicas) -> None:
    name, another, key = await make(replicas[0], 1), await make(replicas[0], 1), new_id().hex
    assert isinstance(await ask(replicas[0], name, key), Accepted)
    assert await ask(replicas[1], another, key) == "IDEMPOTENCY_KEY_REUSED_WITH_DIFFERENT_PAYLOAD"
    assert (await left(database, name), await left(database, another)) == (0, 1)


async def test_a_replay_takes_nothing(database: Database, replicas: Replicas) -> None:
    name, key = await make(replicas[0], 1), new_id().hex
    answers = await asyncio.gather(*(ask(replicas[n % 2], name, key) for n in range(30)))
    assert sorted(one.replayed for one in answers if isinstance(one, Accepted)) == [False, *[True] * 29]
    assert await left(database, name) == 0
    again = await ask(replicas[1], name, key)
    assert isinstance(again, Accepted)
    assert again.replayed, "a payment that was accepted is shown, though no token is left"


async def test_a_replay_that_comes_while_its_first_copy_takes_the_last_token_is_one(
    replicas: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, key = await make(replicas[0], 1), new_id().hex
    look = Queries.subscription

    async def late(self: Queries, merchant_id: str, subscription_id: str) -> subscriptions.Subscription | None:
        monkeypatch.undo()
        assert isinstance(await ask(replicas[1], name, key), Accepted)
        return await look(self, merchant_id, subscription_id)

    monkeypatch.setattr(Queries, "subscription", late)
    answer = await ask(replicas[0], name, key)
    assert isinstance(answer, Accepted)
    assert answer.replayed


async def test_a_database_that_is_away_is_asked_once(replicas: Replicas, monkeypatch: pytest.MonkeyPatch) -> None:
    """A merchant who asks again later need not wait twice now."""
    looks = []

    async def away(*arguments: object, **more: object) -> None:
        raise OSError

    async def looked(self: Queries, claim: str) -> None:
        looks.append(claim)

    monkeypatch.setattr(replicas[0].edge.unit_of_work, "win", away)
    monkeypatch.setattr(Queries, "claimed", looked)
    assert await ask(replicas[0], None) == "TEMPORARILY_UNAVAILABLE"
    assert looks == []


@pytest.mark.parametrize("state", ["none", "empty", "inactive", "neighbour's"])
async def test_without_a_token_nothing_is_written_or_claimed(database: Database, replicas: Replicas, state: str) -> None:
    name = "s-none" if state == "none" else await make(replicas[0], 0 if state == "empty" else 3, active=state != "inactive")
    key, caller = new_id().hex, NEIGHBOUR if state == "neighbour's" else CALLER
    assert await ask(replicas[0], name, key, caller) == "QUOTA_EXHAUSTED"
    assert await database.value("SELECT count(*) FROM payments WHERE subscription_id = :name", name=name) == 0
    assert await database.value("SELECT count(*) FROM idempotency WHERE claim LIKE :key", key=f"%{key}") == 0
    if state == "empty":
        await replicas[0].edge.unit_of_work.apply(lambda work: subscriptions.add(work, own_id("m_001", name), 1))
        assert isinstance(await ask(replicas[0], name, key), Accepted), "the same key may be used"


async def test_a_payment_that_no_gateway_accepted_gives_its_token_back_once(database: Database, replicas: Replicas) -> None:
    """Twenty fail, heard by both replicas and repeatedly; fifty ask for their tokens meanwhile."""
    name = await make(replicas[0], 20)
    payments = [await accepted(replicas[n % 2], name) for n in range(20)]
    assert await left(database, name) == 0
    words = [word for payment in payments for word in copies(payment)]
    heard = [replicas[n % 2].hear(word) for n, word in enumerate(words)]
    outcomes = await asyncio.gather(*heard, *(ask(replicas[n % 2], name) for n in range(50)), return_exceptions=True)
    taken = sum(isinstance(one, Accepted) for one in outcomes)
    assert await left(database, name) == 20 - taken
    assert [await events(database, payment) for payment in payments] == [["quota.taken", "quota.given_back"]] * 20
    assert await database.value("SELECT count(*) FROM payments WHERE subscription_id = :n AND status = 'failed'", n=name) == 20


async def test_a_payment_that_a_gateway_accepted_keeps_its_token(database: Database, replicas: Replicas) -> None:
    name = await make(replicas[0], 2)
    kept, late = await accepted(replicas[0], name), await accepted(replicas[0], name)
    await replicas[0].hear(succeeded(kept))
    for word in (failed(late), exhausted(late)):
        await replicas[1].hear(word)
    assert (await events(database, kept), await left(database, name)) == (["quota.taken"], 1)
    await replicas[1].hear(succeeded(late))  # too late: it is reversed, so it stays as if nobody had accepted it
    assert (await events(database, late), await left(database, name)) == (["quota.taken", "quota.given_back"], 1)


async def test_a_payer_who_never_acts_costs_no_token(database: Database, replicas: Replicas) -> None:
    name, waiting, parts = await make(replicas[0], 1), Waiting(action_ttl_s=0), replicas[0].parts
    payment = await accepted(replicas[0], name)
    action = AttemptActionRequired(
        correlation_id=payment, attempt=attempt(payment), action_url="https://bank.test/", gateway_reference="a", latency_ms=1
    )
    await replicas[0].hear(action)
    await database.rows("UPDATE payments SET due_at = NULL WHERE payment_id <> :id", id=payment)
    await database.rows("UPDATE payments SET due_at = now() - interval '1 s' WHERE payment_id = :id", id=payment)
    sweeper = Sweeper(
        parts.engine,
        parts.writer,
        take=store.TAKE_OVERDUE,
        sweep=lambda row, work: overdue.payment_overdue(row, work, waiting),
        said=lambda rows: None,
        every_s=1,
        again_s=60.0,
    )
    assert await sweeper.once() == 1
    assert await database.value("SELECT status FROM payments WHERE payment_id = :id", id=payment) == "expired"
    assert (await events(database, payment), await left(database, name)) == (["quota.taken", "quota.given_back"], 1)


async def test_the_database_itself_refuses_to_go_below_nothing(database: Database, replicas: Replicas) -> None:
    name = await make(replicas[0], 1)
    with pytest.raises(Exception, match="tokens_positive"):
        await replicas[0].edge.unit_of_work.apply(lambda work: subscriptions.add(work, own_id("m_001", name), -2))
