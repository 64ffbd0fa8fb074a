"""Plain functions answer messages: registered by kind, bound to a queue, given what they ask for by name."""

from typing import Any
from uuid import UUID

import pytest

from shared.messaging.failure import Permanent, patiently
from shared.messaging.handlers import Hears
from shared.storage.unit_of_work import UnitOfWork
from shared.storage.work import AlreadyHandled, Work
from shared.topology import COMMANDS, EVENTS, Inlet
from tests.kernel import toy
from tests.kernel.queues import Queues
from tests.kernel.replica import Replica, replica
from tests.kernel.waiting import until
from tests.servers import Database

BOTH = Inlet(queue="toy.both", exchange=COMMANDS, prefetch=10, hears=(toy.Deposit, toy.Withdraw), gateway="*")
NOTICES = Inlet(queue="toy.notices", exchange=EVENTS, prefetch=10, hears=(toy.Deposited,))


def _parts() -> Any:
    return Replica("postgresql+asyncpg://nobody@127.0.0.1:1/none").parts


def test_a_kind_that_the_queue_does_not_hear_is_refused_at_once() -> None:
    hears = Hears()
    with pytest.raises(TypeError, match=r"withdraw: toy.ledger does not hear Withdraw"):

        @hears(toy.LEDGER)
        def withdraw(message: toy.Withdraw, work: Work) -> None: ...

    with pytest.raises(TypeError, match="does not hear Withdraw"):

        @hears(toy.LEDGER)
        def either(message: toy.Deposit | toy.Withdraw, work: Work) -> None: ...

    assert hears.heard == []


def test_a_queue_whose_kinds_are_not_all_answered_binds_nothing() -> None:
    hears, parts = Hears(), _parts()

    @hears(BOTH)
    def deposit(message: toy.Deposit, work: Work) -> None: ...

    with pytest.raises(TypeError, match=r"toy.both: nobody answers Withdraw"):
        hears.bind(parts.ears, parts.unit_of_work, gateways=["a"], given={})


def test_a_dependency_that_nobody_gives_is_named() -> None:
    hears, parts = Hears(), _parts()

    @hears(toy.LEDGER)
    def deposit(message: toy.Deposit, work: Work, rates: object) -> None: ...

    with pytest.raises(KeyError, match="rates"):
        hears.bind(parts.ears, parts.unit_of_work, gateways=["a"], given={})


def test_a_template_is_bound_once_a_gateway_and_an_ordinary_queue_once() -> None:
    hears, parts = Hears(), _parts()

    @hears(toy.LEDGER)
    def deposit(message: toy.Deposit, work: Work) -> None: ...

    @hears(NOTICES)
    def told(event: toy.Deposited, work: Work) -> None: ...

    bound = hears.bind(parts.ears, parts.unit_of_work, gateways=["a", "b"], given={})
    assert [inlet.queue for inlet in bound] == ["toy.ledger.a", "toy.ledger.b", "toy.notices"]
    assert [inlet.routing_keys for inlet in bound] == [("toy.deposit.v1.a",), ("toy.deposit.v1.b",), ("toy.deposited.v1",)]


async def test_several_kinds_on_one_queue_and_dependencies_by_name(empty: Database, queues: Queues) -> None:
    """Each to its own function, also out of one envelope."""
    hears = Hears()
    heard: list[tuple[object, ...]] = []

    @hears(BOTH)
    def deposit(message: toy.Deposit, work: Work, second: str, first: str) -> None:
        heard.append(("deposit", message.message_id, first, second))

    @hears(BOTH)
    def withdraw(message: toy.Withdraw, work: Work, first: str) -> None:
        heard.append(("withdraw", message.message_id, first))

    inlet = await queues.declare(BOTH)
    one, two = toy.deposit_of(), toy.deposit_of()
    other = toy.Withdraw.caused_by(one, account=one.account)
    async with replica(empty.url, queues.url) as running:
        await running.start(hears, [str(inlet.gateway)], {"first": "1st", "second": "2nd"})
        await queues.put(inlet, [one, other, two])
        await until(lambda: empty.value("SELECT count(*) = 3 FROM inbox"))
    assert heard == [
        ("deposit", one.message_id, "1st", "2nd"),
        ("withdraw", other.message_id, "1st"),
        ("deposit", two.message_id, "1st", "2nd"),
    ]


async def test_one_function_answers_a_union(empty: Database, queues: Queues) -> None:
    hears, heard = Hears(), []

    @hears(BOTH)
    def either(message: toy.Deposit | toy.Withdraw, work: Work) -> None:
        heard.append(type(message))

    inlet, one = await queues.declare(BOTH), toy.deposit_of()
    async with replica(empty.url, queues.url) as running:
        await running.start(hears, [str(inlet.gateway)])
        await queues.put(inlet, [one, toy.Withdraw.caused_by(one, account=one.account)])
        await until(lambda: empty.value("SELECT count(*) = 2 FROM inbox"))
    assert heard == [toy.Deposit, toy.Withdraw]


async def test_an_async_function_commits_for_itself(empty: Database, queues: Queues) -> None:
    """Intent, act, outcome; a copy of the order finds the claim taken and is acknowledged; a failure climbs the ladder."""
    hears, acts = Hears(), []

    @hears(toy.LEDGER)
    async def act(message: toy.Deposit, unit_of_work: UnitOfWork, token: UUID) -> None:
        await patiently(lambda: unit_of_work.win(toy.ticket(message.account, message.message_id)))
        acts.append(message.message_id)
        if message.trouble:
            raise Permanent("the gateway has no such account")
        await patiently(lambda: unit_of_work.apply(lambda work: toy.pay_in(message, work)))

    inlet = await queues.declare()
    fine, bad = toy.deposit_of(), toy.deposit_of(trouble="permanent")
    copy = toy.deposit_of(account=fine.account)
    async with replica(empty.url, queues.url) as running:
        await running.start(hears, [str(inlet.gateway)], {"token": fine.message_id})
        await queues.put(inlet, [fine, bad])
        await until(lambda: empty.rows("SELECT 1 FROM entries"))
        await queues.put(inlet, [copy])
        (dead,) = await queues.taken(inlet.dead_queue, 1)
    assert sorted(acts) == sorted([fine.message_id, bad.message_id])
    assert dead.headers["x-reason"] == "Permanent: the gateway has no such account"
    assert await empty.value("SELECT count(*) FROM inbox") == 0
    assert await empty.value("SELECT count(*) FROM entries") == 1
    assert await queues.take(inlet.queue) is None, "the copy was not acknowledged"


async def test_already_handled_is_an_end_whoever_says_it(empty: Database, queues: Queues) -> None:
    hears, tries = Hears(), []

    @hears(toy.LEDGER)
    def handled(message: toy.Deposit, work: Work) -> None:
        tries.append(message.message_id)
        raise AlreadyHandled(message.message_id)

    inlet, message, mark = await queues.declare(), toy.deposit_of(), toy.deposit_of()
    async with replica(empty.url, queues.url) as running:
        await running.start(hears, [str(inlet.gateway)])
        await queues.put(inlet, [message], [mark])
        await until(lambda: mark.message_id in tries)
    assert await queues.take(inlet.queue) is None
    assert await queues.take(inlet.dead_queue) is None
    assert await empty.value("SELECT count(*) FROM outbox") == 0


async def test_a_queue_that_is_not_there_fails_the_start(empty: Database, queues: Queues) -> None:
    """Made silently, it would have no binding and swallow nothing but time."""
    async with replica(empty.url, queues.url) as running:
        with pytest.raises(Exception, match="NOT_FOUND"):
            await running.start(toy.ledger(), ["nobody"])
