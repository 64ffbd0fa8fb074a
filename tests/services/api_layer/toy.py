"""A small API over the layer, with a route for every way a request can go wrong."""

import asyncio
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Protocol

import structlog
from aiohttp import web
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from services.api.http.layer import Caller, Client, Code, Info, Problem, Reply, Role, Routes, mount

CARD_NUMBER = "4100280000001007"


class Upi(BaseModel):
    type: Literal["UPI"]
    vpa: str = Field(min_length=3, pattern=r"^[\w.-]+@\w+$")


class Card(BaseModel):
    type: Literal["CARD"]
    number: SecretStr
    cvv: SecretStr = Field(max_length=4)
    expiry_month: int = Field(ge=1, le=12)

    @field_validator("number")
    @classmethod
    def digits(cls, number: SecretStr) -> SecretStr:
        if not number.get_secret_value().isdigit():
            raise ValueError("The number should be digits only")
        if number.get_secret_value() != CARD_NUMBER:
            raise ValueError(f"{number.get_secret_value()} is not a card we know")
        return number


class CreatePayment(BaseModel):
    """What to charge."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"amount": 1000, "note": "hello"}]})

    amount: int = Field(gt=0, lt=2**53, validation_alias=AliasChoices("amount", "amount_minor"))
    method: Literal["UPI", "CARD"] = "UPI"
    instrument: Annotated[Upi | Card, Field(discriminator="type")] | None = None
    score: float = 0.0
    note: str = ""
    metadata: dict[str, Any] = {}
    limits: dict[str, int] = {}
    sizes: list[int] = []

    @model_validator(mode="after")
    def consistent(self) -> "CreatePayment":
        if self.note.startswith("!"):
            raise ValueError(f"the note {self.note.strip('! ').upper()} is not wanted")
        if self.note == "card" and self.method != "CARD":
            raise ValueError(f"the note is not for {self.method}")
        return self


class CreateHeaders(BaseModel):
    idempotency_key: str | None = Field(None, alias="Idempotency-Key", max_length=255, description="One key, one charge.")
    prefer: str | None = None


class PaymentPath(BaseModel):
    payment_id: str = Field(pattern=r"^pay_\w{1,22}$")


class ListQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: int = Field(10, ge=1, le=100)
    status: list[str] = []
    after: str | None = Field(None, validation_alias=AliasChoices("after", "cursor"))


class PaymentView(BaseModel):
    payment_id: str
    amount: int


class Capture(BaseModel):
    amount: int | None = None


class Store(Protocol):
    def seen(self, what: Any) -> None: ...


class Memory:
    """What reached a handler."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.turn = asyncio.Barrier(2)

    def seen(self, what: Any) -> None:
        self.calls.append(what)


payments = Routes(tag="payments", description="Money in.")
odd = Routes(tag="odd")


@payments.post(
    "/payments",
    needs=Role.MERCHANT,
    status=201,
    also=(200,),
    errors=[Code.MISSING_IDEMPOTENCY_KEY],
    sends={"Location": "Where it is."},
)
async def create_payment(body: CreatePayment, headers: CreateHeaders, caller: Caller, store: Store) -> Reply[PaymentView] | PaymentView:
    """Accept a payment.

    It is charged later.
    """
    if headers.idempotency_key is None:
        raise Problem(Code.MISSING_IDEMPOTENCY_KEY)
    store.seen((caller.merchant_id, body))
    view = PaymentView(payment_id="pay_1", amount=body.amount)
    if headers.idempotency_key == "again":
        return Reply(view, status=200, headers={"Idempotent-Replayed": "true"})
    return Reply(view, headers={"Location": "/payments/pay_1"})


@payments.get("/payments/{payment_id}", needs=(Role.MERCHANT, Role.OPERATOR))
async def show_payment(path: PaymentPath, caller: Caller) -> PaymentView:
    """Show one payment."""
    if path.payment_id == "pay_0":
        raise Problem(Code.NOT_FOUND, "No such payment.")
    return PaymentView(payment_id=path.payment_id, amount=len(caller.name))


