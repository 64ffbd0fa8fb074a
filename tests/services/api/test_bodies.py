"""What bodies may say, and in which spellings."""

from decimal import Decimal
from typing import Any

import orjson
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from services.api.http.access.merchants import CreateMerchant, MerchantChange
from services.api.http.layer import Problem
from services.api.http.layer.reading import read_json
from services.api.http.paying.bodies import METADATA_BYTES_MAX, CreatePayment
from services.api.http.paying.money import Capture
from services.api.http.paying.orders import CreateOrder
from services.api.http.paying.subscriptions import Switch

ORDER = {"amount": 1000, "method": "UPI", "vpa": "success@sandbox"}


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"note": "x" * METADATA_BYTES_MAX}, "at most 8192 bytes"),
        ({"number": 2**64}, "at most 64 bits"),
        ({str(name): 1 for name in range(51)}, "at most 50 items"),
        ({"n" * 65: 1}, "at most 64 characters"),
    ],
)
def test_metadata_has_limits(metadata: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        CreatePayment.model_validate({**ORDER, "metadata": metadata})


def test_metadata_is_kept_as_it_is() -> None:
    kept = {"cart": {"items": [1, 2.5, "three", None, True]}, "₹": "ok"}
    assert CreatePayment.model_validate({**ORDER, "metadata": kept}).metadata == kept


CARD = {"type": "card", "number": "4100280000001007", "expiry_month": 12, "expiry_year": 2090, "cvv": "123"}


@pytest.mark.parametrize(
    ("said", "method"),
    [
        ({"vpa": "success@sandbox"}, "UPI"),
        ({"instrument": CARD}, "CARD"),
        ({"instrument": {"type": "WALLET", "wallet": "amazon"}}, "WALLET"),
        ({}, "PAYMENT_LINK"),
        ({"payment_method": "upi", "vpa": "success@sandbox"}, "UPI"),
    ],
)
def test_without_a_method_it_is_the_instruments(said: dict[str, object], method: str) -> None:
    assert CreatePayment.model_validate({"amount": 1000, **said}).method == method


@pytest.mark.parametrize(
    ("body", "rest"), [(CreatePayment, ORDER), (CreateOrder, {"amount": 1000}), (CreateMerchant, {"name": "Shop"}), (MerchantChange, {})]
)
def test_a_currency_has_minor_units_wherever_it_is_said(body: type[BaseModel], rest: dict[str, object]) -> None:
    assert body.model_validate({**rest, "currency": "usd"}).model_dump()["currency"] == "USD"
    for unknown in ("ZZZ", "QQQ"):
        with pytest.raises(ValidationError, match="currency: "):
            body.model_validate({**rest, "currency": unknown})


def test_a_method_that_is_named_must_fit() -> None:
    with pytest.raises(ValidationError, match="its type is not the payment's method"):
        CreatePayment.model_validate({"amount": 1000, "method": "UPI", "instrument": CARD})


def read(model: Any, body: dict[str, object]) -> Any:
    """As an endpoint does."""
    validator: Any = TypeAdapter(model).validator
    return read_json(orjson.dumps(body), validator, 32, frozenset())


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"price": "10.50"}, {"price": Decimal("10.50")}),
        ({"price": 10.5}, {"price": Decimal("10.5")}),
        ({"price": 10}, {"price": Decimal(10)}),
        ({"price": 1e-2}, {"price": Decimal("0.01")}),
        ({"price": "1E+2"}, {"price": Decimal(100)}),
        ({"price": None, "amount_minor": 1050}, {"price": None, "amount": 1050}),
        ({"amount": 1050, "currency": "inr"}, {"currency": "INR"}),
        ({"amount": 1050, "payment_method": "Card", "instrument": CARD}, {"method": "CARD"}),
        ({"amount": 1050, "customer_ip": None}, {"customer_ip": None}),
    ],
)
def test_an_order_has_several_spellings(said: dict[str, object], meant: dict[str, object]) -> None:
    order = read(CreatePayment, said)
    assert {name: getattr(order, name) for name in meant} == meant


def test_a_list_in_json_is_read_strictly_too() -> None:
    made = read(CreateMerchant, {"name": "Shop", "allowed_origins": ["https://shop.example"]})
    assert made.allowed_origins == ("https://shop.example",)


@pytest.mark.parametrize(
    ("model", "body", "complaint"),
    [
        (CreatePayment, {"price": True}, ("price", "decimal_parsing")),
        (CreatePayment, {"price": "ten"}, ("price", "decimal_parsing")),
        (CreatePayment, {"price": "NaN"}, ("price", "decimal_parsing")),
        (CreatePayment, {"price": "1_0"}, ("price", "decimal_parsing")),
        (CreatePayment, {"price": " 10"}, ("price", "decimal_parsing")),
        (CreatePayment, {"price": "１０"}, ("price", "decimal_parsing")),
        (CreatePayment, {"amount": "1050"}, ("amount", "int_type")),
        (CreatePayment, {"amount": 1050, "customer_ip": 1}, ("customer_ip", "string_type")),
        (CreatePayment, {"amount": 1050, "instrument": {**CARD, "expiry_month": "12"}}, ("instrument.expiry_month", "int_type")),
        (Capture, {"final": 0}, ("final", "bool_type")),
        (Switch, {"active": "yes"}, ("active", "bool_type")),
        (MerchantChange, {"answer_wait_s": 3.0}, ("answer_wait_s", "int_type")),
    ],
)
def test_nothing_is_taken_for_something_else(model: Any, body: dict[str, object], complaint: tuple[str, str]) -> None:
    with pytest.raises(Problem) as refused:
        read(model, body)
    assert [(one["field"], one["type"]) for one in refused.value.details["errors"]] == [complaint]
