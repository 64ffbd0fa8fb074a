"""Fifty at once: two replicas of the edge over one PostgreSQL never capture more than was authorized nor refund more than was captured."""

import asyncio
from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any
from uuid import UUID

import orjson
import pytest

from services.api import ledger
from services.api.domain.evidence import fold_attempt
from services.api.domain.operations import Movement, attempt_of
from services.api.http.access.keys import Merchant
from services.api.http.change import Why
from services.api.http.layer import Caller, Code, Problem, Role
from services.api.http.paying.teller import Wish
from services.api.http.truth.exhausted import LimitQuery, OperationPath, list_exhausted, retry_operation
from shared.clock import new_id
from shared.contracts import AttemptEvent, AttemptFailed, AttemptSucceeded, AttemptUnknown, OperationKind, Refusal, attempt_id
from tests.servers import Database
from tests.services.api.replica import Replica

CALLER = Merchant(Role.MERCHANT, "m_001", "key_one", "m_001")
AMOUNT = 50_000
REFUSED = Refusal(code="refused", message="no", outcome_class="issuer_fault", retryable=False)
MOVED = {"capture": ("captured_minor", "capturing_minor"), "refund": ("refunded_minor", "refunding_minor")}


async def stands(database: Database, status: str, *, captured_minor: int) -> UUID:
    """A payment with one charge, as evidence left it."""
    payment_id = new_id()
    charge = str(attempt_id(payment_id, 1))
    seen = {"number": 1, "gateway": "alpha", "operation": "authorize", "refused": [], "charged": [[AMOUNT, "INR", "ch_1"]]}
    await database.rows(
        "INSERT INTO payments (payment_id, merchant_id, status, sequence, amount_minor, currency, method, capture, gateway, metadata,"
        " evidence, created_at, updated_at, authorized_minor, captured_minor) VALUES (:id, 'm_001', :status, 1, :amount, 'INR', 'CARD',"
        " 'manual', 'alpha', '{}', cast(:evidence AS jsonb), now(), now(), :amount, :captured)",
        id=payment_id,
        status=status,
        amount=AMOUNT,
        evidence=orjson.dumps({"attempts": {charge: seen}, "kept": charge}).decode(),
        captured=captured_minor,
    )
    return payment_id


async def sums(database: Database, payment_id: UUID) -> Any:
    return (await database.rows("SELECT * FROM payments WHERE payment_id = :id", id=payment_id))[0]


async def ask(one: Replica, wish: Wish) -> Movement | str:
    """The operation, or the code of its refusal."""
    try:
        done = await one.teller.move(wish, CALLER, new_id().hex)
    except Problem as problem:
        return problem.code.name
    assert done.operation
    return done.operation


def succeeded(movement: Movement) -> AttemptSucceeded:
    attempt = attempt_of(movement)
    reference = f"mv_{movement.operation_id}"
    return AttemptSucceeded(
        correlation_id=movement.payment_id, attempt=attempt, confirmed=attempt.amount, gateway_reference=reference, latency_ms=1
    )


def failed(movement: Movement) -> AttemptFailed:
    return AttemptFailed(correlation_id=movement.payment_id, attempt=attempt_of(movement), refusal=REFUSED, latency_ms=1)


def unknown(movement: Movement) -> AttemptUnknown:
    return AttemptUnknown(correlation_id=movement.payment_id, attempt=attempt_of(movement), reason="no answer")


@pytest.mark.parametrize("kind", ["capture", "refund"])
async def test_fifty_at_once_never_exceed(database: Database, replicas: tuple[Replica, Replica], kind: OperationKind) -> None:
    """Each asks for 1,700 of 50,000: 29 are taken, and reserved at once. Half of them fail; what they held may be taken anew."""
    chance = Random(kind)
    payment_id = await stands(
        database, "requires_capture" if kind == "capture" else "succeeded", captured_minor=0 if kind == "capture" else AMOUNT
    )
    moved, reserved = MOVED[kind]
    answers = await asyncio.gather(*(ask(replicas[n % 2], Wish(kind, payment_id, 1_700)) for n in range(50)))
    taken = [one for one in answers if isinstance(one, Movement)]
    assert Counter(one for one in answers if isinstance(one, str)) == {
        "AMOUNT_EXCEEDS_CAPTURABLE" if kind == "capture" else "AMOUNT_EXCEEDS_REFUNDABLE": 21
    }
    assert len(taken) == 29
    assert getattr(await sums(database, payment_id), reserved) == 29 * 1_700

    words: list[AttemptEvent] = []
    for number, movement in enumerate(taken):
        end = failed(movement) if number % 2 else succeeded(movement)
        words += [unknown(movement), end, end.model_copy(update={"message_id": new_id()})]
    chance.shuffle(words)
    again = [ask(replicas[n % 2], Wish(kind, payment_id, 1_700)) for n in range(20)]
    await asyncio.gather(*(replicas[n % 2].hear(word) for n, word in enumerate(words)), *again)

    row = await sums(database, payment_id)
    assert getattr(row, moved) == 15 * 1_700
    under_way = await database.value(
        "SELECT coalesce(sum(amount_minor), 0) FROM operations WHERE payment_id = :id AND status IN ('processing', 'pending_verification')",
        id=payment_id,
    )
    assert getattr(row, reserved) == under_way
    assert getattr(row, moved) + getattr(row, reserved) <= AMOUNT


