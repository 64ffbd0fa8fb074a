"""How an account behaves when an order says nothing about it. Named in a TOML file, changed while running by HTTP."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator
from pydantic.functional_validators import BeforeValidator

from deploy.sandbox.behaviour import BEHAVIOURS
from deploy.sandbox.moves import MoveKind

Seconds = Annotated[float, Field(ge=0, le=120, allow_inf_nan=False)]
Millis = Annotated[int, Field(ge=0, le=60_000)]
Rate = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
ACCOUNTS_FILE = Path(__file__).with_name("accounts.toml")
CALL_BACK_DELAY_S = 1.0  # a webhook that overtakes its charge's answer is one more thing to verify; real ones come afterwards


def _behaviour(name: object) -> object:
    spelled = name.replace("_", "-") if isinstance(name, str) else name
    if spelled not in BEHAVIOURS:
        raise ValueError(f"no such behaviour; there are {', '.join(BEHAVIOURS)}")
    return spelled


Rates = dict[Annotated[str, BeforeValidator(_behaviour)], Rate]


class Settings(BaseModel):
    """One account's. The rest of `rates`, up to 1, succeeds; every draw is a function of `seed` and the order's reference."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rates: Rates = {}
    move_rates: dict[MoveKind, Rates] = {}  # for captures, refunds and voids, which `rates` says nothing of
    seed: int = 0
    latency_ms: Millis = 0  # fixed; or drawn from a log-normal distribution with these two
    latency_ms_p50: Millis | None = None
    latency_ms_p95: Millis | None = None
    slow_s: Seconds = 1.0  # slow, and still within a usual timeout of 2.5 s
    late_s: Seconds = 4.0  # late: beyond it
    hang_s: Seconds = 30.0  # how long a connection is held without an answer
    retry_after_s: Annotated[int, Field(ge=0, le=3_600)] = 1
    visibility_delay_s: Seconds = 0.0  # until searches and lists show a charge; by id it is there at once
    ignores_idempotency_keys: bool = False
    magic_amounts: bool = True
    frictionless: bool = False  # in Razorpay's format: cards and UPI intents are charged without their payer doing anything
    webhook_url: Annotated[str, Field(max_length=500, pattern=r"^https?://")] | None = None  # none: no webhooks are sent
    webhook_secret: Annotated[str, Field(min_length=8, max_length=200)] | None = None  # none: `webhooks.secret_of(account)`
    webhook_delay_s: Seconds = 0.0
    webhook_copies: Annotated[int, Field(ge=0, le=10)] = 1  # of each; 0: all are lost

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if any(sum(rates.values()) > 1 + 1e-9 for rates in (self.rates, *self.move_rates.values())):
            raise ValueError("rates add up to more than 1")
        if (self.latency_ms_p50 is None) != (self.latency_ms_p95 is None):
            raise ValueError("latency_ms_p50 and latency_ms_p95 go together")
        if self.latency_ms_p50 is not None and self.latency_ms_p95 is not None and not 0 < self.latency_ms_p50 <= self.latency_ms_p95:
            raise ValueError("0 < latency_ms_p50 <= latency_ms_p95")
        return self

    def changed(self, change: dict[str, Any]) -> "Settings":
        """With these fields replaced, `rates` as a whole. Raises pydantic.ValidationError."""
        return Settings.model_validate(self.model_dump() | change)


_ACCOUNTS: TypeAdapter[dict[Name, Settings]] = TypeAdapter(dict[Name, Settings])


def load(path: Path = ACCOUNTS_FILE, call_back: str | None = None) -> dict[str, Settings]:
    """One table an account. Those that name no `webhook_url` call back at `call_back`, the account's name behind it.

    Raises OSError, tomllib.TOMLDecodeError, pydantic.ValidationError.
    """
    tables = tomllib.loads(path.read_text())
    for name, table in tables.items() if call_back else ():
        if isinstance(table, dict):
            tables[name] = {"webhook_url": f"{call_back}/{name}", "webhook_delay_s": CALL_BACK_DELAY_S, **table}
    return dict(_ACCOUNTS.validate_python(tables))
