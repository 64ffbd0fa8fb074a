"""What merchants send: the payment order in its several spellings, checked and brought to one."""

import re
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    IPvAnyAddress,
    JsonValue,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticKnownError

from services.api.domain.instruments import BadInstrument, check_card, check_vpa
from services.api.domain.money import BadMoney
from services.api.http.fields import Currency, Text64, Upper
from shared.clock import utc_now
from shared.contracts import AMOUNT_MAX, Capture, Method

METADATA_BYTES_MAX = 8_192
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")  # as JSON writes it


def decimal_of(value: object) -> Decimal:
    """Of a number, or of a text that is written like one: Python would also read `1_0` as ten. Bodies are read strictly, and strictly a
    decimal is neither."""
    try:
        text = str(value)
    except ValueError:  # more digits than Python turns into text
        text = ""
    if not NUMBER.fullmatch(text):
        raise PydanticKnownError("decimal_parsing")
    return Decimal(text)


def text_of(value: object) -> str:
    """1 would be the address 0.0.0.1."""
    if not isinstance(value, str):
        raise PydanticKnownError("string_type")
    return value


Address = Annotated[IPvAnyAddress, BeforeValidator(text_of)]


def small(metadata: dict[str, JsonValue]) -> dict[str, JsonValue]:
    try:
        size = len(orjson.dumps(metadata))
    except orjson.JSONEncodeError:
        raise ValueError("metadata: integers have at most 64 bits") from None
    if size > METADATA_BYTES_MAX:
        raise ValueError(f"metadata: at most {METADATA_BYTES_MAX} bytes of JSON")
    return metadata


class Instrument(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Upi(Instrument):
    type: Literal["UPI"]
    vpa: Annotated[str, Field(max_length=321, examples=["success@sandbox"])]

    @field_validator("vpa")
    @classmethod
    def _vpa(cls, vpa: str) -> str:
        check_vpa(vpa)
        return vpa


class Card(Instrument):
    type: Literal["CARD"]
    number: Annotated[str, Field(min_length=12, max_length=23, examples=["4100280000001007"])]
    expiry_month: Annotated[int, Field(ge=1, le=12)]
    expiry_year: Annotated[int, Field(ge=2000, le=2100)]
    cvv: Annotated[str, Field(pattern=r"^[0-9]{3,4}$")]
    name: Annotated[str, Field(max_length=100)] = ""

    @field_validator("number")
    @classmethod
    def _digits(cls, number: str) -> str:
        return number.replace(" ", "").replace("-", "")

    @model_validator(mode="after")
    def _card(self) -> "Card":
        check_card(self.model_dump(include={"number", "expiry_month", "expiry_year"}), today=utc_now().date())
        return self


class Netbanking(Instrument):
    type: Literal["NETBANKING"]
    bank: Text64


class Wallet(Instrument):
    type: Literal["WALLET"]
    wallet: Text64


AnyInstrument = Upi | Card | Netbanking | Wallet


Metadata = Annotated[dict[Annotated[str, Field(max_length=64)], JsonValue], Field(max_length=50), AfterValidator(small)]


class Paid(BaseModel):
    """How something is paid."""

    method: Annotated[
        Method,
        Upper,
        Field(
            validation_alias=AliasChoices("method", "payment_method"),
            description="without it the instrument's, or a link where there is none",
            json_schema_extra=lambda schema: schema.pop("default", None),  # a client that sent it would contradict its instrument
        ),
    ] = "PAYMENT_LINK"
    instrument: Annotated[AnyInstrument, Field(discriminator="type")] | None = None
    vpa: Annotated[str, Field(max_length=321)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _type_in_capitals(cls, value: Any) -> Any:
        """`{"type": "upi"}` is taken too: the discriminator is read before the field's own validator."""
        if isinstance(value, dict) and isinstance(instrument := value.get("instrument"), dict) and isinstance(instrument.get("type"), str):
            return {**value, "instrument": {**instrument, "type": instrument["type"].upper()}}
        return value

    @model_validator(mode="before")
    @classmethod
    def _method_of_the_instrument(cls, value: Any) -> Any:
        """Who names no method means what the instrument says; who names neither wants a link to send the payer to."""
        if not isinstance(value, dict) or value.keys() & {"method", "payment_method"}:
            return value
        instrument = value.get("instrument")
        said = instrument.get("type") if isinstance(instrument, dict) else "UPI" if value.get("vpa") is not None else None
        return {**value, "method": said} if said is not None else value

    @model_validator(mode="after")
    def _one_instrument(self) -> Self:
        if self.vpa is not None and self.instrument is not None:
            raise BadInstrument("vpa: give it in the instrument or beside it, not both")
        if self.vpa is not None:
            self.instrument = Upi(type="UPI", vpa=self.vpa)
        if self.instrument is not None and self.instrument.type != self.method:
            raise BadInstrument(f"instrument: its type is not the payment's method, {self.method}")
        return self


class Initiate(Paid):
    """How something is paid, and what goes with it."""

    merchant_id: Text64 | None = None
    subscription_id: Annotated[Text64 | None, Field(description="takes one token of it")] = None
    customer_ip: Annotated[Address | None, Field(description="the payer's, where your server calls for them")] = None
    capture: Capture = "automatic"
    event_id: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    alias: Annotated[str, Field(max_length=31, description="the gateway account wished for")] | None = None
    metadata: Metadata = {}

    @model_validator(mode="after")
    def _link_is_captured(self) -> Self:
        if self.method == "PAYMENT_LINK" and self.capture == "manual":
            raise BadInstrument("capture: a payment link is captured by itself")
        return self


class CreatePayment(Initiate):
    """A payment order. `amount` is in minor units (`50000` INR is ₹500.00); `price` is the same in major units, for who has no `amount`."""

    model_config = ConfigDict(
        extra="forbid",
        cache_strings="keys",  # pydantic's process-wide cache of short strings is no place for card numbers
        json_schema_extra={
            "examples": [
                {
                    "amount": 50000,
                    "currency": "INR",
                    "method": "UPI",
                    "instrument": {"type": "UPI", "vpa": "success@sandbox"},
                    "order_id": "A-1001",
                }
            ]
        },
    )

    # An alias belongs to the field: inside the union pydantic would not see it.
    amount: Annotated[
        Annotated[int, Field(gt=0, le=AMOUNT_MAX, strict=True)] | None, Field(validation_alias=AliasChoices("amount", "amount_minor"))
    ] = None
    price: Annotated[Decimal, Field(gt=0, max_digits=20), BeforeValidator(decimal_of)] | None = None
    currency: Currency | None = None
    order_id: Text64 | None = None
    customer_id: Text64 | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.amount is None and self.price is None:
            raise BadMoney("amount: needed, in minor units (or price, in major units)")
        if self.method in ("UPI", "CARD") and self.instrument is None:
            raise BadInstrument(f"instrument: needed for {self.method}")
        return self
