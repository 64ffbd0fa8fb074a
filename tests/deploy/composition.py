"""compose.yaml as Compose would see it."""

import re
from functools import cache
from typing import Any

import yaml

from tests.deploy.places import DOCKER
from tests.deploy.process import Process

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
DEFAULT_GRACE_S = 10.0


@cache
def composition() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    return loaded


def entries() -> dict[str, dict[str, Any]]:
    """Every service of the file, in Compose's sense of the word."""
    services: dict[str, dict[str, Any]] = composition()["services"]
    return services


@cache
def processes() -> dict[str, Process]:
    """Those that run our image."""
    return {
        name: Process(
            f"compose {name}",
            tuple(entry["command"]),
            entry.get("environment", {}),
            frozenset(_target(volume) for volume in entry.get("volumes", ())),
            seconds(entry["stop_grace_period"]) if "stop_grace_period" in entry else DEFAULT_GRACE_S,
            {},
        )
        for name, entry in entries().items()
        if entry["image"] == "paymesh"
    }


def services() -> dict[str, Process]:
    """Those that are a service of the mesh."""
    return {name: one for name, one in processes().items() if one.is_service}


def _target(volume: str) -> str:
    """A bind mount of a file is that file; a named volume is a folder that is filled at run time."""
    source, target = volume.split(":")[:2]
    return target if source.startswith(".") else f"{target}/"


def seconds(duration: str) -> float:
    return sum(float(number) * SECONDS[unit] for number, unit in re.findall(r"([0-9.]+)(ms|s|m|h)", duration))
