"""compose.yaml starts every process apart, each after what it needs, each bounded, and opens nothing beyond this machine."""

import re
from typing import Any

import pytest

from shared.settings import Settings
from tests.deploy.composition import composition, entries, processes, seconds, services
from tests.deploy.house import ACCOUNTS, SERVICES
from tests.deploy.test_scaling import RESERVED, connections_max
from tests.deploy.test_services import CLOSING_S, DEPLOYMENTS, stop_timeout_s

COMPLETED = "service_completed_successfully"


def test_every_service_and_every_account_has_a_process() -> None:
    assert {name: one.module for name, one in services().items()} == {
        name: f"services.{service}" for service, names in DEPLOYMENTS.items() for name in names
    }
    served = {name: one.gateways for name, one in services().items() if one.service == "executor"}
    assert served == {f"executor-{name}": (name,) for name in ACCOUNTS}


def test_everything_is_prepared() -> None:
    once = {name: one.command[2:] for name, one in processes().items() if not one.is_service and name != "sandbox"}
    for service in SERVICES:
        assert once.pop(f"migrate-{service}") == ("shared.storage.migrate", service, "upgrade")
    assert {name: command[0] for name, command in once.items()} == {
        "keys": "shared.sealing",
        "topology": "shared.topology",
        "seed-api": "services.api.seed",
        "seed-notifier": "services.notifier.seed",
    }
    assert {name: entries()[name]["restart"] for name in [*once, "migrate-api"]} == dict.fromkeys([*once, "migrate-api"], "no")


@pytest.mark.parametrize("name", services())
def test_it_starts_after_what_it_needs(name: str) -> None:
    process = services()[name]
    needed = {f"migrate-{process.service}", "topology"}
    needed |= {"keys"} if any("KEYS_FILE" in variable for variable in process.environment) else set()
    needed |= {"seed-api", "seed-notifier"} if name == "api" else set()
    awaited = {other for other, how in entries()[name]["depends_on"].items() if how["condition"] == COMPLETED}
    assert awaited == needed


def test_who_is_awaited_exists_and_can_be_waited_for() -> None:
    for name, entry in entries().items():
        for other, how in entry.get("depends_on", {}).items():
            assert other in entries(), f"{name} waits for {other}"
            assert how["condition"] == COMPLETED or "healthcheck" in entries()[other], f"{name} waits for {other}, which has no healthcheck"


@pytest.mark.parametrize("name", services())
def test_its_health_is_its_readiness(name: str) -> None:
    environment, entry = services()[name].environment, entries()[name]
    assert environment["PAYMESH_OPS_HOST"] == "0.0.0.0"
    assert entry["healthcheck"]["test"][-1] == f"http://127.0.0.1:{environment['PAYMESH_OPS_PORT']}/readyz"
    assert entry["restart"] == "unless-stopped"
    assert services()[name].grace_s >= stop_timeout_s(services()[name]) + CLOSING_S, "raise stop_grace_period"


@pytest.mark.parametrize("name", entries())
def test_it_is_bounded(name: str) -> None:
    entry = entries()[name]
    assert entry["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}
    assert entry["logging"]["options"].keys() == {"max-size", "max-file"}
    if entry["image"] == "paymesh":
        assert (entry["read_only"], entry["cap_drop"], entry["security_opt"]) == (True, ["ALL"], ["no-new-privileges:true"])


def test_nothing_is_open_beyond_this_machine() -> None:
    ports = {name: entry["ports"] for name, entry in entries().items() if "ports" in entry}
    assert ports == {"api": ["127.0.0.1:8080:8080"], "sandbox": ["127.0.0.1:8090:8090"]}
    assert services()["api"].environment["PAYMESH_BIND_PORT"] == "8080"


def test_volumes_are_declared_and_used() -> None:
    used = {volume.split(":")[0] for entry in entries().values() for volume in entry.get("volumes", ()) if not volume.startswith(".")}
    assert used == composition()["volumes"].keys()


def test_private_keys_are_with_executors_alone() -> None:
    def holders(volume: str) -> set[str]:
        return {name for name, entry in entries().items() if any(one.startswith(f"{volume}:") for one in entry.get("volumes", ()))}

    assert holders("private") == {"keys", *DEPLOYMENTS["executor"]}
    assert holders("public") == {"keys", "api"}
    written = {volume for name in ("api", *DEPLOYMENTS["executor"]) for volume in entries()[name]["volumes"] if not volume.endswith(":ro")}
    assert written == set()


def test_the_notifier_meets_the_shop_on_its_own_loopback() -> None:
    """It refuses private addresses, and the sandbox has one."""
    assert entries()["notifier"]["network_mode"] == "service:sandbox"
    assert services()["notifier"].environment["PAYMESH_WEBHOOK_ALLOW_LOOPBACK"] == "true"


def test_postgres_bears_every_process() -> None:
    each = connections_max(Settings(database_url="postgresql+asyncpg://nobody@nowhere/none", rabbitmq_url="amqp://nowhere"))
    postgres: dict[str, Any] = entries()["postgres"]
    (most,) = re.findall(r"max_connections=(\d+)", " ".join(postgres["command"]))
    assert len(services()) * each + RESERVED <= int(most)


def test_durations() -> None:
    assert [seconds(one) for one in ("35s", "1m30s", "500ms", "2h")] == [35, 90, 0.5, 7200]
