"""Routes on which operators take merchants in and set how their requests are treated."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, model_validator

from services.api import merchants
from services.api.domain.origins import check_origin
from services.api.http.availability import available
from services.api.http.change import Change
from services.api.http.fields import Currency
from services.api.http.layer import Caller, Code, Lead, Problem, Reply, Role, Routes
from services.api.office import By, Office
from shared import ids
from shared.clock import new_id

router = Routes(tag="merchants", description="Merchants, their settings and their keys.")
ORIGINS_MAX = 20
AWAY = [Code.TEMPORARILY_UNAVAILABLE]

MerchantId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=["m_002"])]
Name = Annotated[str, Field(min_length=1, max_length=100, examples=["Corner shop"])]
Default = Annotated[Currency, Field(examples=["INR"], description="of requests that name none")]
Wait = Annotated[int, Field(ge=0, le=30, description="how long a new payment's answer waits for its outcome, without `Prefer: wait`")]
Derive = Annotated[bool, Field(description="whether a request without an Idempotency-Key gets one from its event, order or sums")]
Origin = Annotated[str, AfterValidator(check_origin), Field(examples=["https://shop.example"])]
Origins = Annotated[
    tuple[Origin, ...], Field(max_length=ORIGINS_MAX, description="pages that may open a checkout with its publishable keys")
]


class MerchantPath(BaseModel):
    merchant_id: MerchantId


class CreateMerchant(Change):
    """`merchant_id` is made up where it is left out."""

    merchant_id: MerchantId | None = None
    name: Name
    currency: Default = "INR"
    answer_wait_s: Wait = 0
    derive_idempotency_key: Derive = False
    allowed_origins: Origins = ()


class MerchantChange(Change):
    """What is left out stays; the list of origins is replaced as a whole. Without `active` none of its keys works."""

    name: Name | None = None
    currency: Default | None = None
    answer_wait_s: Wait | None = None
    derive_idempotency_key: Derive | None = None
    allowed_origins: Origins | None = None
    active: bool | None = None

    @model_validator(mode="after")
    def _something(self) -> "MerchantChange":
        given = self.model_fields_set - {"reason"}
        if not given:
            raise ValueError("say what shall change")
        if empty := sorted(name for name in given if getattr(self, name) is None):
            raise ValueError(f"{empty[0]}: leave it out where it shall stay")
        return self


class MerchantView(BaseModel):
    merchant_id: MerchantId
    name: str
    currency: str
    answer_wait_s: int
    derive_idempotency_key: bool
    active: bool
    allowed_origins: list[str]
    created_at: datetime


class MerchantsQuery(BaseModel):
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    after: Annotated[str, Field(max_length=64, description="the `next` of the page before")] = ""


class Merchants(BaseModel):
    """`next` is null on the last page."""

    items: list[MerchantView]
    next: str | None


def settings_in(body: BaseModel, **more: Any) -> dict[str, Any]:
    return body.model_dump(exclude={"reason", "merchant_id"}, **more)


@router.post(
    "/merchants",
    needs=Role.OPERATOR,
    status=201,
    errors=[Code.CONFLICT, *AWAY],
    leads=[Lead("merchant_id", "/merchant_id")],
    sends={"Location": "where the merchant is"},
)
async def create_merchant(body: CreateMerchant, caller: Caller, office: Office) -> Reply[MerchantView]:
    """Take a merchant in. It can do nothing until it has a key."""
    merchant_id = body.merchant_id or ids.public("m", new_id())
    with available():
        async with office.changing(By(caller.name, body.reason)) as change:
            row = await change.row(merchants.created(settings_in(body) | {"merchant_id": merchant_id}))
            if row is None:
                raise Problem(Code.CONFLICT, "There is a merchant of this id.")
            view = MerchantView(**row)
            await change.note("merchant.create", merchant_id, after=view.model_dump(mode="json"))
    return Reply(view, headers={"Location": f"/api/v1/merchants/{merchant_id}"})


@router.get("/merchants", needs=Role.OPERATOR, errors=AWAY)
async def list_merchants(query: MerchantsQuery, office: Office) -> Merchants:
    """Every merchant with its settings, in the order of their ids."""
    with available():
        rows = await office.rows(merchants.PAGE, after=query.after, limit=query.limit + 1)
    items = [MerchantView(**row) for row in rows[: query.limit]]
    return Merchants(items=items, next=items[-1].merchant_id if len(rows) > query.limit else None)


@router.get("/merchants/{merchant_id}", needs=Role.OPERATOR, errors=AWAY)
async def show_merchant(path: MerchantPath, office: Office) -> MerchantView:
    """One merchant with its settings."""
    return await merchant(office, path.merchant_id)


@router.patch("/merchants/{merchant_id}", needs=Role.OPERATOR, errors=AWAY)
async def change_merchant(path: MerchantPath, body: MerchantChange, caller: Caller, office: Office) -> MerchantView:
    """Change a merchant's settings. They count within a second, on every replica."""
    changes = settings_in(body, exclude_unset=True)
    with available():
        async with office.changing(By(caller.name, body.reason)) as change:
            was = await change.row(merchants.LOCKED, merchant_id=path.merchant_id)
            row = await change.row(merchants.changed(path.merchant_id, changes))
            if was is None or row is None:
                raise Problem(Code.NOT_FOUND, "There is no such merchant.")
            await change.note("merchant.change", path.merchant_id, before={name: was[name] for name in changes}, after=changes)
    return MerchantView(**row)


async def merchant(office: Office, merchant_id: str) -> MerchantView:
    """Raises Problem for one that is none."""
    with available():
        rows = await office.rows(merchants.ONE, merchant_id=merchant_id)
    if not rows:
        raise Problem(Code.NOT_FOUND, "There is no such merchant.")
    return MerchantView(**rows[0])
