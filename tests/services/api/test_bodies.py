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
