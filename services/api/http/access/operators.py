"""Routes of operators' keys: one for each person or program, so that the audit says who it was."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from services.api import operators
from services.api.http.access.keys import ROOT
from services.api.http.access.merchants import AWAY
from services.api.http.availability import available
from services.api.http.change import Change, Why
from services.api.http.layer import Caller, Code, Problem, Role, Routes
from services.api.office import By, Office
from services.api.secrets import OPERATOR, digest, new_secret

router = Routes(tag="operators", description="Who may operate the gateway.")

OperatorName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9._-]{0,62}$", examples=["asha"])]


class OperatorPath(BaseModel):
    name: OperatorName


class NewOperator(Change):
    name: OperatorName
    note: Annotated[str, Field(max_length=200, description="whose it is, and what for")] = ""


class OperatorView(BaseModel):
    name: str
    note: str
    created_at: datetime
    revoked_at: datetime | None


class MadeOperator(OperatorView):
    """The only answer that ever holds the key: it is sent as `X-Internal-Api-Key`."""

    key: str


class ListedOperators(BaseModel):
    items: list[OperatorView]


@router.post("/operators", needs=Role.OPERATOR, status=201, errors=[Code.CONFLICT, *AWAY])
async def create_operator(body: NewOperator, caller: Caller, office: Office) -> MadeOperator:
    """Give somebody a key of their own. It is not shown again. A name that was revoked may get another."""
    key = new_secret(OPERATOR)
    with available():
        async with office.changing(By(caller.name, body.reason)) as change:
            row = None
            if body.name != ROOT:
                row = await change.row(operators.CREATE, name=body.name, sha256=digest(key), note=body.note)
            if row is None:
                raise Problem(Code.CONFLICT, "There is an operator of this name.")
            await change.note("operator.create", body.name, after={"note": body.note})
    return MadeOperator(**row, key=key)


@router.get("/operators", needs=Role.OPERATOR, errors=AWAY)
async def list_operators(office: Office) -> ListedOperators:
    """Who has a key, and who had one. `root`, whose key is a setting, is not among them."""
    with available():
        return ListedOperators(items=[OperatorView(**row) for row in await office.rows(operators.OPERATORS)])


@router.post("/operators/{name}/revoke", needs=Role.OPERATOR, errors=[Code.CONFLICT, *AWAY])
async def revoke_operator(path: OperatorPath, body: Why | None, caller: Caller, office: Office) -> OperatorView:
    """End an operator's key, within a second on every replica."""
    if path.name == ROOT:
        raise Problem(Code.CONFLICT, "The key of root is a setting, PAYMESH_INTERNAL_API_KEY: change it there.")
    with available():
        async with office.changing(By(caller.name, (body or Why()).reason)) as change:
            was = await change.row(operators.ONE, name=path.name)
            if was is None:
                raise Problem(Code.NOT_FOUND, "There is no such operator.")
            row = was if was["revoked_at"] else await change.row(operators.REVOKE, name=path.name)
            if not was["revoked_at"]:
                await change.note("operator.revoke", path.name, before={"note": was["note"]})
    return OperatorView(**(row or was))
