"""The processes of the mesh as data: what each is started with, and where it says that it is ready."""

import base64
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from deploy.local import demo
from deploy.local.instance import Instance
from deploy.local.servers import Server

SERVICES = ("api", "router", "executor", "metrics", "verifier", "notifier")
SANDBOX = "sandbox"
# Seconds where a deployment waits minutes: what a person or a test watches should happen while they watch.
DEFAULTS: Mapping[str, str] = {
    "PAYMESH_VERIFICATION_LADDER_S": "[0.5, 1, 2, 5, 10, 30]",
    "PAYMESH_NOT_FOUND_GRACE_S": "2",
    "PAYMESH_WEBHOOK_SCHEDULE_S": "[0, 5, 10, 15, 20]",
    "PAYMESH_WEBHOOK_ALLOW_LOOPBACK": "true",
    "PAYMESH_RATE_LIMIT_PER_MIN": "6000",
    "PAYMESH_RATE_LIMIT_KEY_PER_MIN": "6000",
    "PAYMESH_GUARD_CARDS_PER_CALLER": "0",
    "PAYMESH_GUARD_TRIES_PER_CARD": "0",
    "PAYMESH_LOG_FORMAT": "json",
    "PAYMESH_LOG_LEVEL": "info",
}


@dataclass(frozen=True)
class Program:
    """One process: how to start it, where it answers 200 when it is ready, and where its operations port is."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    ready_url: str
    ops_url: str


@dataclass(frozen=True)
class Blueprint:
    """Every program of one instance, from its ports, its secrets, its servers and the settings.

    `settings` are environment variables for every program, `overrides` for single ones. Our defaults yield to the caller's environment,
    that to `settings`, those to `overrides`. `root` is the checkout whose code runs. `launchers` are modules (and their arguments) that
    start single services in place of Python itself: they get `services.<name>` as their last argument. With `call_back` the sandbox's
    accounts send webhooks to the edge.
    """

    instance: Instance
    postgres: Server
    rabbitmq: Server
    root: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    overrides: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    database_prefix: str = "paymesh_"
    launchers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    call_back: bool = False

    def url(self, name: str) -> str:
        """Where `api`, `sandbox` or the operations port `ops_<service>` is on this machine."""
        return f"http://127.0.0.1:{self.instance.ports.last(name)}"

    @property
    def shop_url(self) -> str:
        """The shop that receives the demo merchant's webhooks."""
        return f"{self.url(SANDBOX)}/shop"

    @property
    def internal_api_key(self) -> str:
        """The operators' key of this instance."""
        return f"internal_local_{self.instance.secret('internal_api_key', 16)}"

    @property
    def gateways_file(self) -> Path:
        """The gateway accounts of this instance."""
        given = self.settings.get("PAYMESH_GATEWAYS_FILE") or os.environ.get("PAYMESH_GATEWAYS_FILE")
        told = "local/gateways.toml" if self.call_back else "gateways.toml"  # Razorpay mostly tells the outcome by webhook
        return Path(given) if given else self.root / "deploy" / told

    def key_file(self, which: str) -> Path:
        """The `public` or `private` sealing keys."""
        return self.instance.folder / "keys" / f"sealing.{which}.json"

    def database(self, service: str) -> str:
        """The name of a service's database."""
        return f"{self.database_prefix}{service}"

    def database_url(self, service: str) -> str:
        """A service's database, for SQLAlchemy over asyncpg."""
        return urlunsplit(urlsplit(self.postgres.url)._replace(scheme="postgresql+asyncpg", path=f"/{self.database(service)}"))

    def environment(self, service: str) -> dict[str, str]:
        """What a service, its migrations and its seeding are started with."""
        return {
            **DEFAULTS,
            **os.environ,
            "PAYMESH_DATABASE_URL": self.database_url(service),
            "PAYMESH_RABBITMQ_URL": self.rabbitmq.url,
            "PAYMESH_OPS_HOST": "127.0.0.1",
            "PAYMESH_OPS_PORT": str(self.instance.ports.last(f"ops_{service}")),
            "PAYMESH_GATEWAYS_FILE": str(self.gateways_file),
            **self._private(service),
            **self.settings,
            **self.overrides.get(service, {}),
        }

    def _private(self, service: str) -> dict[str, str]:
        """What only this service needs, or may know."""
        instance = self.instance
        match service:
            case "api":
                return {
                    "PAYMESH_BIND_HOST": "127.0.0.1",
                    "PAYMESH_BIND_PORT": str(instance.ports.last("api")),
                    "PAYMESH_INTERNAL_API_KEY": self.internal_api_key,
                    "PAYMESH_SEALING_KEYS_FILE": str(self.key_file("public")),
                    "PAYMESH_FINGERPRINT_KEY": instance.secret("fingerprint_key", 32),
                }
            case "executor":
                return {
                    "PAYMESH_UNSEALING_KEYS_FILE": str(self.key_file("private")),
                    "PAYMESH_EXECUTOR_GATEWAYS": "",
                    "PAYMESH_SANDBOX_URL": self.url(SANDBOX),
                }
            case "notifier":
                return {"PAYMESH_SECRETS_KEY": base64.b64encode(bytes.fromhex(instance.secret("secrets_key", 32))).decode()}
            case _:
                return {}

    def service(self, service: str) -> Program:
        """One of the six."""
        ops = self.url(f"ops_{service}")
        command = (sys.executable, "-m", *self.launchers.get(service, ()), f"services.{service}")
        return Program(service, command, self.environment(service), f"{ops}/readyz", ops)

    def sandbox(self) -> Program:
        """The outside world: gateways that misbehave on command, and the shop."""
        url = self.url(SANDBOX)
        command = [sys.executable, "-m", "deploy.sandbox", "--host", "127.0.0.1", "--port", str(self.instance.ports.last(SANDBOX))]
        command += ["--journal", str(self.instance.folder / "journal"), "--webhook-secret", demo.WEBHOOK_SECRET]
        accounts = self.settings.get("PAYMESH_SANDBOX_ACCOUNTS_FILE")
        command += ["--accounts", accounts] if accounts else []
        command += ["--call-back", f"{self.url('api')}/webhooks"] if self.call_back else []
        environment = {**DEFAULTS, **os.environ, **self.settings, **self.overrides.get(SANDBOX, {})}
        return Program(SANDBOX, tuple(command), environment, f"{url}/livez", url)
