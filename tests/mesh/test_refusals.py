"""What the edge refuses: with a stable code, in one shape, saying nothing of what was sent, and without writing a row."""

import json
import uuid
from base64 import b64encode
from typing import Any

import pytest

from deploy.local import demo
from tests.mesh.inside import Inside
from tests.mesh.instruments import SECRETS, card, pan, upi, vpa
from tests.mesh.merchant import Merchant, order

WRONG_LUHN = pan()[:-1] + str((int(pan()[-1]) + 5) % 10)


def a_card(**change: Any) -> dict[str, Any]:
    whole: Any = card()
    return {**whole, "instrument": {**whole["instrument"], **change}}


INVALID = {
    "unknown method": order(method="CASH"),
    "another method than the instrument's": order(method="CARD"),
    "no amount": order(amount=None),
    "amount zero": order(amount=0),
    "amount negative": order(amount=-100),
    "amount float": order(amount=100.0),
    "amount with a fraction": order(amount=100.5),
    "amount as text": order(amount="100"),
    "amount true": order(amount=True),
    "amount 2^53": order(amount=2**53),
    "amount huge": order(amount=10**30),
    "unknown currency": order(currency="XQZ"),
    "currency without minor units": order(currency="XAU"),
    "too many decimals": order(amount=None, price="10.001"),
    "price of nothing": order(amount=None, price="0.00"),
    "misspelt field": order(ammount=5),
    "VPA without handle": order(instrument={"type": "UPI", "vpa": vpa().partition("@")[0]}),
    "VPA with a space": order(instrument={"type": "UPI", "vpa": f"a {vpa()}"}),
    "VPA twice": order(vpa=vpa()),
    "no instrument": order(instrument=None),
    "instrument of another type": order(instrument=card()["instrument"]),
    "card for UPI": order(method="CARD", instrument=upi()["instrument"]),
    "number that is none": order(**a_card(number="4111x11111111111")),
    "Luhn": order(**a_card(number=WRONG_LUHN)),
    "no network": order(**a_card(number="0000000000000000")),
    "expired card": order(**a_card(expiry_year=2020)),
    "thirteenth month": order(**a_card(expiry_month=13)),
    "CVV of letters": order(**a_card(cvv="abc")),
    "long order id": order(order_id="o" * 65),
    "NUL in text": order(order_id="a\x00b"),
}


async def rows(inside: Inside) -> tuple[int, int]:
    """What an accepted order writes and nothing else does."""
    return await inside.count("api", "payments"), await inside.count("api", "idempotency")


def quotes_a_secret(body: Any) -> bool:
    return any(secret in json.dumps(body) for secret in SECRETS)


@pytest.mark.parametrize("body", INVALID.values(), ids=INVALID.keys())
async def test_an_invalid_order_is_refused_and_nothing_written(merchant: Merchant, inside: Inside, body: dict[str, Any]) -> None:
    before = await rows(inside)
    answer = await merchant.post(body, key=f"k-{uuid.uuid4()}")
    assert (answer.status, answer.code) == (422, "VALIDATION_ERROR"), answer.body
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-Id"]
    assert set(answer.body) == {"error"}
    assert set(answer.body["error"]) == {"code", "message", "details"}
    assert answer.body["error"]["details"]["errors"]
    assert not quotes_a_secret(answer.body)
    assert await rows(inside) == before