async def test_captures_and_voids_at_once(database: Database, replicas: tuple[Replica, Replica]) -> None:
    """Whoever comes first: what is being captured is not let go, and what is being let go is not captured."""
    payment_id = await stands(database, "requires_capture", captured_minor=0)
    wishes = [Wish("capture", payment_id, 10_000) if n % 2 else Wish("void", payment_id) for n in range(20)]
    answers = await asyncio.gather(*(ask(replicas[n // 2 % 2], wish) for n, wish in enumerate(wishes)))
    row = await sums(database, payment_id)
    taken = [one for one in answers if isinstance(one, Movement)]
    assert {one.kind for one in taken} in ({"capture"}, {"void"})
    assert row.capturing_minor + row.releasing_minor == sum(one.amount.amount_minor for one in taken) == AMOUNT


async def test_one_key_is_one_operation(database: Database, replicas: tuple[Replica, Replica]) -> None:
    payment_id = await stands(database, "succeeded", captured_minor=AMOUNT)
    wish = Wish("refund", payment_id, 5_000)
    every = await asyncio.gather(*(replicas[n % 2].teller.move(wish, CALLER, "one-key") for n in range(30)))
    assert len({one.operation.operation_id for one in every if one.operation}) == 1
    assert [one.replayed for one in every].count(False) == 1
    assert (await sums(database, payment_id)).refunding_minor == 5_000


@pytest.mark.parametrize(
    "change",
    [
        "captured_minor = authorized_minor, capturing_minor = 1",
        "releasing_minor = authorized_minor, capturing_minor = 1",
        "captured_minor = 10, refunded_minor = 6, refunding_minor = 5",
        "authorized_minor = amount_minor + 1",
        "capturing_minor = -1",
    ],
)
async def test_the_database_itself_refuses_sums_that_do_not_hold(database: Database, change: str) -> None:
    payment_id = await stands(database, "requires_capture", captured_minor=0)
    with pytest.raises(Exception, match="check"):
        await database.rows(f"UPDATE payments SET {change} WHERE payment_id = :id", id=payment_id)


async def test_an_operator_has_a_reversal_tried_once_more(database: Database, replicas: tuple[Replica, Replica]) -> None:
    """It was given up; it goes out under the next number, once, and the timeline says who wanted it."""
    edge, operator = replicas[0].teller.edge, Caller(Role.OPERATOR, "asha", "internal")
    payment_id = await stands(database, "requires_capture", captured_minor=0)
    begun = await ask(replicas[0], Wish("void", payment_id))
    assert isinstance(begun, Movement)
    late = replace(begun, operation_id=new_id(), kind="reversal", origin="late_success", status="exhausted", number=3)
    late = replace(late, evidence=fold_attempt({}, failed(late)))
    await edge.unit_of_work.apply(lambda work: ledger.begin(work, late))
    assert late.operation_id in {one.operation_id for one in (await list_exhausted(LimitQuery(), edge)).items}

    view = await retry_operation(OperationPath(operation_id=late.operation_id), Why(reason="funds are there again"), operator, edge)
    assert view.tries == 4
    with pytest.raises(Problem) as refused:
        await retry_operation(OperationPath(operation_id=late.operation_id), None, operator, edge)
    assert refused.value.code is Code.CONFLICT
    sent = await database.rows(
        "SELECT body FROM outbox WHERE kind = 'attempt.execute.v1' AND position(:id IN encode(body, 'escape')) > 0",
        id=str(late.operation_id),
    )
    assert [orjson.loads(row.body)["attempt"]["number"] for row in sent] == [4]
    [line] = await database.rows("SELECT detail FROM timeline WHERE payment_id = :id AND event = 'reversal.retried'", id=payment_id)
    assert (line.detail["actor"], line.detail["reason"]) == ("asha", "funds are there again")
    [line] = await database.rows("SELECT * FROM audit WHERE subject = :id", id=str(late.operation_id))
    assert (line.actor, line.action, line.before, line.after) == ("asha", "operation.retry", {"tries": 3}, {"tries": 4})
