"""What a payment order may carry beside its money."""

import pytest
from pydantic import ValidationError

from services.api.http.bodies import METADATA_BYTES_MAX, CreatePayment

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


def test_a_method_that_is_named_must_fit() -> None:
    with pytest.raises(ValidationError, match="its type is not the payment's method"):
        CreatePayment.model_validate({"amount": 1000, "method": "UPI", "instrument": CARD})
