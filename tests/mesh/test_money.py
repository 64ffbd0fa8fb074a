"""Money that follows a charge, end to end: captures, voids, refunds, reversals of what came too late, orders and payment links.

What the gateway's own journal says is believed: every amount that the mesh shows must be what was really moved there.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from shared import ids
from shared.contracts import attempt_id
from tests.mesh.inside import Inside
from tests.mesh.instruments import upi
from tests.mesh.merchant import Answer, Merchant, Payment, accepted, order
from tests.mesh.outside import Outside
from tests.mesh.waiting import until

WAIT = {"Prefer": "wait=30"}
UNKNOWN_CHARGED, UNKNOWN, REFUSED = 9_013, 9_012, 9_001  # the sandbox's magic amounts: it hangs and does it, hangs and does not, declines


async def ask(merchant: Merchant, payment: Payment, what: str, body: Any = None, key: str | None = None) -> Answer:
    headers = WAIT | ({"Idempotency-Key": key} if key else {})
    return await merchant.call("POST", f"/payments/{payment.id}/{what}", body, headers)


async def held(merchant: Merchant, **change: Any) -> Payment:
    payment = await merchant.pay(order(amount=50_000, capture="manual", **change), wait_s=30)
    assert payment.answer.body["status"] == "requires_capture", payment.answer.body
    return payment


async def paid(merchant: Merchant, **change: Any) -> Payment:
    payment = await merchant.pay(order(amount=50_000, **change), wait_s=30)
    assert payment.answer.body["status"] == "succeeded", payment.answer.body
    return payment


async def moves(outside: Outside, operation: dict[str, Any]) -> list[tuple[str, int]]:
    """(what, amount) of everything that the gateways did for an operation."""
    prefix = ids.OPERATIONS[operation["kind"]]
    references = [str(attempt_id(ids.private(prefix, operation["id"]), number)) for number in range(1, 5)]
    pages = await asyncio.gather(*(outside._read("/gateways/journal", reference=one) for one in references))
    return [(line["kind"], line["amount_minor"]) for page in pages for line in page["items"]]


async def operations(merchant: Merchant, payment: Payment) -> list[dict[str, Any]]:
    answer = await merchant.call("GET", f"/payments/{payment.id}/operations")
    items: list[dict[str, Any]] = answer.body["items"]
    return items


async def ended(merchant: Merchant, payment: Payment, kind: str, *, within_s: float = 60) -> dict[str, Any]:
    async def look() -> list[dict[str, Any]]:
        every = await operations(merchant, payment)
        return [one for one in every if one["kind"] == kind and one["status"] not in ("processing", "pending_verification")]

    return (await until(look, within_s=within_s, what=f"a {kind} that has ended", every_s=0.2))[0]


async def test_two_captures_and_refunds_part_by_part(merchant: Merchant, outside: Outside) -> None:
    payment = await held(merchant)
    first = await ask(merchant, payment, "capture", {"amount": 20_000})
    assert (first.status, first.body["operation"]["status"], first.body["payment"]["amount_captured"]) == (201, "succeeded", 20_000)
    assert (await ask(merchant, payment, "capture", {"amount": 30_001})).code == "AMOUNT_EXCEEDS_CAPTURABLE"
    last = await ask(merchant, payment, "capture")
    assert (last.body["payment"]["status"], last.body["payment"]["amount_captured"]) == ("succeeded", 50_000)
    assert (await ask(merchant, payment, "capture")).status == 200
    part = await ask(merchant, payment, "refunds", {"amount": 12_345, "reason": "too dear"})
    assert (part.body["operation"]["reason"], part.body["payment"]["status"]) == ("too dear", "partially_refunded")
    rest = await ask(merchant, payment, "refunds")
    assert (rest.body["operation"]["amount"], rest.body["payment"]["status"]) == (37_655, "refunded")
    assert (await ask(merchant, payment, "refunds")).code == "PAYMENT_NOT_REFUNDABLE"
    assert await moves(outside, first.body["operation"]) == [("captured", 20_000)]
    assert await moves(outside, rest.body["operation"]) == [("refunded", 37_655)]
    webhooks = await outside.webhooks(payment, 8)
    assert [one["type"] for one in webhooks] == [
        "payment.requires_capture", "capture.succeeded", "capture.succeeded", "payment.succeeded",
        "refund.succeeded", "payment.partially_refunded", "refund.succeeded", "payment.refunded",
    ]  # fmt: skip
    listed = await merchant.call("GET", f"/payments/{payment.id}/refunds")
    assert [one["amount"] for one in listed.body["items"]] == [12_345, 37_655]
    shown = await merchant.call("GET", f"/refunds/{rest.body['operation']['id']}")
    assert (shown.status, shown.body["status"]) == (200, "succeeded")


async def test_a_void(merchant: Merchant, outside: Outside) -> None:
    payment = await held(merchant)
    answer = await ask(merchant, payment, "void", key="void-of-mine")
    again = await ask(merchant, payment, "void", key="void-of-mine")
    assert (answer.status, answer.body["payment"]["status"]) == (201, "cancelled")
    assert (again.body["operation"]["id"], again.headers["Idempotent-Replayed"]) == (answer.body["operation"]["id"], "true")
    assert await moves(outside, answer.body["operation"]) == [("voided", 50_000)]
    assert (await ask(merchant, payment, "capture")).code == "PAYMENT_NOT_CAPTURABLE"
    assert (await outside.told(payment, ["payment.cancelled"]))["data"]["status"] == "cancelled"


async def test_a_final_capture_lets_go_of_the_rest(merchant: Merchant, outside: Outside) -> None:
    payment = await held(merchant)
    assert (await ask(merchant, payment, "capture", {"amount": 1_000, "final": True})).body["payment"]["status"] == "succeeded"
    assert await moves(outside, await ended(merchant, payment, "void")) == [("voided", 49_000)]


async def test_a_refund_whose_answer_is_lost_is_verified_and_its_amount_reserved_meanwhile(merchant: Merchant, outside: Outside) -> None:
    payment = await paid(merchant)
    asked = await merchant.call("POST", f"/payments/{payment.id}/refunds", {"amount": UNKNOWN_CHARGED}, {"Prefer": "wait=0"})
    assert (await ask(merchant, payment, "refunds", {"amount": 50_000})).code == "AMOUNT_EXCEEDS_REFUNDABLE"
    done = await ended(merchant, payment, "refund")
    assert (done["id"], done["status"]) == (asked.body["operation"]["id"], "succeeded")
    assert await moves(outside, done) == [("refunded", UNKNOWN_CHARGED)]
    assert "attempt.unknown" in await merchant.events(payment)


async def test_a_refund_that_never_happened_is_tried_again(merchant: Merchant, outside: Outside) -> None:
    """Not found is proof that nothing was moved; each try has a key of its own, and each hangs: it fails, and all may be refunded."""
    payment = await paid(merchant)
    await merchant.call("POST", f"/payments/{payment.id}/refunds", {"amount": UNKNOWN}, {"Prefer": "wait=0"})
    done = await ended(merchant, payment, "refund", within_s=90)
    assert (done["status"], done["error"]["code"]) == ("failed", "NOT_FOUND_AT_GATEWAY")
    assert await moves(outside, done) == []
    rest = await ask(merchant, payment, "refunds")
    assert rest.body["payment"]["status"] == "refunded"


async def test_a_refusal_that_is_final(merchant: Merchant, outside: Outside) -> None:
    payment = await paid(merchant)
    refused = await ask(merchant, payment, "refunds", {"amount": REFUSED})
    assert (refused.status, refused.body["operation"]["status"]) == (201, "failed")
    assert refused.body["payment"]["status"] == "succeeded"
    assert (await outside.told(payment, ["refund.failed"]))["data"]["error"]["code"] == refused.body["operation"]["error"]["code"]


async def test_another_merchants_payment_is_not_found(merchant: Merchant, neighbour: Merchant) -> None:
    payment = await paid(merchant)
    for what in ("capture", "void", "refunds"):
        assert (await ask(neighbour, payment, what, key=f"mine-{what}")).status == 404
    assert (await neighbour.call("GET", f"/payments/{payment.id}/refunds")).status == 404


async def test_a_key_is_needed_and_stands_for_one_wish(neighbour: Merchant) -> None:
    made = order(amount=50_000)
    payment = accepted(await neighbour.call("POST", "/payments", made, {"Idempotency-Key": "n-1"} | WAIT), made)
    assert (await ask(neighbour, payment, "refunds", {"amount": 1})).code == "MISSING_IDEMPOTENCY_KEY"
    assert (await ask(neighbour, payment, "refunds", {"amount": 60_000}, "n-r")).code == "AMOUNT_EXCEEDS_REFUNDABLE"
    first = await ask(neighbour, payment, "refunds", {"amount": 10_000}, "n-r")
    assert first.status == 201
    assert (await ask(neighbour, payment, "refunds", {"amount": 10_001}, "n-r")).code == "IDEMPOTENCY_KEY_REUSED_WITH_DIFFERENT_PAYLOAD"
    assert (await ask(neighbour, payment, "refunds", {"amount": 10_000}, "n-r")).body["operation"]["id"] == first.body["operation"]["id"]


async def test_many_refunds_at_once_never_exceed(merchant: Merchant, outside: Outside, inside: Inside) -> None:
    payment = await paid(merchant)
    answers = await asyncio.gather(*(ask(merchant, payment, "refunds", {"amount": 8_000}) for _ in range(20)))
    taken = [one.body["operation"] for one in answers if one.status == 201]
    assert len(taken) == 6
    assert {one.code for one in answers if one.status != 201} == {"AMOUNT_EXCEEDS_REFUNDABLE"}
    assert sorted([await moves(outside, one) for one in taken]) == [[("refunded", 8_000)]] * 6
    [row] = await inside.fetch("api", "SELECT refunded_minor, refunding_minor FROM payments WHERE payment_id = $1", payment.uuid)
    assert (row["refunded_minor"], row["refunding_minor"]) == (48_000, 0)


@asynccontextmanager
async def hiding(outside: Outside, account: str) -> AsyncIterator[None]:
    """The account answers late, and until long after that its searches do not show what it has charged: not found, twice, and wrong."""
    before = (await outside._read("/gateways"))[account]["settings"]
    await outside.change(f"/gateways/{account}", late_s=20, visibility_delay_s=60)
    try:
        yield
    finally:
        await outside.change(f"/gateways/{account}", late_s=before["late_s"], visibility_delay_s=before["visibility_delay_s"])


async def test_a_charge_that_comes_after_a_rescue_is_given_back(merchant: Merchant, outside: Outside) -> None:
    async with hiding(outside, "alpha"):
        payment = await merchant.pay(order(amount=50_000, alias="alpha", **upi("late.alpha")))
        assert (await outside.told(payment))["type"] == "payment.succeeded"
        back = await ended(merchant, payment, "reversal")
    now = await merchant.show(payment)
    assert (now["status"], now["gateway"] != "alpha", now["amount_captured"]) == ("succeeded", True, 50_000)
    assert (back["status"], back["gateway"], await moves(outside, back)) == ("succeeded", "alpha", [("refunded", 50_000)])
    assert (await outside.told(payment, ["payment.reversed"]))["data"]["kind"] == "reversal"
    assert "payment.late_success_reversed" in await merchant.events(payment)


async def test_a_charge_of_a_payment_that_has_failed_is_given_back(merchant: Merchant, outside: Outside) -> None:
    async with hiding(outside, "alpha"):
        payment = await merchant.pay(order(amount=50_000, alias="alpha", **upi("late.alpha_decline")))
        assert (await outside.told(payment))["type"] == "payment.failed"
        back = await ended(merchant, payment, "reversal")
    assert (await merchant.show(payment))["status"] == "failed"
    assert await moves(outside, back) == [("refunded", 50_000)]


async def test_an_authorization_that_is_not_captured_in_time_is_voided(merchant: Merchant, outside: Outside, inside: Inside) -> None:
    payment = await held(merchant)
    await inside.make_overdue(payment)
    assert (await outside.told(payment, ["payment.expired"]))["data"]["status"] == "expired"
    assert await moves(outside, await ended(merchant, payment, "void")) == [("voided", 50_000)]


async def test_a_payer_who_never_acts(merchant: Merchant, outside: Outside, inside: Inside) -> None:
    payment = await merchant.pay(order(amount=50_000, **upi("requires-action")), wait_s=30)
    await inside.fetch(
        "api", "UPDATE payments SET due_at = now(), updated_at = now() - interval '1 hour' WHERE payment_id = $1", payment.uuid
    )
    told = await outside.told(payment, ["payment.expired"])
    assert told["data"]["error"]["code"] == "ACTION_EXPIRED"
    await outside.approve(payment.answer.body["payment_url"])


async def test_an_order_is_paid_once(merchant: Merchant, outside: Outside) -> None:
    made = await merchant.call("POST", "/orders", {"user_id": "u1", "amount": 45_000, "currency": "INR"})
    assert (made.status, made.body["status"], made.body["customer_id"]) == (201, "created", "u1")
    body = {"order_id": made.body["order_id"], "payment_method": "UPI", "vpa": upi()["instrument"]["vpa"]}  # type: ignore[index]
    answers = await asyncio.gather(
        *(merchant.call("POST", "/payments/initiate", body, WAIT | {"Idempotency-Key": f"o{n}"}) for n in range(5))
    )
    [first] = [one for one in answers if one.status == 201]
    assert {one.code for one in answers if one.status != 201} == {"ORDER_HAS_LIVE_PAYMENT"}
    assert (first.body["amount"], first.body["status"], first.body["order_id"]) == (45_000, "succeeded", made.body["order_id"])
    shown = await merchant.call("GET", f"/orders/{made.body['order_id']}")
    assert (shown.body["status"], shown.body["payment_id"]) == ("paid", first.body["payment_id"])


async def test_an_order_whose_payment_failed_is_paid_by_another(merchant: Merchant) -> None:
    made = await merchant.call("POST", "/orders", {"amount": 45_000, "reference": "A-77"})
    assert (await merchant.call("POST", "/orders", {"amount": 45_000, "reference": "A-77"})).body["order_id"] == made.body["order_id"]
    assert (await merchant.call("POST", "/orders", {"amount": 45_001, "reference": "A-77"})).code == "CONFLICT"
    body = {"order_id": made.body["order_id"], "method": "UPI"}
    failed = await merchant.call("POST", "/payments/initiate", body | {"vpa": upi("decline")["instrument"]["vpa"]}, WAIT)  # type: ignore[index]
    assert failed.body["status"] == "failed"
    paid_ = await merchant.call("POST", "/payments/initiate", body | {"vpa": upi()["instrument"]["vpa"]}, WAIT)  # type: ignore[index]
    assert (paid_.body["status"], paid_.body["payment_id"] != failed.body["payment_id"]) == ("succeeded", True)


async def test_an_order_that_has_expired_takes_no_payment(merchant: Merchant, inside: Inside) -> None:
    made = await merchant.call("POST", "/orders", {"amount": 45_000})
    order_id = ids.private(ids.ORDER, made.body["order_id"])
    await inside.fetch("api", "UPDATE orders SET expires_at = now() WHERE order_id = $1", order_id)
    answer = await merchant.call("POST", "/payments/initiate", {"order_id": made.body["order_id"], "method": "UPI"}, WAIT)
    assert answer.code == "ORDER_EXPIRED"


async def test_a_payment_link_is_paid_at_its_page(merchant: Merchant, outside: Outside, inside: Inside) -> None:
    """An order without an instrument is one: the payer goes to `payment_url`, and a lookup finds that it was paid."""
    made = await merchant.call("POST", "/orders", {"amount": 45_000})
    answer = await merchant.call("POST", "/payments/initiate", {"order_id": made.body["order_id"], "payment_method": "UPI"}, WAIT)
    payment = accepted(answer, {})
    assert (answer.body["status"], answer.body["method"]) == ("requires_action", "PAYMENT_LINK")
    assert "/links/" in answer.body["payment_url"]
    await outside.approve(answer.body["payment_url"])
    await inside.make_overdue(payment)
    told = await outside.told(payment)
    assert (told["type"], told["data"]["amount_captured"]) == ("payment.succeeded", 45_000)
    back = await ask(merchant, payment, "refunds", {"amount": 5_000})
    assert back.body["operation"]["status"] == "succeeded", back.body
