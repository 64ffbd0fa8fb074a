"""Routes of merchants' keys: made, rolled, revoked. A secret is shown once, to whom made it; what is kept is its digest."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from services.api import merchants
from services.api.http.access.keys import Merchant
from services.api.http.access.merchants import AWAY, MerchantPath, merchant
from services.api.http.availability import available
from services.api.http.change import Change, Why
from services.api.http.layer import Caller, Code, Lead, Problem, Role, Routes
from services.api.office import By, Office
from services.api.office import Change as Changing
from services.api.secrets import KEY_ID, PUBLISHABLE, SECRET, digest, new_key_id, new_secret

router = Routes(tag="keys", description="Merchants' keys: secret ones for servers, publishable ones for pages.")
OVERLAP_MAX_S = 86_400
WORKING_MAX = 50  # keys of one merchant

Kind = Literal["secret", "publishable"]


class KeyPath(BaseModel):
    key_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$", examples=["key_live_4f1d0a8c92e3b75d6a1c0f24"])]


class NewKey(Change):
    kind: Kind = "secret"


class Roll(Change):
    overlap_s: Annotated[int, Field(ge=0, le=OVERLAP_MAX_S, description="for how long the secret before works on")] = 0


class KeyView(BaseModel):
    """`publishable`: its id alone opens a checkout. `previous_until`: the secret before works until then."""

    key_id: str
    merchant_id: str
    kind: Kind
    publishable: bool
    created_at: datetime
    revoked_at: datetime | None
    previous_until: datetime | None


class MadeKey(KeyView):
    """The only answer that ever holds the secret. A publishable key has none."""

    secret: str | None


class ListedKeys(BaseModel):
    items: list[KeyView]


@router.post(
    "/merchants/{merchant_id}/keys",
    needs=Role.OPERATOR,
    status=201,
    errors=[Code.CONFLICT, *AWAY],
    leads=[Lead("key_id", "/key_id")],
)
async def create_key(path: MerchantPath, body: NewKey, caller: Caller, office: Office) -> MadeKey:
    """Make a key: a secret one for a merchant's servers, or a publishable one for its pages. The secret is not shown again."""
    secret = new_secret(SECRET) if body.kind == "secret" else None
    key_id = new_key_id(KEY_ID if secret else PUBLISHABLE)
    with available():
        async with office.changing(By(caller.name, body.reason)) as change:
            if await change.row(merchants.LOCKED, merchant_id=path.merchant_id) is None:
                raise Problem(Code.NOT_FOUND, "There is no such merchant.")
            counted = await change.row(merchants.WORKING, merchant_id=path.merchant_id)
            if counted and counted["working"] >= WORKING_MAX:
                raise Problem(Code.CONFLICT, f"It has {WORKING_MAX} keys that work: revoke one.")
            await change.row(merchants.added(key_id, path.merchant_id, digest(secret) if secret else None))
            view = await shown(change, key_id)
            await change.note("key.create", key_id, after={"merchant_id": path.merchant_id, "kind": body.kind})
    return MadeKey(**view.model_dump(), secret=secret)


@router.get("/merchants/{merchant_id}/keys", needs=Role.OPERATOR, errors=AWAY)
async def list_keys_of_merchant(path: MerchantPath, office: Office) -> ListedKeys:
    """A merchant's keys, those that work first. Never their secrets: nobody has them."""
    await merchant(office, path.merchant_id)
    return await keys_of(office, path.merchant_id)


@router.get("/keys", needs=Role.MERCHANT, errors=AWAY)
async def list_keys(caller: Merchant, office: Office) -> ListedKeys:
    """Your own keys, those that work first."""
    return await keys_of(office, caller.merchant_id)


@router.post("/keys/{key_id}/roll", needs=Role.OPERATOR, errors=[Code.CONFLICT, *AWAY])
async def roll_key(path: KeyPath, body: Roll | None, caller: Caller, office: Office) -> MadeKey:
    """Give a key a new secret. The one before works on for `overlap_s`, and not at all without; one before that ends at once."""
    said, secret = body or Roll(), new_secret(SECRET)
    with available():
        async with office.changing(By(caller.name, said.reason)) as change:
            was = await locked(change, path.key_id)
            if was.revoked_at is not None or was.kind == "publishable":
                why = "It is revoked." if was.revoked_at else "A publishable key has no secret: make another, and revoke this one."
                raise Problem(Code.CONFLICT, why)
            await change.row(merchants.ROLL, key_id=path.key_id, sha256=digest(secret), overlap_s=said.overlap_s)
            view = await shown(change, path.key_id)
            await change.note("key.roll", path.key_id, after={"overlap_s": said.overlap_s})
    return MadeKey(**view.model_dump(), secret=secret)


@router.post("/keys/{key_id}/revoke", needs=Role.OPERATOR, errors=AWAY)
async def revoke_key(path: KeyPath, body: Why | None, caller: Caller, office: Office) -> KeyView:
    """End a key, within a second on every replica; streams and checkouts that it opened end too. It cannot be taken back."""
    with available():
        async with office.changing(By(caller.name, (body or Why()).reason)) as change:
            was = await locked(change, path.key_id)
            if was.revoked_at is not None:
                return was
            await change.row(merchants.REVOKE, key_id=path.key_id)
            view = await shown(change, path.key_id)
            await change.note("key.revoke", path.key_id, before={"merchant_id": was.merchant_id, "kind": was.kind})
    return view


async def keys_of(office: Office, merchant_id: str) -> ListedKeys:
    with available():
        return ListedKeys(items=[KeyView(**row) for row in await office.rows(merchants.KEYS, merchant_id=merchant_id)])


async def locked(change: Changing, key_id: str) -> KeyView:
    row = await change.row(merchants.LOCKED_KEY, key_id=key_id)
    if row is None:
        raise Problem(Code.NOT_FOUND, "There is no such key.")
    return KeyView(**row)


async def shown(change: Changing, key_id: str) -> KeyView:
    return KeyView(**(await change.row(merchants.ONE_KEY, key_id=key_id) or {}))
