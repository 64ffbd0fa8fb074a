"""`./paymesh merchant`: take merchants in, set how they are treated, and give, roll and revoke their keys."""

import json
from collections.abc import Iterable
from typing import Annotated, Any
from urllib.parse import quote

from cyclopts import App, Parameter
from rich.table import Table

from deploy.local.commands.options import InstanceName
from deploy.local.commands.pay import running
from deploy.local.console import out
from deploy.local.errors import LocalError
from deploy.local.instance import DEFAULT
from deploy.local.web import call

app = App(
    name="merchant",
    help="Merchants and their keys, in an instance that runs. It speaks HTTP with the instance's own operator key; changes are audited.",
)

Reason = Annotated[str, Parameter(help="Why; it is kept in the audit.")]
Json = Annotated[bool, Parameter("--json", negative="", help="One JSON object on standard output.")]
Origin = Annotated[
    list[str] | None,
    Parameter("--origin", negative="--no-origins", help="A page that may open its checkout, as https://shop.example; repeat for more."),
]
Wait = Annotated[int | None, Parameter(help="How long the answer to a new payment waits for its outcome, in seconds.")]
Derive = Annotated[bool | None, Parameter(help="Make up Idempotency-Keys from events and orders.")]
NAMES = ("merchant_id", "name", "currency", "active", "answer_wait_s", "derive_idempotency_key", "allowed_origins")
KEY_NAMES = ("key_id", "kind", "created_at", "previous_until", "revoked_at")


def asked(instance: str, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the edge answers. Raises LocalError for a refusal, in the edge's words."""
    status = running(instance)
    try:
        reply = call(method, f"{status.api}{path}", body, {"X-Internal-Api-Key": status.internal_api_key})
    except OSError as error:
        raise LocalError(f"the edge did not answer: {error}") from None
    if reply.status >= 400:
        raise LocalError(*reply.refusal())
    return reply.body


def settings(reason: str, **given: Any) -> dict[str, Any]:
    """What was given; the rest the edge knows."""
    return {name: value for name, value in given.items() if value is not None} | ({"reason": reason} if reason else {})


@app.command
def create(
    name: str,
    *,
    merchant_id: Annotated[str | None, Parameter("--id", help="Made up unless given.")] = None,
    currency: Annotated[str, Parameter(help="Of requests that name none.")] = "INR",
    answer_wait_s: Wait = None,
    derive_idempotency_key: Derive = None,
    origin: Origin = None,
    reason: Reason = "",
    as_json: Json = False,
    instance: InstanceName = DEFAULT,
) -> None:
    """Take a merchant in and give it a key. Its secret is shown here and never again."""
    body = settings(
        reason,
        name=name,
        merchant_id=merchant_id,
        currency=currency,
        answer_wait_s=answer_wait_s,
        derive_idempotency_key=derive_idempotency_key,
        allowed_origins=origin,
    )
    made = asked(instance, "POST", "/merchants", body)
    key = asked(instance, "POST", f"/merchants/{quote(made['merchant_id'])}/keys", settings(reason))
    if as_json:
        print(json.dumps({**made, "key": key}))
    else:
        table(NAMES, [made])
        secret(key)


@app.command(name="list")
def list_(*, as_json: Json = False, instance: InstanceName = DEFAULT) -> None:
    """Every merchant with its settings."""
    items: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        page = asked(instance, "GET", f"/merchants?limit=500&after={quote(after)}")
        items, after = items + page["items"], page["next"]
    if as_json:
        print(json.dumps({"items": items}))
    else:
        table(NAMES, items)


@app.command
def show(merchant_id: str, *, as_json: Json = False, instance: InstanceName = DEFAULT) -> None:
    """One merchant, its settings and its keys."""
    found = asked(instance, "GET", f"/merchants/{quote(merchant_id, safe='')}")
    keys = asked(instance, "GET", f"/merchants/{quote(merchant_id, safe='')}/keys")["items"]
    if as_json:
        print(json.dumps({**found, "keys": keys}))
    else:
        table(NAMES, [found])
        out.print()
        table(KEY_NAMES, keys)


@app.command
def update(
    merchant_id: str,
    *,
    name: str | None = None,
    currency: Annotated[str | None, Parameter(help="Of requests that name none.")] = None,
    answer_wait_s: Wait = None,
    derive_idempotency_key: Derive = None,
    origin: Origin = None,
    active: Annotated[bool | None, Parameter(help="With --no-active none of its keys works, within a second.")] = None,
    reason: Reason = "",
    as_json: Json = False,
    instance: InstanceName = DEFAULT,
) -> None:
    """Change settings: what is left out stays, origins are replaced as a whole. It counts within a second."""
    body = settings(
        reason,
        name=name,
        currency=currency,
        answer_wait_s=answer_wait_s,
        derive_idempotency_key=derive_idempotency_key,
        allowed_origins=origin,
        active=active,
    )
    found = asked(instance, "PATCH", f"/merchants/{quote(merchant_id, safe='')}", body)
    if as_json:
        print(json.dumps(found))
    else:
        table(NAMES, [found])


@app.command
def key(
    merchant_id: str,
    *,
    publishable: Annotated[bool, Parameter(negative="", help="For pages: it has no secret, and opens checkouts only.")] = False,
    reason: Reason = "",
    as_json: Json = False,
    instance: InstanceName = DEFAULT,
) -> None:
    """Make one more key. Its secret is shown here and never again."""
    body = settings(reason, kind="publishable" if publishable else "secret")
    secret(asked(instance, "POST", f"/merchants/{quote(merchant_id, safe='')}/keys", body), as_json=as_json)


@app.command
def roll(
    key_id: str,
    *,
    overlap_s: Annotated[int, Parameter(help="For how long the secret before works on, at most a day.")] = 0,
    reason: Reason = "",
    as_json: Json = False,
    instance: InstanceName = DEFAULT,
) -> None:
    """Give a key a new secret, shown here and never again."""
    body = settings(reason, overlap_s=overlap_s)
    secret(asked(instance, "POST", f"/keys/{quote(key_id, safe='')}/roll", body), as_json=as_json)


@app.command
def revoke(key_id: str, *, reason: Reason = "", as_json: Json = False, instance: InstanceName = DEFAULT) -> None:
    """End a key for good, within a second on every replica."""
    found = asked(instance, "POST", f"/keys/{quote(key_id, safe='')}/revoke", settings(reason))
    if as_json:
        print(json.dumps(found))
    else:
        table(KEY_NAMES, [found])


def secret(made: dict[str, Any], *, as_json: bool = False) -> None:
    if as_json:
        print(json.dumps(made))
    else:
        out.print(f"X-Api-Key: {made['key_id']}", markup=False)
        if made["secret"]:
            out.print(f"X-Api-Secret: {made['secret']}", markup=False)
            out.print("keep it now: it is stored as a digest and cannot be shown again", style="dim")


def table(names: Iterable[str], rows: Iterable[dict[str, Any]]) -> None:
    shown = Table(box=None, padding=(0, 2), header_style="dim")
    for name in names:
        shown.add_column(name)
    for row in rows:
        shown.add_row(*(cell(row[name]) for name in names))
    out.print(shown)


def cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value) or "-"
    return "-" if value is None else str(value)