@payments.get("/payments", needs=Role.PUBLIC, summary="List them")
async def list_payments(query: ListQuery) -> list[PaymentView]:
    return [PaymentView(payment_id=status, amount=query.limit) for status in query.status]


@payments.post("/payments/{payment_id}/capture", needs=Role.MERCHANT)
async def capture(path: PaymentPath, body: Capture | None) -> PaymentView:
    return PaymentView(payment_id=path.payment_id, amount=body.amount or 0 if body else -1)


@odd.post("/webhooks/{payment_id}", needs=Role.PUBLIC, max_body_bytes=10)
async def raw_webhook(path: PaymentPath, body: bytes, client: Client) -> dict[str, str]:
    return {"body": body.hex(), "ip": client.ip, "request_id": client.request_id}


@odd.get("/readiness", needs=Role.PUBLIC, also=[503])
async def readiness() -> Reply[PaymentView]:
    return Reply(PaymentView(payment_id="pay_1", amount=0), status=503)


@odd.delete("/nothing", needs=Role.OPERATOR)
async def remove(store: Store) -> None:
    store.seen("removed")


@odd.get("/page", needs=Role.PUBLIC)
async def page() -> web.Response:
    return web.Response(text="<p>", content_type="text/html")


@odd.get("/stream", needs=Role.PUBLIC)
async def stream(request: web.Request, client: Client) -> web.StreamResponse:
    response = web.StreamResponse(headers={"X-Request-Id": client.request_id})
    await response.prepare(request)
    await response.write(b"data: 1\n\n")
    return response


@odd.post("/broken", needs=Role.PUBLIC)
async def broken(body: dict[str, str]) -> None:
    match body["how"]:
        case "value":
            raise ValueError(f"cannot take {CARD_NUMBER}")
        case "pydantic":
            Upi.model_validate({"type": "UPI", "vpa": CARD_NUMBER})
        case "code":
            raise AttributeError("no attribute vpa2")
        case "aiohttp":
            raise web.HTTPUnsupportedMediaType
        case "timeout":
            raise TimeoutError


@odd.get("/wrong-answer", needs=Role.PUBLIC)
async def wrong_answer() -> PaymentView:
    return {"payment_id": CARD_NUMBER}  # type: ignore[return-value]


@odd.get("/context", needs=Role.PUBLIC)
async def context(memory: Memory) -> dict[str, Any]:
    """Answer with the log's context once two requests are in here together."""
    await memory.turn.wait()
    return {"request_id": structlog.contextvars.get_contextvars()["request_id"]}


async def authenticate(request: web.Request) -> Caller | None:
    match request.headers.get("X-Api-Key"), request.headers.get("X-Internal-Api-Key"):
        case "key_test", _:
            return Caller(Role.MERCHANT, "demo", "key_1", "m_001")
        case "key_revoked", _:
            raise Problem(Code.UNAUTHENTICATED, "This key was revoked.")
        case _, "dev":
            return Caller(Role.OPERATOR, "ops", "key_2")
    return None


def admit(client: Client, caller: Caller | None) -> Mapping[str, str]:
    if client.request_id == "greedy" and caller is not None:
        raise Problem(Code.RATE_LIMITED, headers={"Retry-After": "7"})
    return {"RateLimit-Remaining": "9"}


def toy_app(memory: Memory, **settings: Any) -> web.Application:
    app = web.Application()
    mount(
        app,
        [payments, odd],
        dependencies={"store": memory, "memory": memory},
        authenticate=authenticate,
        admit=admit,
        info=Info("toy", "1"),
        **settings,
    )
    return app


def error_of(answer: bytes) -> dict[str, Any]:
    """The error, and nothing but one in our shape."""
    document = json.loads(answer)
    assert list(document) == ["error"]
    assert list(document["error"]) == ["code", "message", "details"]
    error: dict[str, Any] = document["error"]
    return error
