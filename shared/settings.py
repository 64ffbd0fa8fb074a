"""What every service is told by its environment. A service adds its own in `wiring.py`."""

from pathlib import Path
from typing import Literal

from pydantic import Field
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

    model_config = SettingsConfigDict(env_prefix="PAYMESH_", extra="ignore")

    payment_ttl_s: float = 60.0  # an older payment gets no first attempt
    resume_after_s: float = 90.0  # a payment that has not ended by then is looked after
    resume_every_s: float = 60.0
    gateway_timeout_ms: int = 2_500
    latency_budget_ms: int = 10_000
    attempts_max: int = 3
    attempt_margin_s: float = 5.0  # past its deadline by this, an attempt without outcome is unknown
    sweep_every_s: float = 1.0
