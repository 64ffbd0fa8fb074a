"""What the code says of itself: services, gateway accounts, queues, settings. Manifests are held to this."""

import importlib
from functools import cache
from types import ModuleType

from pydantic_settings import BaseSettings

from shared import accounts, topology
from shared.settings import Settings, Waiting
from tests.deploy.places import ROOT

ACCOUNTS = {account.name: account for account in accounts.load(ROOT / "deploy" / "gateways.toml")}
QUEUES = tuple(topology.inlets(ACCOUNTS))
SERVICES = tuple(sorted(path.parent.name for path in (ROOT / "services").glob("*/__main__.py")))
# Commands that read variables by themselves, not through settings of a service.
COMMANDS = {
    "shared.storage.migrate": {"PAYMESH_DATABASE_URL"},
    "shared.topology": {"PAYMESH_RABBITMQ_URL", "PAYMESH_GATEWAYS_FILE"},
    "shared.sealing": set[str](),
    "deploy.sandbox": {"PAYMESH_WEBHOOK_SECRET"},
}


@cache
def wiring_of(service: str) -> ModuleType:
    return importlib.import_module(f"services.{service}.wiring")


def settings_of(module: ModuleType) -> tuple[type[BaseSettings], ...]:
    """The settings that a module defines or imports; of related ones the most derived."""
    found = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, BaseSettings)]
    return tuple(one for one in found if not any(other is not one and issubclass(other, one) for other in found))


def variables_of(*settings: type[BaseSettings]) -> dict[str, tuple[type[BaseSettings], str]]:
    """Variable → the settings and the field that read it."""
    return {f"{one.model_config.get('env_prefix', '')}{name}".upper(): (one, name) for one in settings for name in one.model_fields}


def known_variables(service: str) -> set[str]:
    """What a service may be told. What all of them may be told is no mistake where one of them does not listen."""
    return {*variables_of(*settings_of(wiring_of(service))), *variables_of(Settings, Waiting)}


def reads_accounts(service: str) -> bool:
    """Whether it needs gateways.toml."""
    return hasattr(wiring_of(service), "accounts")
