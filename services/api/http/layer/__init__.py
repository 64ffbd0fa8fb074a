"""One thin typed layer over aiohttp and pydantic: a route is one typed function, and its OpenAPI page comes from the same lines.

    router = Routes(tag="payments")

    @router.post("/payments", needs=Role.MERCHANT, status=201, errors=[Code.MISSING_IDEMPOTENCY_KEY], sends={"Location": "where it is"})
    async def create_payment(body: CreatePayment, headers: CreateHeaders, caller: Caller, edge: Edge) -> Reply[PaymentView]:
        "Accept a payment."
        ...
        return Reply(view, headers={"Location": f"/payments/{view.payment_id}"})

    mount(app, [router], dependencies={"edge": edge}, authenticate=keys.caller, info=Info("paymesh", "1.0.0"))

Parameters are known by name. `body` is a pydantic model or any type a TypeAdapter takes (`X | None` allows an empty body, `bytes` is
the body unread); `query`, `path` and `headers` are pydantic models, whose fields are named on the wire by their alias (a header without
one by its name with `-` for `_`; in any case). `caller` says who called, `client` from where, `request` is aiohttp's own (for streams and
sockets); every other name is a dependency given to `mount`. A function returns the value of its annotation, a `Reply` of it, None
(204), or an aiohttp response as it is.

The document has an example of everything, made from schemas and `Info.samples`; `leads` say where an answer leads (its links), `hooks`
what others are sent (its webhooks). `pages` are bytes served beside the routes.

What a caller may rely on, everywhere: one error shape (`problems.py`), no answer or log line that quotes what was sent,
`X-Request-Id` on every answer. Unknown body and query fields follow the model's own `extra` (pydantic's default ignores them; a model
that moves money says `extra="forbid"` so that a misspelt field is an error and not a default). A JSON object that says a name twice
is refused: two readers could disagree about which one counts. Bodies are read strictly: "5" is no 5, and 0 no `false`. A path that fits
no model names nothing: 404.
"""

from services.api.http.layer.bind import mount
from services.api.http.layer.caller import Caller, Client, Role
from services.api.http.layer.complaints import refused
from services.api.http.layer.endpoint import Limits
from services.api.http.layer.openapi import Info, openapi
from services.api.http.layer.pages import IMMUTABLE, Page
from services.api.http.layer.problems import Code, Problem
from services.api.http.layer.routes import Hook, Lead, Reply, Routes
from services.api.http.layer.server import EdgeRunner

__all__ = [
    "IMMUTABLE",
    "Caller",
    "Client",
    "Code",
    "EdgeRunner",
    "Hook",
    "Info",
    "Lead",
    "Limits",
    "Page",
    "Problem",
    "Reply",
    "Role",
    "Routes",
    "mount",
    "openapi",
    "refused",
]
