"""The route that gateways call: the signature first, over the body as it came; then the verifier is told, and the body forgotten."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, Field

from services.api.http.availability import available
from services.api.http.layer import Code, Problem, Role, Routes
from shared.accounts import Account
from shared.clock import new_id, utc_now
from shared.contracts import GatewayFinding, ReceiveGatewayEvent
from shared.gateways import CODECS, Heard, Refused, Succeeded, Unverified
from shared.storage.unit_of_work import UnitOfWork

router = Routes(tag="inbound webhooks", description="What gateways tell of their own accord.")
BODY_BYTES_MAX = 256 * 1024
EVENT_ID_MAX, TEXT_MAX = 255, 200


class AccountPath(BaseModel):
    gateway: Annotated[str, Field(max_length=31, examples=["alpha"])]


class Received(BaseModel):
    """It is kept. What it proves is decided later."""

    received: bool = True


class Inbound:
    """The accounts whose word is taken, each under its own secrets."""

    def __init__(self, accounts: Iterable[Account], unit_of_work: UnitOfWork) -> None:
        self.accounts = {account.name: account for account in accounts if account.kind in CODECS}
        self.unit_of_work = unit_of_work

    async def receive(self, gateway: str, headers: Mapping[str, str], body: bytes) -> None:
        """Returns when it is committed that the verifier will hear of it. Raises Problem; nothing is stored then."""
        account = self.accounts.get(gateway.lower())  # accounts have small letters; some write Razorpay
        if account is None:
            raise Problem(Code.NOT_FOUND)
        codec = CODECS[account.kind]
        try:
            codec.verify_webhook(account, headers, body, utc_now().timestamp())
        except Unverified as error:
            raise Problem(Code.UNAUTHENTICATED, f"The signature does not hold: {error}.") from None
        heard = codec.parse_webhook(headers, body)
        if heard is None:  # of something that is none of our business; its sender need not send it again
            return
        if self.unit_of_work.overloaded():
            raise Problem(Code.OVERLOADED)
        command = event_of(account.name, heard, hashlib.sha256(body).hexdigest())
        with available():
            await self.unit_of_work.apply(lambda work: work.send(command))


def event_of(gateway: str, heard: Heard, body_sha256: str) -> ReceiveGatewayEvent:
    """All that is kept of a webhook: never its body, which may name the payer."""
    finding: GatewayFinding = "pending"
    if isinstance(heard.finding, Succeeded | Refused):
        finding = "succeeded" if isinstance(heard.finding, Succeeded) else "failed"
    return ReceiveGatewayEvent(
        correlation_id=new_id(),
        gateway=gateway,
        event_id=plain(heard.event_id, EVENT_ID_MAX) or "",
        event_type=plain(heard.event, TEXT_MAX) or "",
        body_sha256=body_sha256,
        finding=finding,
        operation=heard.operation,
        reference=plain(heard.reference, TEXT_MAX),
        gateway_reference=plain(heard.gateway_reference, TEXT_MAX),
        confirmed=heard.finding.confirmed if isinstance(heard.finding, Succeeded) else None,
        refusal=heard.finding.refusal if isinstance(heard.finding, Refused) else None,
    )


def plain(text: str | None, most: int) -> str | None:
    """What a text column holds: no NUL, no half of a surrogate pair, and not too much."""
    return text[:most].replace("\x00", "").encode(errors="replace").decode() if text else None


@router.post(
    "/webhooks/{gateway}",
    needs=Role.PUBLIC,
    status=202,
    errors=[Code.UNAUTHENTICATED, Code.NOT_FOUND, Code.OVERLOADED, Code.TEMPORARILY_UNAVAILABLE],
    max_body_bytes=BODY_BYTES_MAX,
    limited=False,
)
async def receive_webhook(path: AccountPath, body: bytes, request: web.Request, inbound: Inbound) -> Received:
    """A gateway's webhook, in that gateway's own form, signed with the account's secret.

    202 means that it is kept, once however often it comes. A wrong signature is 401, and nothing is kept.
    """
    await inbound.receive(path.gateway, request.headers, body)
    return Received()
