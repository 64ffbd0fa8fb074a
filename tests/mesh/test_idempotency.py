"""One key, one payment: however often, by whichever path, and for whatever the key is made of."""

import asyncio
import uuid

import pytest

from tests.mesh.instruments import upi, vpa
from tests.mesh.merchant import Merchant, accepted, order
from tests.mesh.outside import Outside

AT_ONCE = 50


async def test_fifty_at_once_by_both_paths_are_one_payment(merchant: Merchant, outside: Outside) -> None:
    body, key = order(), f"k-{uuid.uuid4()}"
    paths = ["/payments", "/api/v1/payments"] * (AT_ONCE // 2)
    answers = await asyncio.gather(*(merchant.post(body, key=key, path=path, wait_s=5) for path in paths))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["payment_id"] for answer in answers}) == 1
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert sorted(answer.headers.get("Idempotent-Replayed", "false") for answer in answers) == ["false", *["true"] * (AT_ONCE - 1)]
    payment = accepted(answers[0], body)
    await outside.told(payment)
    assert len(await outside.charges(payment)) == 1
    assert len(await outside.webhooks(payment, 1)) == 1


async def test_of_two_orders_with_one_key_at_once_one_is_taken(merchant: Merchant) -> None:
    key, orders = f"k-{uuid.uuid4()}", [order(), order()] * 10
    answers = await asyncio.gather(*(merchant.post(body, key=key) for body in orders))
    taken = {body["amount"] for body, answer in zip(orders, answers, strict=True) if answer.status == 201}
    assert len(taken) == 1
    refused = {(answer.status, answer.code) for body, answer in zip(orders, answers, strict=True) if body["amount"] not in taken}
    assert refused == {(409, "IDEMPOTENCY_KEY_REUSED_WITH_DIFFERENT_PAYLOAD")}


async def test_a_replay_shows_the_payment_as_it_is_now(merchant: Merchant, outside: Outside) -> None:
    body = order()
    payment = await merchant.pay(body)
    await outside.told(payment)
    again = await merchant.post(body, key=payment.key)
    assert (again.status, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert again.body == await merchant.show(payment)


async def test_the_spelling_of_an_order_does_not_matter(merchant: Merchant) -> None:
    name = vpa()
    body = order(method="UPI", instrument={"type": "UPI", "vpa": name})
    payment = await merchant.pay(body)
    spelt = {"amount_minor": body["amount"], "payment_method": "upi", "vpa": name, "merchant_id": "m_001", "currency": "inr"}
    short = order(amount=body["amount"], currency=None, vpa=name, instrument=None)
    for other in (spelt, short):
        answer = await merchant.post(other, key=payment.key)
        assert (answer.status, answer.body["payment_id"]) == (201, payment.id)


@pytest.mark.parametrize("change", [{"amount": 77_700}, {"currency": "KWD"}, upi(), {"order_id": "another"}, {"metadata": {"a": 1}}])
async def test_the_same_key_for_another_order_is_refused(merchant: Merchant, change: dict[str, object]) -> None:
    body = order()
    payment = await merchant.pay(body)
    refused = await merchant.post({**body, **change}, key=payment.key)
    assert (refused.status, refused.code) == (409, "IDEMPOTENCY_KEY_REUSED_WITH_DIFFERENT_PAYLOAD")


async def test_a_key_is_its_merchants_own(merchant: Merchant, neighbour: Merchant) -> None:
    body = order()
    payment = await merchant.pay(body)
    answer = await neighbour.post(body, key=payment.key)
    assert answer.status == 201
    assert answer.body["payment_id"] != payment.id


async def test_an_order_without_a_key_is_refused(neighbour: Merchant) -> None:
    refused = await neighbour.post(order(order_id=f"o-{uuid.uuid4()}"))
    assert (refused.status, refused.code) == (400, "MISSING_IDEMPOTENCY_KEY")


async def test_a_refused_order_claims_nothing(merchant: Merchant) -> None:
    key = f"k-{uuid.uuid4()}"
    refused = await merchant.post(order(amount=0), key=key)
    assert (refused.status, refused.code) == (422, "VALIDATION_ERROR")
    accepted = await merchant.post(order(), key=key)
    assert accepted.status == 201
    assert "Idempotent-Replayed" not in accepted.headers


async def test_an_event_id_is_a_key(neighbour: Merchant) -> None:
    body = order(event_id=f"e-{uuid.uuid4()}")
    first, again = [accepted(await neighbour.post(body), body) for _ in range(2)]
    assert again.id == first.id
    assert again.answer.headers["Idempotent-Replayed"] == "true"
    refused = await neighbour.post({**body, "amount": 66_600})
    assert refused.code == "IDEMPOTENCY_KEY_REUSED_WITH_DIFFERENT_PAYLOAD"


async def test_an_order_of_the_demo_merchant_is_paid_once_and_after_a_failure_again(merchant: Merchant, outside: Outside) -> None:
    """A first try that is declined, a second one, and an impatient click."""
    name = f"o-{uuid.uuid4()}"
    declined, paid = order(order_id=name, **upi("decline")), order(order_id=name)
    first = accepted(await merchant.post(declined, wait_s=30), declined)
    assert first.answer.body["status"] == "failed"
    second, click = [accepted(await merchant.post(paid, wait_s=30), paid) for _ in range(2)]
    assert (second.answer.body["status"], click.id) == ("succeeded", second.id)
    assert second.id != first.id
    assert len(await outside.charges(second)) == 1
