"""What an earlier runner left behind when it was killed: found by its records, and ended; and what any runner leaves: its data."""

import contextlib
import shutil
from concurrent.futures import ThreadPoolExecutor

from deploy.local.instance import Instance
from deploy.local.servers.container import leftovers as containers
from deploy.local.servers.postgres import Postgres
from deploy.local.servers.rabbitmq import RabbitMQ
from deploy.local.unit import Unit

SERVER_PROCESSES = ("postgres", "rabbitmq", "epmd")


def end_programs(instance: Instance) -> list[str]:
    """End every program of ours but the servers, which the next start takes over; the names of those that still ran."""
    processes = [instance.process(name) for name in instance.recorded() if name not in SERVER_PROCESSES]
    running = [process for process in processes if process.alive()]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda process: process.end(), running))
    return [process.name for process in running]


def end_servers(instance: Instance) -> list[str]:
    """End PostgreSQL and RabbitMQ of the instance; the names of those that still ran."""
    recorded = set(instance.recorded())
    units: list[Unit] = [*containers(instance.folder)]
    if recorded & {"rabbitmq", "epmd"}:
        units.append(RabbitMQ(instance.folder))
    if "postgres" in recorded:
        units.append(Postgres(instance.folder))
    running = [unit.name for unit in units if unit.alive()]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda unit: unit.stop(), units))
    return running


def wipe(instance: Instance) -> None:
    """End whatever runs of an instance and delete all of it. Raises InstanceBusy while a runner holds it."""
    if instance.folder.exists():
        with instance.held():
            end_programs(instance)
            end_servers(instance)
            remove(instance)


def remove(instance: Instance) -> None:
    """Delete an ended instance: its folder, and data that lie elsewhere because their account may not enter it."""
    for link in instance.folder.iterdir():
        if link.is_symlink():
            shutil.rmtree(link.resolve(), ignore_errors=True)
            with contextlib.suppress(OSError):  # where other data of this instance are left
                link.resolve().parent.rmdir()
    for container in containers(instance.folder):
        container.remove()
    shutil.rmtree(instance.folder)
