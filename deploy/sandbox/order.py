"""What a merchant's side may ask a gateway for. Of the instrument only what chooses a behaviour is read, and nothing of it is kept."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

AMOUNT_MAX = 2**53 - 1
REFERENCE = r"[A-Za-z0-9._:-]{1,100}"
Reference = Annotated[str, Field(pattern=f"^{REFERENCE}$")]
Amount = Annotated[int, Field(strict=True, ge=1, le=AMOUNT_MAX)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


def reference_or(fallback: str, given: object) -> str:
    """The merchant's reference, if the journal can hold it."""
    return given if isinstance(given, str) and re.fullmatch(REFERENCE, given) else fallback


def _digits(number: str) -> str:
    return number.replace(" ", "")


class Instrument(BaseModel):
    """`hide_input_in_errors` and `repr=False`: no error and no traceback may quote it."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    type: Annotated[str, Field(min_length=2, max_length=20)]
    vpa: Annotated[str, Field(pattern=r"^[^@\s]{2,256}@[^@\s]{2,64}$")] | None = Field(None, repr=False)
    number: Annotated[str, Field(pattern=r"^[0-9 ]{12,23}$"), AfterValidator(_digits)] | None = Field(None, repr=False)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        kind = self.type.upper()
        if (kind == "UPI" and self.vpa is None) or (kind == "CARD" and self.number is None):
            raise ValueError(f"a {kind} instrument needs its {'vpa' if kind == 'UPI' else 'number'}")
        return self


class Order(BaseModel):
    """The body of `POST /v1/charges`."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    reference: Reference
    operation: Literal["charge", "authorize"]
    amount_minor: Amount
    currency: Currency
    method: Annotated[str, Field(pattern=r"^[A-Za-z_]{2,20}$")]
    instrument: Instrument


_ORDER: TypeAdapter[Order] = TypeAdapter(Order)


class KeyReused(Exception):
    """The idempotency key belongs to a different order."""


class InvalidOrder(ValueError):
    """Says which fields are wrong, never what they held."""


def parse(body: bytes) -> Order:
    """Raises InvalidOrder."""
    try:
        return _ORDER.validate_json(body)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_context=False, include_url=False)
        text = "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'body'}: {fault['msg']}" for fault in faults[:5])
        raise InvalidOrder(text) from None
