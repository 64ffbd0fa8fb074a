"""Gateway accounts as `gateways.toml` names them. What may change while running (enabled, limits) lives in the router's database."""

import os
import re
import string
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts import AMOUNT_MAX, Method

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")]


class Account(BaseModel):
    """One account at one gateway. `kind` names the codec that speaks its wire format."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    kind: str
    base_url: str
    api_key: str = ""  # or the id of a key whose secret is `key_secret`
    key_secret: str = ""
    webhook_secret: str = ""  # of the webhooks the gateway sends; several, separated by spaces, while one is rotated
    return_url: str = ""  # where a payer comes back to after an action elsewhere
    upi_flow: Literal["intent", "collect"] = "intent"  # collect was withdrawn from most merchants of India on 2026-02-28
    multicapture: bool = False  # the account may capture an authorisation in several parts, where its gateway makes that a feature
    methods: tuple[Method, ...]
    currencies: tuple[str, ...]
    priority: int = 100  # lower is tried first when nothing is known
    amount_minor_min: int = 1
    amount_minor_max: int = AMOUNT_MAX
    timeout_ms: int | None = None  # None: PAYMESH_GATEWAY_TIMEOUT_MS
    concurrency_max: int = 64
    ladder_s: tuple[Annotated[float, Field(gt=0)], ...] | None = None  # None: PAYMESH_VERIFICATION_LADDER_S
    grace_s: Annotated[float, Field(ge=0)] | None = None  # None: PAYMESH_NOT_FOUND_GRACE_S

    def missing_variables(self) -> list[str]:
        """Names that the values for calling the gateway still ask the environment for: only who calls it needs them."""
        return re.findall(r"\$\{(\w+)\}", self.base_url + self.api_key + self.key_secret)

    def webhook_secrets(self) -> list[str]:
        """None while the environment has not been given any: whoever verifies then trusts nobody."""
        return [secret for secret in self.webhook_secret.split() if not secret.startswith("${")]


def load(path: Path) -> tuple[Account, ...]:
    """Read `[account-name]` tables; `${NAME}` in a value is taken from the environment where it is set there.

    Raises pydantic.ValidationError for a table that is no account.
    """
    text = string.Template(path.read_text()).safe_substitute(os.environ)
    return tuple(Account(name=name, **table) for name, table in tomllib.loads(text).items())
