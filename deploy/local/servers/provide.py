"""Where PostgreSQL and RabbitMQ come from: given by URL, then programs of this machine, then its distribution, then Docker."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import ServerUnavailable
from deploy.local.servers import Say, Server, packages, postgres, rabbitmq
from deploy.local.servers.container import Container, engine_answers
from deploy.local.servers.given import Given


@dataclass(frozen=True)
class Kind:
    """One of the two: the setting that gives it, the package that brings it, how its program is found, what runs it."""

    name: str
    setting: str
    package: str
    find: Callable[[], Path | None]
    private: Callable[[Path, Say], Server]


POSTGRES = Kind("postgres", "PAYMESH_POSTGRES_URL", "postgresql", postgres.find, postgres.Postgres)
RABBITMQ = Kind("rabbitmq", "PAYMESH_RABBITMQ_URL", "rabbitmq-server", rabbitmq.find, rabbitmq.RabbitMQ)


def provide(folder: Path, settings: Mapping[str, str], say: Say) -> tuple[Server, Server]:
    """PostgreSQL and RabbitMQ of the instance in `folder`, not started yet. Raises ServerUnavailable."""
    kinds = (POSTGRES, RABBITMQ)
    missing = [kind for kind in kinds if not settings.get(kind.setting) and kind.find() is None]
    in_containers = bool(missing) and not _installed(missing, say)
    first, second = (_one(kind, folder, settings, say, container=in_containers and kind in missing) for kind in kinds)
    return first, second


def _one(kind: Kind, folder: Path, settings: Mapping[str, str], say: Say, *, container: bool) -> Server:
    url = settings.get(kind.setting)
    if url:
        return Given(kind.name, url.replace("postgresql+asyncpg://", "postgresql://"), kind.setting)
    return Container(kind.name, folder, say) if container else kind.private(folder, say)


def _installed(missing: list[Kind], say: Say) -> bool:
    """True when they are programs of this machine now, False when containers must do."""
    wanted = [kind.package for kind in missing]
    prefix = packages.privilege()
    if prefix is not None:
        packages.install(wanted, prefix, say)
        return True
    if engine_answers():
        return False
    settings = " and ".join(kind.setting for kind in missing)
    raise ServerUnavailable(
        f"no {' and no '.join(kind.name for kind in missing)} on this machine: run `sudo {packages.command(wanted)}`, "
        f"or start a Docker engine, or set {settings}"
    )
