"""What every service is told by its environment. A service adds its own in `wiring.py`."""

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read from `PAYMESH_…` variables. A missing or wrong one ends the start with its name."""

    model_config = SettingsConfigDict(env_prefix="PAYMESH_", extra="ignore")

    database_url: str
    rabbitmq_url: str
    gateways_file: Path = Path("deploy/gateways.toml")
    ops_host: str = "127.0.0.1"
    ops_port: int = 0
    log_format: Literal["json", "console"] = "json"
    log_level: str = "INFO"
    pending_max: int = Field(2000, ge=1)  # changes of this process that wait for a commit; more wait outside
    batch_max: int = Field(200, ge=1)  # changes that share one commit
    stop_timeout_s: float = 20.0
    lock_timeout_ms: int = 5_000
    statement_timeout_ms: int = 15_000


class Waiting(BaseSettings):
    """How long the mesh waits before it asks again. Local runs and tests compress these to seconds."""

    model_config = SettingsConfigDict(env_prefix="PAYMESH_", extra="ignore", populate_by_name=True)

    payment_ttl_s: float = 60.0  # an older payment gets no first attempt
    resume_after_s: float = 90.0  # a payment that has not ended by then is looked after
    resume_every_s: float = 60.0
    gateway_timeout_ms: int = Field(2_500, gt=0, validation_alias=AliasChoices("PAYMESH_GATEWAY_TIMEOUT_MS", "GATEWAY_TIMEOUT_MS"))
    latency_budget_ms: int = 10_000
    attempts_max: int = 3
    attempt_margin_s: float = 5.0  # past its deadline by this, an attempt without outcome is unknown
    sweep_every_s: float = 1.0
    operation_deadline_s: float = 30.0  # a capture, refund or void that has not reached its gateway by then is tried anew
    operation_pauses_s: tuple[float, ...] = (2, 10)  # before a refused capture, refund or void is tried again, where that may help
    reversal_pauses_s: tuple[float, ...] = (2, 10, 60, 300, 900, 3_600, 3_600, 14_400, 14_400)  # then it is an operator's matter
    action_ttl_s: float = 900.0  # a payer who has not acted by then is waited for no longer
    link_ttl_s: float = 86_400.0  # the same for a payment link
    authorization_ttl_s: float = 604_800.0  # what is not captured by then is voided
