"""A merchant's webhook endpoints: each has its manners, its secrets and its own journal. Knows no HTTP."""

import hashlib
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from deploy.sandbox import signature
from deploy.sandbox.journal import Journal
from deploy.sandbox.settings import Seconds
from deploy.sandbox.times import now

ENDPOINTS_MAX = 100
DEFAULT = "default"
NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


def _secret(text: str) -> str:
    signature.key_of(text)
    return text


class Manners(BaseModel):
    """How an endpoint answers what is rightly signed. `secrets` replaces the shop's own and is never shown."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    status: Annotated[int, Field(ge=200, le=599)] = 204
    delay_s: Seconds = 0.0  # before the answer
    fail_first_n: Annotated[int, Field(ge=0, le=1_000_000)] = 0  # so many more are answered 500
    hang: bool = False
    hang_s: Seconds = 30.0
    retry_after_s: Annotated[int, Field(ge=0, le=86_400)] | None = None  # the header, on whatever is not 2xx
    secrets: Annotated[tuple[Annotated[str, AfterValidator(_secret)], ...], Field(max_length=5)] = Field((), repr=False)


class InvalidBody(ValueError):
    """Signed, but no JSON object."""


class Endpoint:
    def __init__(self, name: str, folder: Path, secret: str | None) -> None:
        self.name = name
        self.manners = Manners()
        self.rejected = 0  # deliveries that nobody had rightly signed
        self.journal = Journal(folder / ("webhooks.jsonl" if name == DEFAULT else f"webhooks-{name}.jsonl"), "payment_id")
        self.journal.open()
        self._shop_keys = [signature.key_of(secret)] if secret else []
        self._keys = self._shop_keys

    def change(self, change: dict[str, Any]) -> None:
        """Replace the fields given. Raises pydantic.ValidationError."""
        self.manners = Manners.model_validate(self.manners.model_dump() | change)
        self._keys = [signature.key_of(secret) for secret in self.manners.secrets] or self._shop_keys

    def shown(self) -> dict[str, Any]:
        return self.manners.model_dump(exclude={"secrets"})

    async def receive(self, headers: Mapping[str, str], body: bytes) -> int | None:
        """Journal a delivery; the status to answer with, None for none. Raises InvalidSignature, InvalidBody, JournalError."""
        try:
            webhook_id = signature.verify(self._keys, headers, body, time.time())
        except signature.InvalidSignature:
            self.rejected += 1
            raise
        message = _parse(body)
        data = message.get("data")
        data = data if isinstance(data, dict) else {}
        answered = self._answer()
        await self.journal.append(
            {
                "at": now(),
                "webhook_id": webhook_id,
                "type": message.get("type"),
                "payment_id": _text(data.get("payment_id")),
                "sequence": data.get("sequence", message.get("sequence")),
                "answered": answered,
                "body_sha256": hashlib.sha256(body).hexdigest(),
                "body": body.decode(),
            }
        )
        return answered

    def _answer(self) -> int | None:
        manners = self.manners
        if manners.hang:
            return None
        if manners.fail_first_n:
            self.manners = manners.model_copy(update={"fail_first_n": manners.fail_first_n - 1})
            return 500
        return manners.status


def _parse(body: bytes) -> dict[str, Any]:
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError:
        message = None
    if not isinstance(message, dict):
        raise InvalidBody("the body must be a JSON object")
    return message


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


class TooManyEndpoints(Exception):
    """ENDPOINTS_MAX are open."""


class Shop:
    def __init__(self, folder: Path, secret: str | None) -> None:
        self._folder, self._secret = folder, secret
        self.endpoints: dict[str, Endpoint] = {}

    def endpoint(self, name: str) -> Endpoint:
        """Opened on first use, with what its journal holds from earlier. Raises TooManyEndpoints, JournalError."""
        found = self.endpoints.get(name)
        if found is None:
            if len(self.endpoints) >= ENDPOINTS_MAX:
                raise TooManyEndpoints
            found = self.endpoints[name] = Endpoint(name, self._folder, self._secret)
        return found

    async def close(self) -> None:
        for endpoint in self.endpoints.values():
            await endpoint.journal.close()
