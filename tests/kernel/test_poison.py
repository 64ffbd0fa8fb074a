"""One change that cannot be applied takes itself out, and nothing of it stays; whoever shares its transaction never knows."""

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError

from shared.storage.blame import Blame, blame
from shared.storage.bulk import Bulk
from shared.storage.work import Change, Work
from tests.kernel import toy
from tests.kernel.replica import committer
from tests.servers import Database

BROKEN = Bulk(toy.entries, ("message_id",), "INSERT INTO no_such_table SELECT unnest(cast($1 AS uuid[]))")


def _raises(message: toy.Deposit, work: Work) -> None:
    toy.pay_in(message, work)
    raise ValueError("a bug")


def _breaks_a_constraint(message: toy.Deposit, work: Work) -> None:
    toy.pay_in(message.model_copy(update={"amount": -1}), work)


def _breaks_a_foreign_key(message: toy.Deposit, work: Work) -> None:
    work.write(toy.ENTER, message_id=message.message_id, account_id=message.account, amount=1)


def _runs_into_the_statement_timeout(message: toy.Deposit, work: Work) -> None:
    toy.pay_in(message, work)
    work.write(toy.SLEEP, seconds=30.0)


def _does_not_fit_the_column(message: toy.Deposit, work: Work) -> None:
    toy.pay_in(message.model_copy(update={"amount": 2**31}), work)


def _writes_text_that_postgres_cannot_hold(message: toy.Deposit, work: Work) -> None:
    toy.pay_in(message, work)
    work.write(toy.NOTE, id=message.account, note="nul \x00")


def _writes_no_encodable_text(message: toy.Deposit, work: Work) -> None:
    toy.pay_in(message, work)
    work.write(toy.NOTE, id=message.account, note="half a pair \ud800")


def _writes_a_row_with_a_column_missing(message: toy.Deposit, work: Work) -> None:
    toy.pay_in(message, work)
    work.write(toy.ENTER, message_id=message.message_id, account_id=message.account)


def _writes_a_row_with_a_column_too_many(message: toy.Deposit, work: Work) -> None:
    toy.pay_in(message, work)
    work.write(toy.BALANCE, id=message.account, balance=3, note="lost without a word")


def _has_a_broken_statement(message: toy.Deposit, work: Work) -> None:
    toy.pay_in(message, work)
    work.write(BROKEN, message_id=message.message_id)


def _says_one_thing_twice(message: toy.Deposit, work: Work) -> None:
    toy.pay_in(message, work)
    for _ in range(2):
        work.publish(toy.Deposited.caused_by(message, account=message.account, amount=1))


POISONS: list[tuple[Callable[[toy.Deposit, Work], None], type[Exception]]] = [
    (_raises, ValueError),
    (_breaks_a_constraint, IntegrityError),
    (_breaks_a_foreign_key, IntegrityError),
    (_runs_into_the_statement_timeout, DBAPIError),
    (_does_not_fit_the_column, DBAPIError),
    (_writes_text_that_postgres_cannot_hold, DBAPIError),
    (_writes_no_encodable_text, DBAPIError),
    (_writes_a_row_with_a_column_missing, TypeError),
    (_writes_a_row_with_a_column_too_many, TypeError),
    (_has_a_broken_statement, DBAPIError),
    (_says_one_thing_twice, ValueError),
]


def _good(message: toy.Deposit) -> Change:
    def change(work: Work) -> None:
        toy.pay_in(message, work)
        work.publish(toy.Deposited.caused_by(message, account=message.account, amount=message.amount))

    return change


@pytest.mark.parametrize(("poison", "error"), POISONS, ids=[poison.__name__.strip("_") for poison, _ in POISONS])
async def test_poison_takes_only_itself_out(empty: Database, poison: Callable[[toy.Deposit, Work], None], error: type[Exception]) -> None:
    before, bad, after = [toy.deposit_of() for _ in range(8)], toy.deposit_of(), [toy.deposit_of() for _ in range(8)]
    changes = [(one, _good(one)) for one in before] + [(bad, lambda work: poison(bad, work))] + [(one, _good(one)) for one in after]
    async with committer(empty.url, statement_timeout_ms=1000) as one:
        outcomes = await asyncio.gather(
            *(one.once(message, change, loads=toy.account_of(message)) for message, change in changes), return_exceptions=True
        )
    refused = outcomes.pop(len(before))
    assert isinstance(refused, error)
    assert blame(refused) is not Blame.AWAY, "nobody would ever give up on it"
    assert outcomes == [None] * 16
    good = {one.message_id for one in before + after}
    assert {row.message_id for row in await empty.rows("SELECT message_id FROM inbox")} == good
    assert {row.message_id for row in await empty.rows("SELECT message_id FROM entries")} == good
    assert await empty.value("SELECT count(*) FROM accounts") == len(good)
    assert await empty.value("SELECT count(*) FROM outbox") == len(good)


async def test_poison_may_be_tried_again(empty: Database) -> None:
    """Its claim was not left behind: the same message is applied once what ailed it is over."""
    message = toy.deposit_of()
    async with committer(empty.url) as one:
        with pytest.raises(IntegrityError):
            await one.once(message, lambda work: _breaks_a_constraint(message, work))
        await one.once(message, lambda work: toy.pay_in(message, work))
    assert await empty.value("SELECT balance FROM accounts WHERE id = :id", id=message.account) == 1


async def test_who_did_not_raise_still_shares_one_commit(empty: Database) -> None:
    """A change that raises costs its neighbours a rollback, not a transaction each."""
    messages = [toy.deposit_of() for _ in range(20)]

    def change(message: toy.Deposit) -> Change:
        return lambda work: (_raises if message in messages[::5] else toy.pay_in)(message, work)

    async with committer(empty.url) as one:
        outcomes = await asyncio.gather(*(one.once(message, change(message)) for message in messages), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ValueError, *[type(None)] * 4] * 4
    assert await empty.value("SELECT count(*) FROM entries") == 16
    assert await empty.value("SELECT count(DISTINCT xmin::text) FROM entries") == 1


async def test_poison_beside_a_copy_and_a_change_that_raises(empty: Database) -> None:
    """All ways out of one batch at once: applied, done before, raised, refused by the database."""
    done, good, bad, buggy = (toy.deposit_of() for _ in range(4))
    async with committer(empty.url) as one:
        await one.once(done, lambda work: toy.pay_in(done, work))
        outcomes = await asyncio.gather(
            one.once(done, lambda work: toy.pay_in(done, work)),
            one.once(good, lambda work: toy.pay_in(good, work)),
            one.once(bad, lambda work: _breaks_a_constraint(bad, work)),
            one.once(buggy, lambda work: _raises(buggy, work)),
            return_exceptions=True,
        )
    assert [type(outcome).__name__ for outcome in outcomes] == ["AlreadyHandled", "NoneType", "IntegrityError", "ValueError"]
    assert {row.message_id for row in await empty.rows("SELECT message_id FROM entries")} == {done.message_id, good.message_id}
