"""A process as a deployment starts it, whether compose or Kubernetes does."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import ModuleType


@dataclass(frozen=True)
class Process:
    """`where` is for messages. `files` are what its mounts provide: paths, and folders ("…/") of what comes only at run time."""

    where: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    files: frozenset[str] = frozenset()
    grace_s: float = 0.0
    ports: Mapping[str, int] = field(default_factory=dict)

    @property
    def module(self) -> str:
        """What `python -m` is given."""
        assert self.command[:2] == ("python", "-m"), f"{self.where} starts {self.command}"
        return self.command[2]

    @property
    def service(self) -> str | None:
        """The service whose code this is, its seeding included."""
        parts = self.module.split(".")
        return parts[1] if parts[0] == "services" else None

    @property
    def is_service(self) -> bool:
        """Whether it is the service itself, not a command that ends."""
        return self.module == f"services.{self.service}"

    @property
    def reader(self) -> ModuleType:
        """The module of a service that builds settings from the environment."""
        return importlib.import_module(f"services.{self.service}.wiring" if self.is_service else self.module)

    @property
    def gateways(self) -> tuple[str, ...]:
        """The accounts that an executor serves."""
        return tuple(filter(None, self.environment.get("PAYMESH_EXECUTOR_GATEWAYS", "").split(",")))

    def has(self, path: str) -> bool:
        """Whether a mount provides this file."""
        return path in self.files or any(one.endswith("/") and PurePosixPath(path).is_relative_to(one) for one in self.files)
