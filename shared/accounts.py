"""Gateway accounts as `gateways.toml` names them. What may change while running (enabled, limits) lives in the router's database."""

import os
import re
import string
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts import AMOUNT_MAX, Method

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")]


class Account(BaseModel):
    """One account at one gateway. `kind` names the codec that speaks its wire format."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    kind: str
    base_url: str
    api_key: str = ""
    methods: tuple[Method, ...]
    currencies: tuple[str, ...]
    priority: int = 100  # lower is tried first when nothing is known
    amount_minor_min: int = 1
    amount_minor_max: int = AMOUNT_MAX
    timeout_ms: int | None = None  # None: PAYMESH_GATEWAY_TIMEOUT_MS
    concurrency_max: int = 64

    def missing_variables(self) -> list[str]:
        """Names that `base_url` and `api_key` still ask the environment for: only who calls the gateway needs them."""
        return re.findall(r"\$\{(\w+)\}", self.base_url + self.api_key)


def load(path: Path) -> tuple[Account, ...]:
    """Read `[account-name]` tables; `${NAME}` in a value is taken from the environment where it is set there.

    Raises pydantic.ValidationError for a table that is no account.
    """
    text = string.Template(path.read_text()).safe_substitute(os.environ)
    return tuple(Account(name=name, **table) for name, table in tomllib.loads(text).items())
