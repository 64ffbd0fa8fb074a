"""One idempotency key, one charge: for copies in a row, copies at once, and copies after misbehaviour."""

import asyncio

import pytest

from tests.sandbox.client import Sandbox


async def test_fifty_copies_at_once_charge_once(sandbox: Sandbox) -> None:
    answers = await asyncio.gather(*(sandbox.charge(reference="same") for _ in range(50)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(await sandbox.journal(reference="same")) == 1


@pytest.mark.parametrize("behaviour", ["cut-charged", "hang-charged", "charge-then-500", "garbage"])
async def test_a_copy_learns_what_the_lost_answer_was(sandbox: Sandbox, behaviour: str) -> None:
    await sandbox.charge(reference="lost", vpa=f"{behaviour}@sandbox")
    copy = (await sandbox.charge(reference="lost", vpa=f"{behaviour}@sandbox")).json()
    assert [copy] == await sandbox.found("lost")


async def test_a_refusal_is_repeated(sandbox: Sandbox) -> None:
    first = await sandbox.charge(reference="no", vpa="decline@sandbox")
    again = await sandbox.charge(reference="no", vpa="succeed@sandbox")
    assert (first.status, first.body) == (again.status, again.body) == (402, first.body)


async def test_a_copy_waits_for_a_charge_that_is_still_to_be_made(sandbox: Sandbox) -> None:
    await sandbox.put("/gateways/alpha/settings", late_s=0.2)
    answers = await asyncio.gather(*(sandbox.charge(reference="later", vpa="accept-late@sandbox") for _ in range(4)))
    assert sorted(answer.status for answer in answers) == [0, 200, 200, 200]
    assert len({answer.json()["id"] for answer in answers if answer.status}) == 1
    assert len(await sandbox.journal(reference="later")) == 1


@pytest.mark.parametrize("behaviour", ["error-500", "rate-limit", "cut"])
async def test_what_booked_nothing_leaves_the_key_free(sandbox: Sandbox, behaviour: str) -> None:
    await sandbox.charge(reference="free", vpa=f"{behaviour}@sandbox")
    assert (await sandbox.charge(reference="free", vpa="succeed@sandbox")).status == 200


async def test_a_key_belongs_to_one_order_and_one_account(sandbox: Sandbox) -> None:
    await sandbox.charge(reference="first", key="k")
    for fields in ({"reference": "other"}, {"reference": "first", "amount_minor": 1}, {"reference": "first", "currency": "USD"}):
        reused = await sandbox.charge(key="k", **fields)
        assert (reused.status, reused.json()["error"]["code"]) == (409, "idempotency_key_reused")
    assert (await sandbox.charge("beta", reference="other", key="k")).status == 200
    assert (await sandbox.charge(reference="long", key="k" * 256)).status == 400


async def test_an_account_that_ignores_keys_charges_every_copy(sandbox: Sandbox) -> None:
    await sandbox.put("/gateways/alpha/settings", ignores_idempotency_keys=True)
    answers = await asyncio.gather(*(sandbox.charge(reference="twice") for _ in range(5)))
    assert len({answer.json()["id"] for answer in answers}) == 5
    assert len(await sandbox.found("twice")) == 5
    assert len(await sandbox.journal(reference="twice")) == 5