UNREADABLE = {
    "no JSON": (b'{"amount": 1', {}, 400, "MALFORMED_JSON"),
    "no UTF-8": (b'{"amount": "\xff"}', {}, 400, "MALFORMED_JSON"),
    "a name twice": (b'{"amount": 1, "amount": 2}', {}, 400, "MALFORMED_JSON"),
    "too deep": (b"[" * 100 + b"]" * 100, {}, 400, "JSON_TOO_DEEP"),
    "a list": (b"[]", {}, 422, "VALIDATION_ERROR"),
    "too large": (b'{"metadata": "' + b"x" * 70_000 + b'"}', {}, 413, "PAYLOAD_TOO_LARGE"),
    "a form": (b"amount=1", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
    "compressed": (b"x", {"Content-Encoding": "gzip"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
    "a key with a space": (json.dumps(order()).encode(), {"Idempotency-Key": "a b"}, 422, "VALIDATION_ERROR"),
    "a long key": (json.dumps(order()).encode(), {"Idempotency-Key": "k" * 256}, 422, "VALIDATION_ERROR"),
}


@pytest.mark.parametrize(("body", "headers", "status", "code"), UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_an_unreadable_order_is_refused(
    merchant: Merchant, inside: Inside, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    before = await rows(inside)
    sent = {"Content-Type": "application/json", "Idempotency-Key": f"k-{uuid.uuid4()}", **headers}
    answer = await merchant.call("POST", "/payments", body, sent)
    assert (answer.status, answer.code) == (status, code), answer.body
    assert await rows(inside) == before


KEY, SECRET = {"X-Api-Key": demo.API_KEY}, {"X-Api-Secret": demo.API_SECRET}
STRANGERS = {
    "nobody": ({}, 401, "UNAUTHENTICATED"),
    "no secret": (KEY, 403, "FORBIDDEN"),
    "wrong secret": ({**KEY, "X-Api-Secret": "wrong"}, 401, "UNAUTHENTICATED"),
    "unknown key": ({"X-Api-Key": "key_unknown", **SECRET}, 401, "UNAUTHENTICATED"),
    "key of another": ({"X-Api-Key": "key_test_neighbour", **SECRET}, 401, "UNAUTHENTICATED"),
    "wrong internal key": ({"X-Internal-Api-Key": "wrong"}, 401, "UNAUTHENTICATED"),
    "another merchant's name": ({**KEY, **SECRET, "X-Merchant-Id": "m_002"}, 403, "FORBIDDEN"),
}


@pytest.mark.usefixtures("neighbour")
@pytest.mark.parametrize(("keys", "status", "code"), STRANGERS.values(), ids=STRANGERS.keys())
async def test_a_stranger_is_refused(merchant: Merchant, inside: Inside, keys: dict[str, str], status: int, code: str) -> None:
    stranger, before = Merchant(merchant.http, merchant.api, keys), await rows(inside)
    payment = f"/payments/pay_{'0' * 22}"
    answers = [await stranger.post(order(), key="k"), *[await stranger.call("GET", payment + more) for more in ("", "/tracking", "/show")]]
    assert {(answer.status, answer.code) for answer in answers} == {(status, code)}
    assert await rows(inside) == before


async def test_an_operator_is_no_merchant(merchant: Merchant, operator: dict[str, str]) -> None:
    answer = await Merchant(merchant.http, merchant.api, operator).post(order(), key="k")
    assert (answer.status, answer.code) == (403, "FORBIDDEN")


async def test_basic_authentication_and_the_own_name_are_taken(merchant: Merchant) -> None:
    word = b64encode(f"{demo.API_KEY}:{demo.API_SECRET}".encode()).decode()
    basic = {"Authorization": f"Basic {word}", "X-Merchant-Id": demo.MERCHANT_ID}
    assert (await Merchant(merchant.http, merchant.api, basic).post(order(), key=f"k-{uuid.uuid4()}")).status == 201


async def test_another_merchants_payment_is_as_unknown_as_none(merchant: Merchant, neighbour: Merchant) -> None:
    payment, unknown = await merchant.pay(), f"pay_{'0' * 22}"
    for more in ("", "/show", "/tracking"):
        theirs, nobodys = [await neighbour.call("GET", f"/payments/{name}{more}") for name in (payment.id, unknown)]
        assert (theirs.status, theirs.code) == (404, "NOT_FOUND")
        assert theirs.body == nobodys.body


async def test_the_body_may_not_name_another_merchant(merchant: Merchant, inside: Inside) -> None:
    before = await rows(inside)
    answer = await merchant.post(order(merchant_id="m_002"), key="k")
    assert (answer.status, answer.code) == (403, "FORBIDDEN")
    assert await rows(inside) == before


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/payment", 404, "NOT_FOUND"),
        ("POST", "/api/v2/payments", 404, "NOT_FOUND"),
        ("GET", "/payments/1", 404, "NOT_FOUND"),
        ("GET", f"/payments/pay_{'z' * 22}", 404, "NOT_FOUND"),
        ("DELETE", "/payments", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/payments%00", 404, "NOT_FOUND"),
    ],
)
async def test_what_is_not_there_is_said_in_the_same_shape(merchant: Merchant, method: str, path: str, status: int, code: str) -> None:
    answer = await merchant.call(method, path)
    assert (answer.status, answer.code) == (status, code)
    assert set(answer.body["error"]) == {"code", "message", "details"}
